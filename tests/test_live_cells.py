"""The page's code cells in a real browser: edited, run, failing, stopped, and taken back to the book's text."""

import re
from pathlib import Path

import pytest
from livebook import Reader, until

OWN_CHAPTER = """\
from ae_widgets import autoencoder_chapter
chapter = autoencoder_chapter()
chapter.apply({**chapter.parameters, "X": 2 * chapter.parameters["X"]})"""


@pytest.fixture
def reader(chromium, address):
    with Reader(chromium, address) as reader:
        yield reader
        assert reader.leaves() == set()
        assert reader.complaints == []


@pytest.fixture(scope="module")
def shared(chromium, address):
    """A page that several tests run cells on; each says all that its cell needs."""
    with Reader(chromium, address) as reader:
        yield reader
        assert reader.leaves() == set()
        assert reader.complaints == []


def first_matrix(reader, cell):
    """Return the entries of the first matrix that a cell shows, row by row."""
    table = reader.cell(cell).place.locator(".ae table").first
    return [entry.replace("−", "-") for entry in table.locator("tbody td").all_text_contents()]


# ------------------------------------------------------------------------------------------ the buttons


@pytest.mark.parametrize("chapter", ["chapters/intro", "chapters/autoencoder", "chapters/sparse_autoencoder"])
def test_every_cell_has_named_buttons_large_enough_to_touch(chromium, address, chapter):
    for size in ({"width": 1280, "height": 900}, {"width": 360, "height": 740}):
        with Reader(chromium, address, chapter, viewport=size) as reader:
            cells = reader.page.locator("div.cell")
            assert cells.count() >= 2
            names = []
            for place in cells.all():
                visible = [b for b in place.locator(".live-bar button").all() if b.is_visible()]
                assert [button.text_content() for button in visible] == ["Edit", "Run"]
                names += [button.get_attribute("aria-label") for button in visible]
                for box in (button.bounding_box() for button in visible):
                    assert box["width"] >= 24 and box["height"] >= 24
                    assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
            assert len(set(names)) == len(names)
            assert not [name for name in reader.page.evaluate(
                "performance.getEntriesByType('resource').map((entry) => entry.name)"
            ) if re.search(r"editor|worker\.js|pyodide", name)]  # fmt: skip


