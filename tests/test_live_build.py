"""The build of the live pages takes no byte that is not vouched for, and tells when a pin no longer fits."""

import importlib.util
import json
import re
import shutil
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from lxml import html

from ae_style import style_sheet

ROOT = Path(__file__).resolve().parent.parent
LIVE = ROOT / "live"
CACHE = ROOT / ".cache/live"


def load(name):
    """Import a module of `live`, whose names others have too."""
    spec = importlib.util.spec_from_file_location(f"live_{name.replace('/', '_')}", LIVE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fetch = load("fetch")


@pytest.fixture(scope="session")
def packages(book):
    """The packages of Pyodide's own lock."""
    return fetch.official_lock(CACHE)


@pytest.fixture(scope="session")
def built(book):
    """The folder of the live side in the built book."""
    (folder,) = book.glob("live-*")
    return folder


# ------------------------------------------------------------------------------------------- no other byte


@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_wheel_with_one_flipped_byte_is_refused(packages, place):
    data = bytearray((CACHE / "wheels" / packages["numpy"]["file_name"]).read_bytes())
    fetch.verify("numpy", bytes(data), packages)
    data[round(place * (len(data) - 1))] ^= 1
    with pytest.raises(fetch.Untrusted, match="numpy-.*sha256.*Nothing was built"):
        fetch.verify("numpy", bytes(data), packages)


def test_a_flipped_byte_in_the_cache_stops_the_build(packages, tmp_path):
    (tmp_path / "node_modules").symlink_to(CACHE / "node_modules")
    shutil.copytree(CACHE / "wheels", tmp_path / "wheels")
    fetch.fetch(tmp_path)
    wheel = tmp_path / "wheels" / packages["pandas"]["file_name"]
    data = bytearray(wheel.read_bytes())
    data[1000] ^= 1
    wheel.write_bytes(data)
    with pytest.raises(fetch.Untrusted, match="pandas"):
        fetch.fetch(tmp_path)


def test_the_pages_get_the_released_bytes(packages, built):
    for name in ("pyodide.asm.js", "pyodide.asm.wasm"):
        assert (built / name).read_bytes() == (CACHE / "node_modules/pyodide" / name).read_bytes()
    released = list((built / "packages").glob("*.whl"))
    by_file = {entry["file_name"]: name for name, entry in packages.items()}
    assert len(released) >= 10
    for wheel in released:
        fetch.verify(by_file[wheel.name], wheel.read_bytes(), packages)


def test_a_fetch_without_network_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(fetch, "_install_node_modules", lambda cache: None)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    for name, value in {"PIP_RETRIES": "0", "PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(fetch.Unreachable, match="(?s)could not be fetched.*needs the internet"):
        fetch.fetch(tmp_path)


def test_no_third_party_file_is_committed():
    kept = {path.suffix for path in LIVE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert kept <= {".py", ".js", ".mjs", ".css", ".json", ".txt", ""}
    assert not list((ROOT / "_static").rglob("*.woff2"))


# ------------------------------------------------------------------------------------------------- the pins


def pin(path, name):
    found = re.search(rf"^{name}==(\S+)", (ROOT / path).read_text(), re.MULTILINE)
    assert found, f"{path} does not pin {name}"
    return found[1]


def test_the_page_has_the_widgets_that_the_build_runs():
    here, there = version("ipywidgets"), pin("live/wheels.txt", "ipywidgets")
    assert here == there, (
        f"The book is built with ipywidgets {here} and goes live with {there}: put {here} and its sha256 into "
        "live/wheels.txt, then follow docs/live-pages.md, 'A newer ipywidgets'."
    )


def test_the_scripts_know_the_widgets_that_python_makes(book):
    import ipywidgets

    for package, wanted in (
        ("base", ipywidgets._version.__jupyter_widgets_base_version__),
        ("controls", ipywidgets._version.__jupyter_widgets_controls_version__),
        ("output", ipywidgets._version.__jupyter_widgets_output_version__),
    ):
        scripts = (CACHE / "node_modules/@jupyter-widgets" / package / "lib").glob("*.js")
        spoken = set().union(*(re.findall(r"(?:WIDGETS|CONTROLS|WIDGET)_VERSION = '([\d.]+)'", path.read_text()) for path in scripts))
        assert spoken == {wanted}, f"ipywidgets speaks {package} {wanted}, the package in live/package.json {spoken}"


def test_the_private_parts_of_ipywidgets_are_as_the_kernel_expects():
    import inspect

    from ipywidgets import Output, Widget
    from ipywidgets.widgets import widget

    hint = "live/kernel/live_kernel.py replaces it: see docs/live-pages.md, 'Private interfaces'"
    source = inspect.getsource(Widget.open)
    assert "self.comm is None" in source and "comm.create_comm(**args)" in source, f"Widget.open has changed; {hint}"
    assert "self.traits(sync=True)" in inspect.getsource(Widget._trait_default_generators["keys"].func), f"Widget.keys; {hint}"
    assert hasattr(Widget, "_model_id") or "_model_id" in inspect.getsource(Widget.__init__), f"Widget._model_id; {hint}"
    assert {"__enter__", "__exit__"} <= vars(Output).keys(), f"Output has changed; {hint}"
    assert "_instances[self.model_id] = self" in inspect.getsource(widget), f"ipywidgets.widgets.widget._instances; {hint}"
    assert "TRAITLETS_FILE = inspect.getfile(HasTraits)" in inspect.getsource(widget), f"how ipywidgets knows traitlets' frames; {hint}"


def test_the_private_parts_of_pyodide_are_as_the_worker_expects(book):
    hint = "see docs/live-pages.md, 'A newer Pyodide'"
    loader = (CACHE / "node_modules/pyodide/pyodide.mjs").read_text()
    for name in ("WebAssembly.instantiateStreaming(", '+"pyodide.asm.wasm")'):
        assert name in loader, f"Pyodide takes its runtime in another way, without {name}; {hint}"
    glue = (CACHE / "node_modules/pyodide/pyodide.asm.js").read_text()
    for name in ("globalThis._createPyodideModule", "API.restoreSnapshot=function(", 'Module["preloadedWasm"]', 'Module["LDSO"]', "loadedLibsByHandle",
                 'Module["wasmTable"]', "loadWebAssemblyModule=(binary,flags,libName,localScope,handle)", "function loadDynamicLibrary(libName,flags="):  # fmt: skip
        assert name in glue, f"numpy cannot be put back into a kept memory as before, without {name}; {hint}"
    lock = json.loads((CACHE / "node_modules/pyodide/pyodide-lock.json").read_text())["info"]
    assert lock["python"].startswith("3.12."), f"live/ names Python 3.12's folders, Pyodide brings {lock['python']}; {hint}"
    assert lock["version"] == json.loads((LIVE / "package.json").read_text())["dependencies"]["pyodide"], hint


def test_the_private_parts_of_the_widget_manager_are_as_the_page_expects(book):
    base = (CACHE / "node_modules/@jupyter-widgets/base/lib/widget.js").read_text()
    manager = (CACHE / "node_modules/@jupyter-widgets/base-manager/lib/manager-base.js").read_text()
    hint = "live/src/manager.js relies on it: see docs/live-pages.md, 'Private interfaces'"
    for name in ("_pending_msgs", "_msg_buffer", "_msg_buffer_callbacks", "_buffered_state_diff", "comm_live", "_handle_comm_msg"):
        assert name in base, f"WidgetModel.{name} is gone; {hint}"
    for name in ("this._models", "handle_comm_open"):
        assert name in manager, f"ManagerBase has no {name}; {hint}"


# ------------------------------------------------------------------------------------------ what was built


@pytest.mark.parametrize("chapter", ["autoencoder", "sparse_autoencoder", "variants"])
def test_a_page_says_each_matrix_once_and_names_its_widgets_shortly(book, chapter):
    page = (book / f"chapters/{chapter}.html").read_text(encoding="utf-8")
    (text,) = re.findall(r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', page, re.DOTALL)
    state = json.loads(text)["state"]
    assert list(state) == [f"w{number}" for number in range(len(state))]
    assert set(re.findall(r'data-model-id="([^"]+)"', page)) <= set(state)
    assert not [name for name, model in state.items() if '<table class="ae-m' in str(model["state"].get("value"))]
    assert page.count('<div class="ae-figure">') >= 6



@pytest.mark.parametrize("chapter", ["autoencoder", "backpropagation", "training", "balance"])
def test_a_page_has_its_style_sheet_once_and_outside_of_the_cells(book, chapter):
    page = (book / f"chapters/{chapter}.html").read_text(encoding="utf-8")
    rule = ".ae-flow:is(:hover,:focus-within):has(.ae-y0"
    sheets = [sheet.text for sheet in html.fromstring(page).iter("style") if rule in (sheet.text or "")]
    assert sheets == [style_sheet()]
    assert page.count(rule) == style_sheet().count(rule)  # none in the widgets' state either
    assert page.index("<style>:is(.ae") < page.index('<div class="cell')


def test_everything_that_a_start_asks_for_is_there(built):
    manifest = json.loads((built / "manifest.json").read_text())
    for name, size in manifest["start"].items():
        assert (built / name).stat().st_size == size
    assert "pyodide.asm.wasm" in manifest["start"]


def test_pages_that_draw_random_numbers_need_little_more(built):
    manifest = json.loads((built / "manifest.json").read_text())
    assert (built / "random.zip").stat().st_size < 3_000_000
    assert {"numpy.random", "numpy.random._generator", "secrets"} <= set(manifest["later"]["random.zip"])
    assert not [name for name in manifest["start"] if "random" in name]
    everywhere = []
    for archive in ("core.zip", *manifest["later"]):
        with zipfile.ZipFile(built / archive) as opened:
            everywhere += opened.namelist()
    assert len(everywhere) == len(set(everywhere))


def test_the_projects_modules_are_the_repositorys(built):
    with zipfile.ZipFile(built / "project.zip") as archive:
        for name in ("ae_core.py", "ae_style.py", "ae_view.py", "ae_widgets.py"):
            assert archive.read(name) == (ROOT / name).read_bytes()


def test_archives_can_be_made_again_byte_by_byte(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(LIVE))
    monkeypatch.delitem(sys.modules, "fetch", raising=False)
    monkeypatch.delitem(sys.modules, "font", raising=False)
    build = load("build")
    for name in ("one.zip", "other.zip"):
        build.write_zip(tmp_path / name, {"b": b"2", "a": b"1"})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
