"""The tinkerer's door: JupyterLab from the readers' requirements, and real sliders in it."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_hover import unreadable

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab that serves a copy of the chapters and knows no settings but its own."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "chapters", home / "chapters")
    folders = {
        name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--port=0",
        "--IdentityProvider.token=",
    ]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, cwd=home / "chapters", env=os.environ | folders, stdout=log, stderr=log)
    try:
        yield address_of(server, home)
    finally:
        server.terminate()
        server.wait(20)


def address_of(server, home):
    """Wait until the server has written down where it is."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        for path in (home / "jupyter_runtime_dir").glob("jpserver-*.json"):
            try:
                return json.loads(path.read_text())["url"]
            except json.JSONDecodeError:  # half written
                pass
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{(home / 'log').read_text()[-2000:]}")


@pytest.fixture(scope="module")
def notebook(lab, chromium):
    """The autoencoder's notebook with all its cells run."""
    page = chromium.new_page(viewport={"width": 1400, "height": 3000})
    page.goto(f"{lab}lab/tree/autoencoder.ipynb?reset")
    page.get_by_text("| Idle").wait_for(timeout=60_000)
    page.locator(".lm-MenuBar-item").get_by_text("Run", exact=True).click()
    page.locator("[data-command='runmenu:run-all']").click()
    for number in range(1, 7):
        step(page, number).locator("select").wait_for(timeout=60_000)
    yield page
    page.close()


def step(page, number):
    return page.locator(f".ae-panel:has(#after-step-{number})")


def number(panel, table, row, column):
    return panel.locator(f"table{table} td.r{row}.c{column}").first.evaluate("cell => cell.firstChild.data")


def test_the_book_s_numbers_stand_there_at_first(notebook):
    for panel in (step(notebook, 1), step(notebook, 2)):
        assert panel.locator("select").evaluate("list => list.selectedIndex") == 0
        typed = [float(box.input_value()) for box in panel.locator("input[type=number]").all()]
        assert typed and all(value == round(value) for value in typed)


def test_a_key_moves_a_later_step_in_place(notebook):
    second, third = step(notebook, 2), step(notebook, 3)
    handle = second.get_by_role("slider").first
    assert number(second, ".ae-left", 0, 0) == "1" and number(third, ".ae-top", 0, 0) == "2"
    third.evaluate("panel => panel.dataset.same = 'yes'")
    handle.focus()
    notebook.keyboard.press("ArrowRight")
    third.locator("table.ae-top td.r0.c0").get_by_text("4", exact=True).wait_for(timeout=20_000)
    assert number(second, ".ae-left", 0, 0) == "2"
    assert third.evaluate("panel => panel.dataset.same") == "yes"


def test_the_mouse_drags_and_the_buttons_step(notebook):
    second = step(notebook, 2)
    handle = second.locator(".noUi-handle").nth(1)
    handle.hover()  # which waits until nothing moves it any more
    track = second.locator(".noUi-target").nth(1).bounding_box()
    notebook.mouse.down()
    notebook.mouse.move(track["x"] + track["width"], track["y"] + track["height"] / 2, steps=8)
    notebook.mouse.up()
    second.locator("table.ae-left td.r0.c1").get_by_text("12", exact=True).wait_for(timeout=20_000)
    second.get_by_role("button", name="−").nth(1).click()
    second.locator("table.ae-left td.r0.c1").get_by_text("11", exact=True).wait_for(timeout=20_000)


def test_the_sliders_stand_in_the_matrix_own_shape(notebook):
    boxes = [handle.bounding_box() for handle in step(notebook, 2).locator(".noUi-target").all()]
    rows = [boxes[i : i + 5] for i in range(0, 15, 5)]
    for row in rows:
        assert max(box["y"] for box in row) - min(box["y"] for box in row) < 2
    for column in zip(*rows):
        assert max(box["x"] for box in column) - min(box["x"] for box in column) < 2


def test_a_fraction_stays_as_it_is(notebook):
    """It stands between the slider's whole numbers, to which a view would move it."""
    second = step(notebook, 2)
    box = second.locator("input[type=number]").nth(2)
    box.fill("0.3")
    box.press("Enter")
    cell = second.locator("table.ae-left td.r0.c2")
    cell.get_by_text("0.3", exact=True).wait_for(timeout=20_000)
    notebook.wait_for_timeout(500)
    assert cell.inner_text() == "0.3" and box.input_value() == "0.3"
    second.locator(".noUi-handle").nth(2).press("ArrowRight")
    cell.get_by_text("1.3", exact=True).wait_for(timeout=20_000)


def test_an_update_moves_every_box_to_its_fraction_and_reset_all_brings_the_book_back(notebook):
    fifth, last = step(notebook, 5), step(notebook, 6)
    last.get_by_role("button", name="Reset all").click()
    fifth.locator("td.ae-bias.r0").get_by_text("2", exact=True).wait_for(timeout=20_000)
    last.get_by_role("button", name="Update once").click()
    fifth.locator("td.ae-bias.r0.w6").wait_for(timeout=20_000)
    notebook.wait_for_timeout(1000)  # for what the views have to say to it
    drawn = [cell.inner_text() for cell in fifth.locator("table.ae-left tbody td").all()]
    typed = [float(box.input_value()) for box in fifth.locator("input[type=number]").all()]
    assert [float(text.replace("−", "-")) for text in drawn] == pytest.approx(typed, rel=0.005, abs=0.001)
    assert any(value != round(value) for value in typed)
    last.get_by_role("button", name="Reset all").click()
    fifth.locator("td.ae-bias.r0").get_by_text("2", exact=True).wait_for(timeout=20_000)
    notebook.wait_for_timeout(1000)
    assert last.locator("select").evaluate("list => list.selectedIndex") == 0


def test_what_is_pressed_is_large_enough(notebook):
    for number in range(1, 7):
        for kind in ("button", "select", "input[type=number]", ".noUi-handle", ".widget-checkbox label"):
            controls = step(notebook, number).locator(f".ae-controls {kind}:visible")
            sizes = controls.evaluate_all("all => all.map(control => [control.offsetWidth, control.offsetHeight])")
            assert all(min(size) >= 24 for size in sizes), kind


@pytest.mark.parametrize("kind", [".noUi-handle", "input[type=number]", "select", "button"])
def test_what_has_the_focus_shows_it(notebook, kind):
    control = step(notebook, 2).locator(f".ae-controls {kind}").first
    control.focus()
    notebook.keyboard.press("Shift+Tab")
    notebook.keyboard.press("Tab")
    style, width = control.evaluate("control => getComputedStyle(control).outline.match(/(solid) (\\d+)/).slice(1)")
    assert style == "solid" and int(width) >= 2


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_text_can_be_read_in_both_themes(notebook, theme):
    notebook.locator(".lm-MenuBar-item").get_by_text("Settings", exact=True).click()
    notebook.locator(".lm-Menu-itemLabel").get_by_text("Theme", exact=True).click()
    notebook.locator(".lm-Menu-itemLabel").get_by_text(theme, exact=True).click()
    notebook.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
    notebook.wait_for_timeout(500)  # the theme's own style sheet comes a little later
    found, count = unreadable(notebook.locator(".ae-panel"))
    assert (found, count > 50) == ([], True)