def test_all_is_done_with_the_keyboard_alone(reader):
    cell, keyboard = reader.cell(2), reader.page.keyboard
    cell.button("Edit").focus()
    keyboard.press("Enter")
    cell.place.locator(".cm-content:focus").wait_for()
    keyboard.press("ControlOrMeta+a")
    keyboard.type("for i in range(2):\nprint(i)")  # the editor indents the second line
    keyboard.press("Shift+Enter")
    assert cell.ended().startswith("Ran in")
    assert cell.output.inner_text().split() == ["0", "1"]
    keyboard.press("Escape")
    keyboard.press("Tab")  # to the button that copies
    keyboard.press("Tab")
    assert cell.button("Done").evaluate("button => button === document.activeElement")
    keyboard.press("Enter")
    assert cell.place.locator(".cm-content").count() == 0
    assert cell.button("Edit").evaluate("button => button === document.activeElement")
    assert cell.place.locator(".highlight pre").inner_text().startswith("for i in range(2):\n    print(i)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_open_cell_fits_a_phone_in_both_themes(chromium, address, scheme):
    with Reader(chromium, address, viewport={"width": 360, "height": 740}, color_scheme=scheme) as reader:
        cell = reader.cell(2)
        cell.run("print('a' * 300)\n" + "x" * 60)
        body = reader.page.locator("body")
        assert body.evaluate("body => body.scrollWidth - body.clientWidth") == 0
        for button in [b for b in cell.place.locator(".live-bar button").all() if b.is_visible()]:
            assert button.bounding_box()["height"] >= 24
        texts = "*, .cm-line, .live-bar button, .live-note, .live-text, .live-error p"
        for selector in texts.split(", ")[1:]:
            assert contrast(cell.place.locator(selector).locator("visible=true").first) >= 4.5, selector


def contrast(element):
    """Return the contrast between an element's text and what lies behind it."""
    colours = element.evaluate("""(element) => {
        const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        const layers = [];
        for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
        const paint = (colour) => {
            canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data];
        };
        let behind;
        for (const layer of ['white', ...layers]) behind = paint(layer);
        return [behind, paint(getComputedStyle(element).color)];
    }""")

    def light(colour):
        parts = [c / 255 for c in colour[:3]]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    dark, bright = sorted(map(light, colours))
    return (bright + 0.05) / (dark + 0.05)


# ------------------------------------------------------------------------------------------ the outputs


@pytest.mark.parametrize(
    ("text", "selector", "expected"),
    [
        ("print('one')\nprint('two')", "pre.live-stdout", "one\ntwo"),
        ("import sys\nprint('told', file=sys.stderr)", "pre.live-stderr", "told"),
        ("[1, 2] + [3]", "pre.live-text", "[1, 2, 3]"),
        ("import numpy as np\nnp.eye(2, dtype=int)", "pre.live-text", "array([[1, 0],\n       [0, 1]])"),
        ("from IPython.display import HTML\nHTML('<i class=x>leaning</i>')", ".live-html i.x", "leaning"),
        ("from IPython.display import Markdown\nMarkdown('*as written*')", "pre.live-text", "*as written*"),
        ("from IPython.display import display\ndisplay(1, 2)\n3", ".live-output", "1\n2\n3"),
        (
            "from IPython.display import clear_output\nprint('before')\nclear_output()\nprint('after')",
            ".live-output",
            "after",
        ),
        ("from ae_core import format_number\nformat_number(-2)", "pre.live-text", "'−2'"),
        ("import asyncio\nawait asyncio.sleep(0.01)\nprint('waited')", "pre.live-stdout", "waited"),
        ("%matplotlib inline\nprint('no magic')", "pre.live-stdout", "no magic"),
    ],
)
def test_text_and_html(shared, text, selector, expected):
    cell = shared.cell(2)
    assert cell.run(text).startswith("Ran in")
    shown = cell.output if selector == ".live-output" else cell.output.locator(selector)
    assert re.sub(r"\n+", "\n", shown.inner_text()).strip() == expected


def test_a_cell_without_output_leaves_none_of_what_stood_there(shared):
    cell = shared.cell(2)
    cell.run("print('something')")
    assert cell.run("nothing = 1").startswith("Ran in")
    assert cell.output.inner_text().strip() == ""


def test_svg_and_png(shared):
    cell = shared.cell(2)
    cell.run('from IPython.display import SVG\nSVG(\'<svg width="30" height="20"><circle r="9"/></svg>\')')
    assert cell.output.locator("svg circle").bounding_box()["width"] > 5
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    cell.run(f"import base64\nfrom IPython.display import Image\nImage(base64.b64decode('{dot}'))")
    assert cell.output.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1


def test_matplotlib_is_fetched_when_a_cell_imports_it(reader):
    cell = reader.cell(2)
    asked = []
    reader.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    said = []
    reader.page.expose_function("said", lambda text: said.append(text))
    cell.note.evaluate("note => new MutationObserver(() => said(note.textContent)).observe(note, { childList: true })")
    assert cell.run("print(1)").startswith("Ran in")
    assert not [name for name in asked if name.endswith(".whl")]
    figure = (
        "import matplotlib.pyplot as plt\nplt.figure(figsize=(4, 3))\nplt.plot([1, 2], [3, 4])\nplt.title('A line')"
    )
    assert cell.run(figure).startswith("Ran in")
    picture = cell.output.locator("img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth / image.width)") == pytest.approx(
        2, abs=0.02
    )
    assert 250 <= picture.bounding_box()["width"] <= 450
    assert picture.get_attribute("alt") == "Figure, A line"
    assert [name for name in asked if name.startswith("matplotlib-")]
    assert not [name for name in asked if name.startswith("pandas-")]
    assert "Fetching matplotlib…" in said
    # Drawn by a cell that fails, and shown in the middle of one.
    cell.run("plt.plot([1, 2])\nplt.show()\nprint('between')\nplt.plot([2, 1])")
    kinds = cell.output.locator("> *").evaluate_all("all => all.map((each) => each.localName)")
    assert [kind for kind in kinds if kind != "pre"] == ["img", "img"] and kinds.index("img") < kinds.index("pre")


def test_a_training_fetches_the_random_numbers_alone(reader):
    asked = []
    reader.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    training = (
        "import ae_core, ae_explore, ae_train\nmodel, x = ae_core.autoencoder_example()\n"
        "run = ae_train.train_autoencoder(x, (3, 2, 3), steps=4, learning_rate=0.01, seed=0, snapshot_every=1)\n"
        "ae_explore.watch_training(run, x)"
    )
    cell = reader.cell(2)
    assert cell.run(training).startswith("Ran in")
    cell.output.locator(".ae-scrub .noUi-handle").wait_for()
    assert "random.zip" in asked and "rest.zip" not in asked


def test_pandas_is_fetched_when_a_cell_imports_it(shared):
    cell = shared.cell(3)
    assert cell.run("import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': [3, 4]})").startswith("Ran in")
    assert cell.output.locator("table tbody tr").all_inner_texts() == ["0\t1\t3", "1\t2\t4"]


def test_new_widgets_are_drawn_and_answer(shared):
    cell = shared.cell(2)
    cell.run(
        "import ipywidgets\n"
        "slider, shown = ipywidgets.IntSlider(3, description='n'), ipywidgets.Output()\n"
        "def square(change):\n"
        "    with shown:\n"
        "        shown.clear_output(wait=True)\n"
        "        print(change.new ** 2)\n"
        "slider.observe(square, 'value')\n"
        "ipywidgets.VBox([slider, shown])"
    )
    cell.output.locator(".noUi-handle").press("ArrowRight")
    cell.output.locator(".widget-output").get_by_text("16", exact=True).wait_for()
    cell.output.locator(".noUi-handle").press("ArrowRight")
    cell.output.locator(".widget-output").get_by_text("25", exact=True).wait_for()


# ------------------------------------------------------------------------------------------- the errors


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("x = 1\n\nx / 0", "ZeroDivisionError", 3),
        ("def deep():\n    return missing\n\ndeep()", "NameError", 4),
        ("x = 1\nif x\n    pass", "SyntaxError", 2),
        ("import ae_core\nae_core.Autoencoder([[1]], [[1, 2, 3]])", "ValueError", 2),
        ("import sys\nsys.exit(3)", "SystemExit", 2),
        ("import nonesuch", "ModuleNotFoundError", 1),
        ("await missing", "NameError", 1),
    ],
)
def test_an_error_points_at_the_readers_line(shared, text, name, line):
    cell = shared.cell(2)
    assert cell.run(text).startswith("Ended with an error")
    error = cell.output.locator(".live-error[role=alert]")
    assert error.locator("p b").inner_text() == name
    assert error.locator(".live-at").inner_text() == f"Cell 2, line {line}"
    trace = error.locator("pre").inner_text()
    assert f'"Cell 2", line {line}' in trace and text.splitlines()[line - 1].strip() in trace
    assert "live_kernel" not in trace and "_pyodide" not in trace
    marked = cell.place.locator(".cm-line.live-fault")
    assert marked.count() == 1 and marked.inner_text() == text.splitlines()[line - 1]


