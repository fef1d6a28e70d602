"""A page goes live in a real browser: when it starts, what it says, and that nothing the reader does is lost."""

import contextlib
import json
import random
import re

import pytest
from bs4 import BeautifulSoup
from livebook import Reader, until

import ae_widgets
from ae_view import rest_html, result_html

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
SPARSE = "chapters/sparse_autoencoder"
CHAPTERS = {"chapters/autoencoder": ae_widgets.autoencoder_chapter, SPARSE: ae_widgets.sparse_autoencoder_chapter}
LIVE = "html[data-live=yes]"
HANDLE = ".live-host [role=slider]"

# Keeps each worker at hand, and notes what moved without the reader's doing.
WATCH = """
window.workers = [];
window.Worker = class extends Worker { constructor(...options) { super(...options); workers.push(this); } };
window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (shift += entry.value)))
  .observe({ type: 'layout-shift', buffered: true });
"""


@pytest.fixture
def read(chromium, address):
    """A function that opens a chapter for a reader; all that were opened are closed."""
    readers = []

    def open_chapter(chapter=SPARSE, script=WATCH, drawn=True, **options):
        context = chromium.new_context(**{"viewport": DESK, "service_workers": "block", **options})
        context.add_init_script(script)
        readers.append((context, Reader(chromium, address, chapter, context) if drawn else context.new_page()))
        return readers[-1][1]

    yield open_chapter
    for context, _ in readers:
        context.close()


def texts(page):
    """Return the text of each cell of each figure's tables, as the page shows it."""
    return page.evaluate(
        "[...document.querySelectorAll('.live-host .ae')].map((step) => [...step.querySelectorAll('td')].map((cell) => cell.textContent))"
    )


def expected(chapter):
    """Return the same for a chapter as CPython computes it."""
    drawn = [BeautifulSoup(draw(step), "lxml") for step in chapter.steps for draw in (result_html, rest_html) if draw(step)]
    return [[cell.get_text() for cell in figure.select("td")] for figure in drawn]


def settle(reader, chapter):
    """Wait until the page shows what the chapter's sliders say, and compare every cell."""
    wanted = expected(chapter)
    with contextlib.suppress(AssertionError):
        until(lambda: texts(reader.page) == wanted, seconds=20)
    assert texts(reader.page) == wanted


def twin(reader, chapter=SPARSE):
    """Return the chapter in CPython, with its sliders moved to where the page's stand."""
    made = CHAPTERS[chapter]()
    for number in range(1, len(made.steps) + 1):
        made.step(number)
    standing = reader.page.evaluate(
        """Promise.all(Object.values(live.manager._models)).then((models) => Object.fromEntries(models
             .filter((model) => model.get('_model_name') === 'FloatSliderModel')
             .map((model) => [model.get('description'), model.get('value')])))"""
    )
    by_title = {entry.slider.description: entry.slider for entry in made.entries.values()}
    assert standing.keys() == by_title.keys()
    for title, value in standing.items():
        by_title[title].value = value
    return made


def complaints(reader):
    # The tests keep files back, which they could not do behind a service worker's back.
    return [text for text in reader.complaints if "Service Worker registration blocked" not in text]


def handle(reader, number=0):
    return reader.page.locator(HANDLE).nth(number)


def go_live(reader):
    handle(reader).focus()
    reader.page.locator(LIVE).wait_for()


def middle(locator):
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def hold(page, name):
    """Keep a file of the live side from coming until the returned function is called."""
    waiting, open_ = [], []

    def answer(route):
        route.continue_() if open_ else waiting.append(route)

    page.route(f"**/{name}", answer)

    def release():
        open_.append(True)
        for route in waiting:
            route.continue_()

    return release


# ---------------------------------------------------------------------------------- before the start


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_widgets_take_the_place_of_their_pictures(read, address, chapter, size):
    page = read(drawn=False, viewport=size)
    release = hold(page, "live-*/page.js")
    page.goto(f"{address}/{chapter}.html", wait_until="commit")
    page.locator(".ae-live .ae-figure table").last.wait_for(state="attached")
    page.wait_for_function("document.fonts.status === 'loaded'")
    heights = "[...document.querySelectorAll('.ae-panel:not(.ae-panel .ae-panel), .live-host')].map((panel) => panel.offsetHeight)"
    before = page.evaluate(heights)
    page.evaluate("document.querySelectorAll('.ae-figure table').forEach((table) => (table.mine = true))")
    release()
    page.locator(".live-bar").last.wait_for()
    assert page.locator(".live-host").count() == len(before) == len(CHAPTERS[chapter]().steps)
    assert page.evaluate("[...document.querySelectorAll('.live-host')].map((host) => host.offsetHeight)") == before
    assert page.evaluate("[...document.querySelectorAll('.live-host .ae table')].every((table) => table.mine)")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_moves_from_loading_to_being_live(read, size):
    reader = read(viewport=size)
    reader.page.wait_for_timeout(500)
    before = reader.page.evaluate("shift")
    assert before <= 0.02
    reader.page.get_by_role("button", name="Make live").click()
    reader.page.locator(LIVE).wait_for()
    reader.page.wait_for_timeout(500)
    assert reader.page.evaluate("shift") - before == 0
    assert complaints(reader) == []


