"""Pointing at a result, in a browser with scripts off: its row, its column and its arithmetic; and reading it all."""

import re

import pytest
from test_view import contrast

STEP_2 = ".ae-live:has(#after-step-2)"


@pytest.fixture(params=["hover", "focus", "tap"])
def pointed(request, chromium, address):
    """Step 2 of the autoencoder, with Z1's row 3, X2 pointed at in one of three ways."""
    context = chromium.new_context(java_script_enabled=False, has_touch=request.param == "tap")
    page = context.new_page()
    page.goto(f"{address}/chapters/autoencoder.html")
    step = page.locator(STEP_2)
    getattr(step.locator(".ae-y0 td.r2.c1"), request.param)()
    yield step
    context.close()


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
    figure, line = pointed.locator(".ae-line").bounding_box(), shown[0].bounding_box()
    assert figure["y"] < line["y"] and line["y"] + line["height"] <= figure["y"] + figure["height"] + 1


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
@pytest.mark.parametrize("chapter", ["autoencoder", "sparse_autoencoder"])
def test_every_text_in_the_figures_can_be_read(chromium, address, chapter, scheme):
    context = chromium.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/chapters/{chapter}.html")
    for details in page.locator(".ae-live details").all():
        details.evaluate("details => details.open = true")
    found, count = unreadable(page.locator(".ae-live"))
    assert (found, count > 50) == ([], True)
    context.close()