def test_what_came_before_an_error_stays(shared):
    cell = shared.cell(2)
    cell.run("print('before')\nnobody")
    assert cell.output.locator("pre.live-stdout").inner_text().strip() == "before"
    cell.run("print('well')")
    assert cell.output.locator(".live-error").count() == 0
    assert cell.place.locator(".live-fault").count() == 0


def test_an_error_in_a_callback_is_shown_below_its_cell_and_goes_with_the_next_move(shared):
    cell = shared.cell(2)
    cell.run(
        "import ipywidgets\nslider = ipywidgets.IntSlider(3)\n"
        "def fail(change):\n    print(change.new)\n    return 1 / (change.new - 4)\n"
        "slider.observe(fail, 'value')\nslider"
    )
    cell.output.locator(".noUi-handle").press("ArrowRight")
    cell.late.locator(".live-error").wait_for()
    assert cell.late.locator(".live-at").inner_text() == "Cell 2, line 5"
    cell.output.locator(".noUi-handle").press("ArrowRight")
    cell.late.locator("pre.live-stdout", has_text="5").wait_for()
    assert cell.late.locator(".live-error").count() == 0


# ----------------------------------------------------------------------------------- what follows from it


def test_what_follows_from_a_cell_runs_with_it(reader):
    book = first_matrix(reader, 2)
    assert reader.cell(1).run(OWN_CHAPTER).startswith("Ran, with the 6 that follow from it")
    assert first_matrix(reader, 2) == [str(2 * int(entry)) for entry in book]
    # The new sliders move the new chapter.
    before = reader.cell(3).place.locator(".ae table").last.text_content()
    reader.slider(3).press("ArrowRight")
    until(lambda: reader.cell(3).place.locator(".ae table").last.text_content() != before)
    assert reader.cell(3).run().startswith("Ran in")