def test_every_slider_has_a_name_of_its_own(read):
    names = read().page.locator(HANDLE).evaluate_all("handles => handles.map((handle) => handle.getAttribute('aria-label'))")
    assert len(names) > 60
    assert all(names)
    # λ stands in two steps.
    assert {name for name in names if names.count(name) > 1} <= {"λ"}


@pytest.mark.parametrize("act", ["focus", "hover", "button", "tap"])
def test_python_starts_when_the_reader_means_to_use_it(read, act):
    reader = read(**({"has_touch": True} if act == "tap" else {}))
    page = reader.page
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    assert page.evaluate("workers.length") == 0
    if act == "focus":
        handle(reader).focus()
    elif act == "hover":
        page.mouse.move(*middle(handle(reader)))
    elif act == "button":
        page.get_by_role("button", name="Make live").click()
    else:
        page.touchscreen.tap(*middle(handle(reader)))
    page.locator(LIVE).wait_for()
    assert page.evaluate("workers.length") == 1
    assert page.get_by_role("button", name="Make live").is_hidden()
    assert complaints(reader) == []
    assert reader.leaves() == set()


def test_a_start_asks_for_each_file_once_and_draws_nothing_that_the_page_shows(read):
    reader = read()
    go_live(reader)
    (worker,) = reader.page.workers
    asked = [name for where in (reader.page, worker) for name in where.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")]
    live = [name.rpartition("/")[2] for name in asked if "/live-" in name and not name.endswith((".css", ".js"))]
    assert {"core.zip", "project.zip", "pyodide.asm.wasm"} <= set(live)
    assert sorted(live) == sorted(set(live))
    cell = reader.cell(reader.page.locator("div.cell").count())
    cell.run(
        "import traitlets\n"
        "from ipywidgets.widgets.widget import TRAITLETS_FILE\n"
        "print(TRAITLETS_FILE == traitlets.HasTraits.setup_instance.__code__.co_filename)\n"
        "figures = [figure for panel in chapter.panels.values() for figure in panel.figures]\n"
        "print(len(figures), sum('value' in figure._trait_values for figure in figures))\n"
        "print(all(figure.value.startswith('<div class=\"ae\"') for figure in figures))"
    )
    assert cell.output.inner_text().split() == ["True", "11", "0", "True"]


def test_a_page_without_scripts_still_reads(read, address):
    page = read(drawn=False, java_script_enabled=False)
    page.goto(f"{address}/{SPARSE}.html")
    assert "need scripts" in page.locator(".live-line").inner_text()
    assert page.locator(".ae table").count() >= 20


def test_a_page_without_webassembly_still_reads(read, address):
    page = read(drawn=False, script="delete globalThis.WebAssembly;")
    page.goto(f"{address}/{SPARSE}.html")
    page.locator(".live-line", has_text="no WebAssembly").wait_for()
    assert page.locator(".ae-live .ae-figure table").count() >= 20
    assert page.get_by_role("button", name="Make live").is_hidden()


# --------------------------------------------------------------------------------------- the start


def test_a_key_pressed_before_python_is_there_counts(read):
    reader = read()
    release = hold(reader.page, "live-*/worker.js")
    handle(reader).focus()
    for _ in range(3):
        reader.page.keyboard.press("ArrowRight")
    reader.page.locator(".live-progress").wait_for()
    assert reader.page.locator(".live-progress progress").get_attribute("aria-label")
    release()
    reader.page.locator(LIVE).wait_for()
    made = twin(reader)
    book = ae_widgets.sparse_autoencoder_chapter()
    assert sum(a.entries != b.entries for a, b in zip(made.steps[0].inputs, book.steps[0].inputs)) == 1
    settle(reader, made)
    assert reader.page.locator(".live-progress").is_hidden()


def test_a_drag_goes_on_while_python_starts(read):
    reader = read()
    release = hold(reader.page, "live-*/worker.js")
    x, y = middle(handle(reader))
    handle(reader).evaluate("handle => (handle.mine = true)")
    reader.page.mouse.move(x, y)
    reader.page.mouse.down()
    reader.page.mouse.move(x + 8, y, steps=4)
    release()
    reader.page.locator(LIVE).wait_for()
    settle(reader, twin(reader))
    early = texts(reader.page)
    assert handle(reader).evaluate("handle => handle.mine && handle.isConnected")
    reader.page.mouse.move(x - 16, y, steps=8)
    reader.page.mouse.up()
    settle(reader, twin(reader))
    assert texts(reader.page) != early
    assert handle(reader).evaluate("handle => handle.mine && handle.isConnected")
    assert complaints(reader) == []


def test_a_failed_start_says_so_and_can_be_tried_again(read):
    reader = read()
    reader.page.route("**/live-*/core.zip", lambda route: route.fulfill(status=503))
    before = texts(reader.page)
    handle(reader).focus()
    reader.page.keyboard.press("ArrowRight")
    alert = reader.page.locator(".live-progress[role=alert]")
    alert.wait_for()
    assert "could not be started" in alert.inner_text()
    assert texts(reader.page) == before
    reader.page.unroute("**/live-*/core.zip")
    alert.get_by_role("button", name="Try again").click()
    reader.page.locator(LIVE).wait_for()
    settle(reader, twin(reader))
    assert texts(reader.page) != before


def test_a_start_that_stands_still_is_given_up(read):
    reader = read(script=WATCH + "const late = setTimeout; window.setTimeout = (work, delay, ...rest) => late(work, delay > 80000 ? 2000 : delay, ...rest);")
    hold(reader.page, "live-*/worker.js")
    handle(reader).focus()
    alert = reader.page.locator(".live-progress[role=alert]")
    alert.wait_for()
    assert "nothing came" in alert.inner_text()


def test_widgets_that_do_not_match_the_page_are_drawn_anew(read, address):
    page = read(drawn=False)

    def other_story(route):
        response = route.fetch()
        body = response.text()
        changed = body.replace('"source":"chapter.step(4)"', '"source":"import ipywidgets; odd = ipywidgets.IntText(); chapter.step(4)"')
        assert changed != body
        route.fulfill(response=response, body=changed)

    page.route(f"**/{SPARSE}.html", other_story)
    page.goto(f"{address}/{SPARSE}.html")
    page.locator(".live-bar").last.wait_for()
    page.locator(HANDLE).first.focus()
    page.locator(LIVE).wait_for()
    assert page.evaluate("live.times.adopted") is False
    drawn_anew = page.locator(".live-output .ae[aria-label]")
    until(lambda: drawn_anew.count() == 7)
    steps = [re.match(r"Step (\d+)", name)[1] for name in drawn_anew.evaluate_all("steps => steps.map((step) => step.ariaLabel)")]
    assert steps == ["4", "5", "6", "7", "8", "9", "10"]
    # What was taken up before, and what was drawn anew, hear of the same slider.
    before = page.locator(".ae").all_inner_texts()
    page.locator(HANDLE).first.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: sum(a != b for a, b in zip(before, page.locator(".ae").all_inner_texts())) > 5)


