"""The variants' page, live: several figures a panel follow the sliders, as they do here; the training runs anew."""

import pytest
from livebook import Reader, until

from ae_variant_widgets import SECTIONS, variants_chapter

CHAPTER = "chapters/variants"
# Each panel's tables, entry by entry, without what a pointed-at cell would say.
TABLES = """() => [...document.querySelectorAll('.ae-panel')].map((panel) =>
  [...panel.querySelectorAll('.ae-figure, .widget-html-content')].filter((one) => one.querySelector('table')).map((figure) =>
    [...figure.querySelectorAll('td, .ae-numbers th')].map((cell) =>
      [...cell.childNodes].filter((node) => node.nodeType === 3 || !/^(S|SPAN)$/.test(node.nodeName)).map((node) => node.textContent).join(''))))"""


@pytest.fixture(scope="module")
def reader(chromium, address):
    with Reader(chromium, address, CHAPTER) as reader:
        reader.built = reader.page.evaluate(TABLES)
        reader.page.locator(".live-host [role=slider]").first.focus()
        reader.page.locator("html[data-live=yes]").wait_for()
        yield reader


def test_going_live_changes_no_number(reader):
    assert reader.complaints == []
    panels = reader.page.evaluate(TABLES)
    assert len(panels) == len(SECTIONS) + 3
    assert panels == reader.built


@pytest.mark.parametrize(("label", "key"), [("k", "ArrowRight"), ("θ row f1", "ArrowLeft"), ("p2", "ArrowRight"), ("X row 2 column X3 Fuji", "ArrowRight")])
def test_every_figure_that_depends_on_a_slider_follows_it_and_no_other(reader, label, key):
    """The page changes where this machine's own chapter does, panel by panel and figure by figure."""
    page = reader.page
    here = variants_chapter()
    panels = [here.shared(), *(here.section(number) for number in range(1, len(SECTIONS) + 1)), here.side_by_side()]
    before, drawn = page.evaluate(TABLES), [panel.drawings() for panel in panels]
    (entry,) = (entry for entry in here.entries.values() if entry.slider.description == label)
    entry.move(1 if key == "ArrowRight" else -1)
    expected = [[a != b for a, b in zip(one, panel.drawings())] for one, panel in zip(drawn, panels)]
    page.get_by_role("slider", name=label, exact=True).first.focus()
    page.keyboard.press(key)

    def changed():
        after = page.evaluate(TABLES)
        return [[a != b for a, b in zip(one, other)] for one, other in zip(before, after)][: len(panels)]

    # Some figures differ in a line of arithmetic alone, which the cells do not show.
    until(lambda: changed()[-1] == [True])
    page.wait_for_timeout(300)
    moved = changed()
    assert all(there <= here for one, other in zip(moved, expected) for there, here in zip(one, other))
    assert [any(one) for one in moved] == [any(one) for one in expected]
    assert reader.complaints == []
    page.get_by_role("button", name="Reset all").first.click()
    until(lambda: page.evaluate(TABLES) == reader.built)


@pytest.mark.parametrize("width", [1280, 360])
def test_what_is_folded_away_moves_nothing_when_widgets_take_its_place(chromium, address, width):
    heights = "[...document.querySelectorAll('.ae-live')].map((panel) => panel.offsetHeight)"
    found = []
    for scripts in (False, True):
        context = chromium.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 900})
        page = context.new_page()
        page.goto(f"{address}/{CHAPTER}.html")
        if scripts:
            page.locator(".live-bar").last.wait_for()
        found.append(page.evaluate(heights))
        context.close()
    assert found[0] == found[1]
    assert len(found[0]) == len(SECTIONS) + 3


def test_the_weights_sliders_are_unfolded_with_the_keyboard(reader):
    """What unfolds them is the next stop after the sliders for X, and says whether it is open; then Tab goes on inside."""
    page, label = reader.page, "W_enc row f1 column 1"
    weight = page.get_by_role("slider", name=label, exact=True)
    assert weight.count() == 0  # neither seen nor spoken of
    page.get_by_role("slider", name="X row 3 column X5 tea", exact=True).focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Sliders for Wenc and Wdec"
    assert page.evaluate("document.activeElement.localName") == "summary"
    page.keyboard.press("Enter")
    weight.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.title") == f"{label}: 1 less"
    before = page.evaluate(TABLES)
    weight.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: all(one != other for one, other in zip(before[:-1], page.evaluate(TABLES))))
    assert reader.complaints == []
    page.get_by_role("button", name="Reset all").first.click()
    until(lambda: page.evaluate(TABLES) == reader.built)
    page.locator(".ae-fold summary").press(" ")
    assert weight.count() == 0


def test_all_are_trained_again_at_a_press(reader):
    panel = reader.page.locator(".ae-panel").last
    panel.get_by_role("button", name="Train all eight").click()
    panel.get_by_role("listitem").filter(has_text="earlier seeds").wait_for()
    assert panel.get_by_role("button", name="Train all eight").is_enabled()
    assert reader.page.evaluate(TABLES)[-1] != reader.built[-1]
    assert reader.complaints == []