def test_run_all_runs_every_cell_afresh_and_ends_at_the_first_error(reader):
    book = first_matrix(reader, 2)
    reader.cell(1).write(OWN_CHAPTER)
    reader.cell(1).button("Run all").click()
    assert reader.cell(1).ended().startswith("All ran")
    assert first_matrix(reader, 2) == [str(2 * int(entry)) for entry in book]
    models = reader.page.evaluate("Object.keys(live.manager._models).length")
    reader.cell(1).button("Run all").click()
    until(lambda: reader.cell(1).note.text_content().startswith("Running"))
    assert reader.cell(1).ended().startswith("All ran")
    until(lambda: reader.page.evaluate("Object.keys(live.manager._models).length") <= models)
    reader.cell(3).run("left = 1")
    reader.cell(3).write("left")
    reader.cell(1).button("Run all").click()
    until(lambda: reader.cell(1).note.text_content().startswith("Running"))
    assert reader.cell(1).ended().startswith("Cell 3 ended with an error")
    assert "NameError" in reader.cell(3).output.inner_text()


REHEARSALS = int(re.search(r"const REHEARSALS = (\d+);", (Path(__file__).parent.parent / "live/src/worker.js").read_text())[1])
REHEARSED = f"""\
import ae_view, ae_widgets, ipywidgets, live_kernel, live_rehearsal
draw, drawn, waiting = ae_view.result_html, [], len(live_kernel._outbox)
ae_view.result_html = lambda step, **how: drawn.append((step, how, draw(step, **how))) or drawn[-1][2]
book = ae_widgets.sparse_autoencoder_plan().book["X"].tolist()
for number in range({REHEARSALS}):
    live_rehearsal.rehearse(number)
ae_view.result_html = None
try:
    live_rehearsal.rehearse(0)
except TypeError:
    print("It failed.")
ae_view.result_html = draw
moved = {{str(next(m for m in step.inputs if m.name == "X").values.tolist()) for step, *_ in drawn[::10]}}
print([step.number for step, *_ in drawn] == list(range(1, 11)) * {REHEARSALS}, all(how == {{"arithmetic": False}} for _, how, _ in drawn))
print(all(sum(len(text) for *_, text in drawn[k : k + 10]) > 10_000 for k in range(0, len(drawn), 10)))
print(ae_widgets.sparse_autoencoder_plan().book["X"].tolist() == book)
print(len(moved), str(book) in moved, len(live_kernel._outbox) - waiting)
print({{type(widget.comm).__name__ for widget in ipywidgets.widgets.widget._instances.values()}})"""


def test_a_rehearsal_draws_moves_that_nobody_has_made_and_tells_nobody(shared):
    cell = shared.cell(2)
    assert cell.run(REHEARSED).startswith("Ran")
    assert cell.output.inner_text().splitlines() == ["It failed.", "True True", "True", "True", f"{REHEARSALS} False 0", "{'PageComm'}"]


# --------------------------------------------------------------------------------------- stop and restart


def test_an_endless_loop_is_stopped_and_the_readers_numbers_stay(reader):
    reader.go_live()
    for _ in range(3):
        reader.slider(3).press("ArrowRight")
    value = reader.slider(3).get_attribute("aria-valuenow")
    until(lambda: reader.page.evaluate("live.manager.edits.size") > 0)
    reader.page.wait_for_timeout(1000)  # by then all is drawn that follows from the keys
    shown = reader.figure(3)
    cell = reader.cell(2)
    cell.begin("print('on and on')\nwhile True:\n    pass")
    cell.output.get_by_text("on and on").wait_for()
    assert cell.button("Stop").is_visible()
    cell.button("Stop").click()
    cell.note.filter(has_text="Stopped. Python is back with your numbers.").wait_for()
    assert not cell.button("Stop").is_visible()
    assert reader.slider(3).get_attribute("aria-valuenow") == value
    assert reader.figure(3) == shown
    assert cell.place.locator(".noUi-handle").count() > 0
    reader.slider(3).press("ArrowRight")
    until(lambda: reader.figure(3) != shown)
    assert cell.run("chapter.parameters['W1'][0, 0]").startswith("Ran in")
    assert str(int(float(value)) + 1) in cell.output.inner_text()