# ---------------------------------------------------------------------------------------- being live


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_after_a_burst_of_keys_the_page_shows_the_last_state(read, chapter):
    reader = read(chapter)
    go_live(reader)
    choose = random.Random(6)
    count = reader.page.locator(HANDLE).count()
    for _ in range(5):
        handle(reader, choose.randrange(count)).focus()
        for _ in range(20):
            reader.page.keyboard.press(choose.choice(["ArrowLeft", "ArrowRight", "PageUp", "PageDown"]))
    settle(reader, twin(reader, chapter))
    assert complaints(reader) == []


def test_a_fast_drag_ends_at_the_last_state(read):
    reader = read()
    go_live(reader)
    x, y = middle(handle(reader, 3))
    reader.page.mouse.move(x, y)
    reader.page.mouse.down()
    for k in range(60):
        reader.page.mouse.move(x + 15 - k % 30, y)
    reader.page.mouse.move(x + 11, y)
    reader.page.mouse.up()
    settle(reader, twin(reader))


def test_a_finger_drags_a_slider(read):
    reader = read(has_touch=True, is_mobile=True, viewport=PHONE)
    before = texts(reader.page)
    x, y = middle(handle(reader))
    touch = reader.context.new_cdp_session(reader.page)
    for kind, dx in (("touchStart", 0), ("touchMove", 8), ("touchMove", 20), ("touchMove", 32)):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x + dx, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    reader.page.locator(LIVE).wait_for()
    settle(reader, twin(reader))
    assert texts(reader.page) != before


