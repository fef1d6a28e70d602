"""The chapters on λ and superposition, live: the sliders move marks, numbers and words, as they do in CPython."""

import re

import nbformat
import pytest
from livebook import Reader, until
from test_notebooks import CHAPTERS

import ae_planted
from ae_explore import Explorer

MARKED = r"Marked: [^\"]*|With λ = [^\"]*"
CLOSE = 0.03
"""Training in float32 rounds otherwise in the page, and 200 updates carry that on."""

TELL = """() => [...document.querySelectorAll('.live-host [role=img], .live-host .ae-told')].map(
  (element) => element.getAttribute('aria-label') ?? element.textContent)"""


def explorers_here(chapter):
    """Run a chapter's cells here; give each explorer's words for every position of its slider."""
    names, told = {}, {}
    for cell in nbformat.read(CHAPTERS / f"{chapter}.ipynb", as_version=4).cells:
        if cell.cell_type == "code" and "google.colab" not in cell.source:
            exec(cell.source, names)
    (views,) = (v for k, v in names.items() if k in ("views", "eight") and isinstance(v, ae_planted.SweepViews))
    slider = views.first.parts[0].slider
    for k in range(int(slider.max) + 1):
        slider.value = k
        told[k] = [one.text() for one in views.first.together if isinstance(one, Explorer)]
    return told


def numbers(text):
    return [float(n.replace("−", "-")) for n in re.findall(r"−?\d+(?:\.\d+)?", text)]


@pytest.mark.parametrize("chapter", ["balance", "superposition"])
def test_the_slider_moves_every_figure_to_the_numbers_of_cpython(chromium, address, chapter):
    here = explorers_here(chapter)
    with Reader(chromium, address, f"chapters/{chapter}") as reader:
        reader.page.locator(".live-host [role=slider]").first.focus()
        reader.page.locator("html[data-live=yes]").wait_for()
        handle = reader.page.locator(".live-host [role=slider]").last
        handle.focus()
        handle.press("Home")
        for k, expected in here.items():
            if k:
                handle.press("ArrowRight")
            marked = [re.search(MARKED, text) for text in expected]
            last = numbers(re.search(r"λ = ([\d.]+)", expected[0])[0])[0]
            until(lambda last=last: any(f"With λ = {last:g}:" in text for text in reader.page.evaluate(TELL)))
            there = [match[0] for text in reader.page.evaluate(TELL) for match in [re.search(MARKED, text)] if match]
            for match in filter(None, marked):
                same = [text for text in there if re.sub(r"−?[\d.]+", "", text) == re.sub(r"−?[\d.]+", "", match[0])]
                assert any(numbers(text) == pytest.approx(numbers(match[0]), rel=CLOSE, abs=CLOSE) for text in same), (match[0], there)
        assert reader.complaints == []