def test_a_chapter_of_the_readers_own_outlives_a_stop(reader):
    reader.cell(1).run(OWN_CHAPTER)
    reader.slider(3).press("ArrowRight")
    cell, matrix = reader.cell(7), first_matrix(reader, 2)
    value = reader.slider(3).get_attribute("aria-valuenow")
    cell.begin("while True: pass")
    cell.button("Stop").click()
    cell.note.filter(has_text="Stopped.").wait_for()
    assert first_matrix(reader, 2) == matrix
    assert reader.slider(3).get_attribute("aria-valuenow") == value
    assert reader.cell(6).run("chapter.parameters['X'][0, 0], chapter.parameters['W1'][0, 0]").startswith("Ran in")
    found = [int(float(number)) for number in re.findall(r"\((-?[\d.]+)\)", reader.cell(6).output.inner_text())]
    assert found == [int(matrix[0]), int(float(value))]


def test_a_loop_of_prints_does_not_stop_the_page(reader):
    cell = reader.cell(2)
    cell.begin("while True:\n    print('again and again')")
    cell.output.locator("pre", has_text="again").wait_for()
    reader.page.wait_for_timeout(3000)
    assert len(cell.output.inner_text()) <= 25_000
    cell.button("Stop").click()
    cell.note.filter(has_text="Stopped.").wait_for()


def test_a_callback_that_does_not_end_can_be_stopped(reader):
    cell = reader.cell(2)
    cell.run(
        "import ipywidgets\nslider = ipywidgets.IntSlider(3)\n"
        "def hang(change):\n    while change.new == 4: pass\n"
        "slider.observe(hang, 'value')\nslider"
    )
    cell.output.locator(".noUi-handle").press("ArrowRight")
    stop = reader.page.locator(".live-stuck button")
    stop.click()
    until(lambda: reader.cell(3).button("Run").is_enabled() and not stop.is_visible())
    assert reader.cell(3).run("print('alive')").startswith("Ran in")


def test_restart_brings_the_books_numbers_and_outputs(reader):
    book, first = first_matrix(reader, 2), reader.slider(3).get_attribute("aria-valuenow")
    reader.cell(1).run(OWN_CHAPTER)
    reader.slider(3).press("ArrowRight")
    reader.cell(2).run("kept = 1")
    reader.cell(2).button("Restart").click()
    reader.cell(2).note.filter(has_text="started anew").wait_for()
    assert first_matrix(reader, 2) == book
    assert reader.slider(3).get_attribute("aria-valuenow") == first
    assert reader.cell(2).run("kept").startswith("Ended with an error")
    # The reader's text is still there, and the sliders answer.
    assert "apply" in reader.cell(1).place.locator(".cm-content").inner_text()
    figure = reader.cell(3).place.locator(".ae table").last
    before = figure.text_content()
    reader.slider(3).press("ArrowRight")
    until(lambda: figure.text_content() != before)


# ------------------------------------------------------------------------------------ what is kept, and not


def test_an_edit_outlives_a_reload_and_says_so(reader):
    cell = reader.cell(2)
    cell.write("print('mine')")
    assert cell.place.locator(".live-kept").inner_text() == "Your text, kept in this browser."
    reader.reload()
    assert cell.place.locator(".highlight pre").inner_text().strip() == "print('mine')"
    assert cell.place.locator(".live-kept").inner_text() == "Your text, kept in this browser."
    assert cell.run().startswith("Ran in")
    assert cell.output.inner_text().strip() == "mine"
    # It is this cell's, of this chapter.
    assert reader.cell(3).place.locator(".live-kept").inner_text() == ""
    with Reader(None, reader.address, "chapters/sparse_autoencoder", context=reader.context) as other:
        assert other.page.locator(".live-kept:not(:empty)").count() == 0


def test_back_to_the_books_text(reader):
    cell = reader.cell(2)
    book = cell.place.locator(".highlight pre").inner_html()
    assert not cell.button("Book’s text").is_visible()
    cell.write("print('mine')")
    cell.button("Book’s text").click()
    assert cell.place.locator(".cm-content").inner_text().strip() == "chapter.step(1)"
    assert cell.place.locator(".live-kept").inner_text() == ""
    cell.button("Done").click()
    assert cell.place.locator(".highlight pre").inner_html() == book
    reader.reload()
    assert cell.place.locator(".highlight pre").inner_html() == book
    assert (
        reader.page.evaluate(
            "localStorage.length && Object.keys(localStorage).filter((key) => key.startsWith('live-cell'))"
        )
        == []
    )


def test_an_editor_that_cannot_be_fetched_says_so(chromium, address):
    with Reader(chromium, address, service_workers="block") as reader:
        reader.page.route("**/editor-*.js", lambda route: route.abort())
        cell = reader.cell(2)
        cell.button("Edit").click()
        cell.note.filter(has_text="could not be fetched").wait_for()
        reader.page.unroute("**/editor-*.js")