def test_a_worker_that_dies_in_mid_drag_comes_back_with_the_readers_values(read):
    reader = read()
    go_live(reader)
    reader.page.get_by_role("button", name="+", exact=True).nth(4).click()
    settle(reader, twin(reader))
    x, y = middle(handle(reader, 2))
    reader.page.mouse.move(x, y)
    reader.page.mouse.down()
    reader.page.mouse.move(x + 6, y, steps=3)
    reader.page.evaluate("workers[0].terminate()")
    reader.page.mouse.move(x - 12, y, steps=6)
    reader.page.wait_for_function("workers.length === 2")
    reader.page.mouse.move(x - 15, y, steps=2)
    reader.page.mouse.up()
    reader.page.locator(LIVE).wait_for()
    made = twin(reader)
    settle(reader, made)
    book = ae_widgets.sparse_autoencoder_chapter()
    assert sum(made.entries[key].slider.value != _book_value(book, key) for key in made.entries) == 2


def _book_value(book, key):
    name, row, column = key
    for step in book.steps:
        for matrix in step.inputs:
            if matrix.name == name:
                return matrix.entries[row][column]
    raise KeyError(key)


def test_what_changed_is_said_to_those_who_listen(read):
    reader = read()
    go_live(reader)
    handle(reader).focus()
    reader.page.keyboard.press("ArrowRight")
    spoken = reader.page.locator("[aria-live=polite]")
    until(lambda: "changed." in spoken.inner_text())
    assert re.match(r"Steps 1, 2, .*10 changed\. \S.*\d", spoken.inner_text())


def test_arrow_keys_walk_over_a_matrix(read):
    reader = read()
    table = reader.page.locator(".live-host .ae table:has(td[tabindex])").first
    cells = table.locator("td[tabindex]")
    assert cells.evaluate_all("cells => cells.filter((cell) => cell.tabIndex === 0).length") == 1
    cells.first.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowDown", "ArrowUp"):
        reader.page.keyboard.press(key)
    assert reader.page.evaluate("document.activeElement.className.split(' ').slice(0, 2).join(' ')") == "r1 c0"
    # An edit elsewhere leaves the reader where he is.
    go_live(reader)
    cells.nth(6).focus()
    reader.page.evaluate("document.activeElement.mine = true")
    reader.page.evaluate(
        """Promise.all(Object.values(live.manager._models)).then((models) => {
             const model = models.find((model) => model.get('_model_name') === 'FloatSliderModel');
             model.set('value', 7); model.save_changes(); })"""
    )
    settle(reader, twin(reader))
    assert reader.page.evaluate("document.activeElement.mine")


def test_reduced_motion_is_respected(read):
    reader = read(reduced_motion="reduce")
    assert handle(reader).evaluate("handle => getComputedStyle(handle.parentElement).transitionDuration") in ("0s", "")


def test_two_tabs_do_not_disturb_each_other(chromium, address):
    context = chromium.new_context(viewport=DESK)
    context.add_init_script(WATCH)
    one, other = (Reader(chromium, address, SPARSE, context) for _ in range(2))
    for reader in (one, other):
        go_live(reader)
    untouched = texts(other.page)
    handle(one).focus()
    one.page.keyboard.press("ArrowRight")
    settle(one, twin(one))
    assert texts(other.page) == untouched
    handle(other, 5).focus()
    other.page.keyboard.press("ArrowLeft")
    settle(other, twin(other))
    settle(one, twin(one))
    context.close()


def test_the_next_chapter_asks_the_server_for_no_python_again(chromium, address):
    context = chromium.new_context(viewport=DESK)
    reader = Reader(chromium, address, "chapters/autoencoder", context)
    go_live(reader)
    reader.keep_offline()
    asked = []
    reader.page.goto(f"{address}/{SPARSE}.html")
    reader.drawn()
    go_live(reader)
    entries = json.loads(reader.page.workers[0].evaluate("JSON.stringify(performance.getEntriesByType('resource'))"))
    asked = [entry for entry in entries if entry["transferSize"] > 0]
    assert entries
    assert asked == []
    context.close()
