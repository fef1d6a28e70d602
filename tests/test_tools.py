"""The scripts behind `make`, the lock, the address and the extension that sets formulas."""

import json
import os
import re
import signal
import subprocess
import sys
import types
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import address
import build
import pytest
import serve
import yaml
from docutils import nodes
from docutils.utils import new_document
from mathml import KeepTogether, mathml

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))


def lines(name):
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt"])
def test_every_line_of_a_lock_pins_one_release(name):
    pins = [line for line in lines(name) if line and not line.lstrip().startswith("#")]
    assert len(pins) > 30
    assert not [pin for pin in pins if pin != "-e ." and not re.match(r"[a-z0-9._-]+==[^ ]+( ; .+)?$", pin)]
    assert not [pin for pin in pins if pin.startswith(("torch==", "nvidia", "triton"))]


def test_the_lock_installs_the_project_and_jupyter_book_1():
    assert "-e ." in lines("requirements.txt")
    assert "jupyter-book==1.0.4.post1" in lines("requirements.txt")


def test_test_tools_stay_out_of_the_readers_lock():
    assert not [line for line in lines("requirements.txt") if re.match("pytest|playwright|hypothesis|ruff", line)]


def test_two_locks_never_pin_a_package_differently():
    readers = dict(line.split("==", 1) for line in lines("requirements.txt") if re.match(r"[a-z].*==", line))
    tests = dict(line.split("==", 1) for line in lines("requirements-test.txt") if re.match(r"[a-z].*==", line))
    shared = [name for name in readers.keys() & tests.keys() if ";" not in readers[name] and ";" not in tests[name]]
    assert len(shared) > 10
    assert {name: readers[name] for name in shared} == {name: tests[name] for name in shared}


def test_what_is_installed_fits_together():
    check = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_set_up_cells_and_links_hold_the_address(path):
    assert path not in address.outdated()
    assert ROOT / "README.md" not in address.outdated()


def test_the_address_stands_in_no_other_file():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    url = address.repository()[0].encode()
    holding = {name for name in names if name and (ROOT / name).is_file() and url in (ROOT / name).read_bytes()}
    assert {"_config.yml", "README.md"} <= holding
    assert holding <= {"_config.yml", "README.md", *(path.relative_to(ROOT).as_posix() for path in NOTEBOOKS)}


def test_the_set_up_cell_acts_on_colab_alone(monkeypatch):
    cell = address.set_up_cell()
    assert len(cell["source"]) <= 3
    called = []
    shell = types.SimpleNamespace(run_line_magic=lambda *arguments: called.append(arguments))
    exec("".join(cell["source"]), {"get_ipython": lambda: shell})
    assert called == []
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    exec("".join(cell["source"]), {"get_ipython": lambda: shell})
    assert called == [("pip", f"install -q git+{address.repository()[0]}@{address.tag()}")]


def test_the_set_up_cell_comes_first_and_once():
    cells = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# A"]},
        {"cell_type": "code", "id": "one", "metadata": {}, "source": ["1"], "outputs": [], "execution_count": None},
    ]
    once = address.with_set_up(json.dumps({"cells": cells}))
    assert [cell["id"] for cell in json.loads(once)["cells"]] == ["title", "set-up", "one"]
    assert address.with_set_up(once) == once
    prose = json.dumps({"cells": cells[:1]})
    assert address.with_set_up(prose) == prose


def test_the_server_takes_the_next_free_port(tmp_path):
    (tmp_path / "index.html").write_text("hello", encoding="utf-8")
    with serve.open_server(tmp_path, port=0) as first:
        taken = first.server_port
        with serve.open_server(tmp_path, port=taken) as second:
            assert taken < second.server_port < taken + 100


def test_the_server_says_where_it_serves_and_ends_quietly(book):
    command = [sys.executable, "-u", "tools/serve.py", "--port", "8123"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]
    with urllib.request.urlopen(url) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_a_changed_source_makes_the_book_stale(book, monkeypatch, tmp_path):
    assert not build.is_stale()
    monkeypatch.setattr(build, "STAMP", tmp_path / "built")
    assert build.is_stale()
    build.STAMP.touch()
    os.utime(build.STAMP, (0, 0))
    assert build.is_stale()


def test_the_book_depends_on_code_chapters_and_settings():
    names = {path.relative_to(ROOT).as_posix() for path in build.sources()}
    chapters = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["chapters"]
    assert {"ae_core.py", "ae_view.py", "ae_widgets.py", "_config.yml", "_toc.yml", "_ext/mathml.py"} <= names
    assert all(any(name.startswith(chapter["file"] + ".") for name in names) for chapter in chapters)
    assert not [name for name in names if name.startswith(("_build", ".venv", "tests"))]


@pytest.mark.parametrize(
    ("python", "message"), [("no-such-python", "3.11 or later is needed"), ("python2.7", "3.11 or later is needed")]
)
def test_a_missing_python_is_said_in_one_line(python, message):
    found = subprocess.run(["sh", "tools/find_python.sh", python], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 1
    assert message in found.stderr and found.stderr.count("\n") == 1


def test_this_python_is_found():
    found = subprocess.run(["sh", "tools/find_python.sh", sys.executable], cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable)


def parse(latex):
    return ElementTree.fromstring(mathml(latex, display=False))


@pytest.mark.parametrize(
    "latex", [r"\frac{1", r"\unknown x", "a & b", "x^", r"\left( a", "a}", "{a", r"\begin{bmatrix} 1 \end{matrix}"]
)
def test_latex_that_cannot_be_read_is_an_error(latex):
    with pytest.raises(ValueError):
        mathml(latex, display=False)


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        ("Z_1 = W_1 X + b_1", "Z1=W1X+b1"),
        (r"f = \max(0, Z)", "f=max(0,Z)"),
        (r"\lVert W_{\text{dec},i} \rVert_2 = \sqrt{\sum_j w_{ji}^2}", "‖Wdec,i‖2=∑jwji2"),
        ("X' < X", "X′<X"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "a=bc=d"),
    ],
)
def test_latex_becomes_mathml(latex, text):
    assert "".join(parse(latex).itertext()) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("of $a$. Then", ["a."]),
        ("the ($a$), or $b$", ["(a),"]),
        ("of $a$ and $b$", []),
        ("$a$/$b$, $c$th", ["a/", "b,", "cth"]),
        ("$a$$b$", []),
    ],
)
def test_a_formula_and_the_signs_that_touch_it_stay_together(text, kept):
    pieces = re.split(r"\$([^$]*)\$", text)
    nodes_of = (nodes.math(piece, piece) if k % 2 else nodes.Text(piece) for k, piece in enumerate(pieces) if piece)
    document = new_document("text")
    document += nodes.paragraph("", "", *nodes_of)
    KeepTogether(document).run()
    assert document.astext() == text.replace("$", "")
    assert [one.astext() for one in document.findall(nodes.inline)] == kept
    assert all(one["classes"] == ["together"] for one in document.findall(nodes.inline))


def test_bars_of_a_norm_do_not_stretch():
    assert [mo.get("stretchy") for mo in parse(r"\lVert x \rVert").iter("mo")] == ["false", "false"]


def test_columns_of_an_alignment_meet_at_the_sign():
    sides = [cell.get("style").partition(";")[0] for cell in parse(r"\begin{aligned} a &= b \end{aligned}").iter("mtd")]
    assert sides == ["text-align:right", "text-align:left"]
