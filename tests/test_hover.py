"""Pointing at a result, in a browser with scripts off: its row, its column and its arithmetic; and reading it all."""

import re

import pytest
from test_view import contrast

STEP_2 = ".ae-live:has(#after-step-2)"


@pytest.fixture
def point(chromium, address):
    """Point at a cell of a page in a way of a person's; give the line of tables that it is in."""
    contexts = []

    def pointing(way, chapter, cell):
        context = chromium.new_context(java_script_enabled=False, has_touch=way == "tap")
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{address}/chapters/{chapter}.html")
        cell = page.locator(cell).first
        getattr(cell, way)()
        return page.locator(".ae-line").filter(has=page.locator("td:is(:hover, :focus)"))

    yield pointing
    for context in contexts:
        context.close()


@pytest.fixture(params=["hover", "focus", "tap"])
def pointed(request, point):
    """Step 2 of the autoencoder, with Z1's row 3, X2 pointed at in one of three ways."""
    return point(request.param, "autoencoder", f"{STEP_2} .ae-y0 td.r2.c1")


def lit(table):
    """Say of each number of a table, row by row, whether it is lit."""
    cells = [cell for cell in table.locator("tbody td").all()]
    shadows = [cell.evaluate("cell => getComputedStyle(cell).boxShadow") for cell in cells]
    return [shadow.endswith("2px inset") for shadow in shadows]


def test_row_and_column_light_up(pointed):
    weights, inputs, result = (pointed.locator(f"table.{name}") for name in ("ae-left", "ae-top", "ae-result"))
    assert lit(weights) == [False] * 10 + [True] * 5
    assert lit(inputs) == [False, True, False, False] * 5
    assert not any(lit(result))


def test_the_arithmetic_shows(pointed):
    shown = [line for line in pointed.locator(".ae-how").all() if line.is_visible()]
    assert [line.inner_text() for line in shown] == ["Z1 row 3, X2: 1·(−1) + (−1)·0 + 0·1 + 0·2 + 0 = −1"]
    assert not pointed.locator(".ae-hint").is_visible()
    figure, line = pointed.bounding_box(), shown[0].bounding_box()
    assert figure["y"] < line["y"] and line["y"] + line["height"] <= figure["y"] + figure["height"] + 1


BACKWARD = {
    "a gate": (2, ".ae-y0", "td.r3.c1", "dZ4 row 4, X2: −4·(−1 > 0) = 0 (ReLU is switched off here)", {"dY": {(3, 1)}, "Z4": {(3, 1)}}),
    "a sum": (2, ".ae-y1", "td.r2.c0", "db4 row 3, b: 34 + 16 + 30 + 14 = 94", {"dZ4": {(2, j) for j in range(4)}}),
    "a product": (
        3, ".ae-result", "td.r0.c0", "dW3 row 1, column 1: 20·9 + 2·3 + 16·7 + 4·2 = 306",
        {"dZ3": {(0, j) for j in range(4)}, "A2ᵀ": {(j, 0) for j in range(4)}},
    ),
    "an update": (6, ".ae-y0", "td.r0.c0", "W4⁺ row 1, column 1: 0 − 0.001·10 = −0.01", {"W4": {(0, 0)}, "dW4": {(0, 0)}, "η": {(0, 0)}}),
    "a slope that was measured": (8, ".ae-y0", "td.r0.c0", None, {"dW1, db1": {(0, 0)}}),
}  # fmt: skip


@pytest.mark.parametrize("way", ["hover", "focus", "tap"])
@pytest.mark.parametrize(("step", "table", "cell", "line", "lit_up"), BACKWARD.values(), ids=BACKWARD)
def test_backward_too_what_a_result_reads_lights_up_and_its_arithmetic_shows(point, way, step, table, cell, line, lit_up):
    pointed = point(way, "backpropagation", f".ae-live:has(#after-step-{step}) {table} {cell}")
    shown = [text.inner_text() for text in pointed.locator(".ae-how").all() if text.is_visible()]
    assert len(shown) == 1
    assert line is None or shown == [line]
    found = {}
    for table in pointed.locator("table").all():
        columns = table.locator("thead th").count()
        places = {divmod(k, columns) for k, is_lit in enumerate(lit(table)) if is_lit}
        if places:
            found[table.locator("caption b").inner_text()] = places
    assert found == lit_up


def test_the_keyboard_reaches_every_result_of_the_backward_pass_and_no_other_number(chromium, address):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/chapters/backpropagation.html")
    step = page.locator(".ae-live:has(#after-step-3)")
    step.locator(".ae-skip").first.focus()
    reached = []
    for _ in range(12 + 1):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.querySelector('.ae-how i')?.textContent"))
    assert reached[0] == "dZ3 row 1, X1:" and reached[11] == "dZ3 row 3, X4:" and reached[12] == "db3 row 1, b:"
    results = step.locator("table:is(.ae-y0, .ae-y1, .ae-y2) tbody td")
    assert step.locator("td[tabindex]").count() == results.count() == 12 + 3 + 6 + 8  # dZ3, db3, dW3, dA2
    context.close()


def test_the_page_reads_without_scripts(chromium, address):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/chapters/sparse_autoencoder.html")
    assert page.locator("h2:has-text('Step ')").count() == 10
    assert page.locator(".ae-live table").first.is_visible()
    assert page.locator("math").first.is_visible()
    context.close()


TEXT_AND_PAPER = """panels => {
  const pairs = {};
  for (const element of panels.flatMap(panel => [...panel.querySelectorAll("*")])) {
    const style = getComputedStyle(element);
    const text = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!text || !element.checkVisibility() || style.clipPath !== "none" || style.color === "rgba(0, 0, 0, 0)") continue;
    let behind = element, paper;
    while ((paper = getComputedStyle(behind).backgroundColor) === "rgba(0, 0, 0, 0)" && behind.parentElement)
      behind = behind.parentElement;
    pairs[style.color + " on " + paper] = element.outerHTML.slice(0, 80);
  }
  return pairs;
}"""


def hexadecimal(colour):
    """Write a computed colour, ``rgb(1, 2, 3)`` or ``color(srgb 0.1 0.2 0.3)``, as ``#010203``."""
    numbers = [float(number) for number in re.findall(r"[\d.]+", colour)]
    assert len(numbers) == 3, colour
    return "#" + "".join(f"{round(number * (255 if 'srgb' in colour else 1)):02x}" for number in numbers)


def unreadable(panels):
    """Give the texts of some panels whose contrast, as the browser paints them, is too low; and how many there are."""
    pairs = panels.evaluate_all(TEXT_AND_PAPER)
    return [text for pair, text in pairs.items() if contrast(*map(hexadecimal, pair.split(" on "))) < 4.5], len(pairs)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("chapter", ["autoencoder", "sparse_autoencoder", "backpropagation", "variants"])
def test_every_text_in_the_figures_can_be_read(chromium, address, chapter, scheme):
    context = chromium.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/chapters/{chapter}.html")
    for details in page.locator(".ae-live details").all():
        details.evaluate("details => details.open = true")
    found, count = unreadable(page.locator(".ae-live"))
    assert (found, count > 50) == ([], True)
    context.close()
