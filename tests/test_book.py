"""The built pages, counted and parsed: chapters, steps, links, and what they ask for."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CHAPTERS = [CONTENTS["root"], *(chapter["file"] for chapter in CONTENTS["chapters"])]
STEPS = {"chapters/autoencoder": 6, "chapters/sparse_autoencoder": 10, "chapters/backpropagation": 15}

MOVING = [*STEPS, "chapters/training"]
"""Chapters whose cells show matrices that can be moved."""


@pytest.fixture(scope="session")
def pages(book):
    """Every built page, parsed, by its path in the book."""
    found = [path for path in book.rglob("*.html") if "_static" not in path.relative_to(book).parts]
    return {
        path.relative_to(book).as_posix(): BeautifulSoup(path.read_text(encoding="utf-8"), "lxml") for path in found
    }


def article(page):
    return page.select_one("article.bd-article")


def test_all_chapters_are_built_and_no_other(pages):
    built = {name for name in pages if name.startswith("chapters/")}
    assert built == {f"{chapter}.html" for chapter in CHAPTERS}
    assert len(built) == len(CHAPTERS) == 11


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_one_title_and_some_text(pages, chapter):
    page = pages[f"{chapter}.html"]
    assert len(article(page).select("h1")) == 1
    assert len(article(page).get_text().split()) >= 50
    assert page.html["lang"] == "en"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_headings_descend_one_level_at_a_time(pages, chapter):
    levels = [int(heading.name[1]) for heading in article(pages[f"{chapter}.html"]).select("h1, h2, h3, h4, h5, h6")]
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))


@pytest.mark.parametrize(("chapter", "count"), STEPS.items())
def test_every_numbered_step_is_there_with_its_matrices(pages, chapter, count):
    headings = [
        (re.match(r"Step (\d+) · \S", heading.get_text()), heading) for heading in pages[f"{chapter}.html"].select("h2")
    ]
    steps = {int(match[1]): heading.find_parent("section") for match, heading in headings if match}
    assert list(steps) == list(range(1, count + 1))
    for number, section in steps.items():
        tables = section.select(".cell_output table")
        assert tables, f"step {number} shows no matrix"
        assert all(table.caption and table.caption.get_text(strip=True) for table in tables), f"step {number}"
        assert all(table.select("th[scope]") for table in tables), f"step {number}"
        assert not [header for table in tables for header in table.select("th:not([scope])")], f"step {number}"


@pytest.mark.parametrize("chapter", MOVING)
def test_no_cell_failed_or_left_a_warning(pages, chapter):
    assert not pages[f"{chapter}.html"].select(".output.stderr, .output.traceback")


@pytest.mark.parametrize("chapter", MOVING)
def test_formulas_are_mathml(pages, chapter):
    page = article(pages[f"{chapter}.html"])
    assert page.select("math")
    for script in page.select("script, style, pre, code"):
        script.extract()
    text = page.get_text()
    assert not re.search(r"\$[^$\n]+\$|\\\(|\\\[|\\frac|\\sum", text)


def test_no_page_loads_mathjax(pages):
    assert not [name for name, page in pages.items() for tag in page.select("script") if "mathjax" in str(tag).lower()]


def wanted_files(page):
    """Return every address that a page loads by itself."""
    for tag, attribute in (("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("object", "data")):
        yield from (element[attribute] for element in page.select(f"{tag}[{attribute}]"))
    for link in page.select("link[href]"):
        if not {"next", "prev", "index", "search", "canonical"} & set(link.get("rel", [])):
            yield link["href"]
    styles = [style.get_text() for style in page.select("style")]
    styles += [element["style"] for element in page.select("[style]")]
    for style in styles:
        yield from addresses_in(style)


def addresses_in(style):
    return re.findall(r"""url\(\s*["']?([^"')]+)""", style) + re.findall(r"""@import\s+["']([^"']+)""", style)


def is_elsewhere(address):
    return bool(urlsplit(address).netloc)


def test_pages_ask_no_other_host_for_anything(pages):
    wanted = {(name, address) for name, page in pages.items() for address in wanted_files(page)}
    assert len(wanted) > 10 * len(CHAPTERS)
    assert not {(name, address) for name, address in wanted if is_elsewhere(address)}


def test_style_sheets_ask_no_other_host_for_anything(book):
    wanted = {
        (sheet.name, address)
        for sheet in book.rglob("*.css")
        for address in addresses_in(sheet.read_text(encoding="utf-8"))
    }
    assert any(address.endswith(".woff2") for _, address in wanted)
    assert not {(name, address) for name, address in wanted if is_elsewhere(address)}


def test_links_inside_the_book_lead_somewhere(book, pages):
    anchors = {
        name: {element["id"] for element in page.select("[id]")} | {a["name"] for a in page.select("a[name]")}
        for name, page in pages.items()
    }
    broken, followed = [], 0
    for name, page in pages.items():
        links = [a["href"] for a in page.select("a[href]")] + list(wanted_files(page))
        for link in links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link == "#":
                continue
            followed += 1
            target = ((book / name).parent / unquote(parts.path)).resolve() if parts.path else book / name
            inside = target.relative_to(book.resolve()).as_posix() if target.is_relative_to(book.resolve()) else None
            fragment = unquote(parts.fragment)
            if not target.is_file() or (fragment and inside in anchors and fragment not in anchors[inside]):
                broken.append((name, link))
    assert followed > 100
    assert not broken


def test_every_icon_kept_its_glyph(book, pages):
    sheet = (book / "_static/styles/pydata-sphinx-theme.css").read_text(encoding="utf-8")
    rules = re.findall(r'((?:\.fa-[a-z0-9-]+:before,?)+)\{content:"\\([0-9a-f]+)"', sheet)
    codes = {name: int(code, 16) for names, code in rules for name in re.findall(r"fa-[a-z0-9-]+", names)}
    fonts = (book / "_static/vendor/fontawesome/webfonts").glob("*.woff2")
    glyphs = set().union(*(TTFont(font).getBestCmap() for font in fonts))
    shown = {
        (name, frozenset(element["class"]))
        for name, page in pages.items()
        for element in page.select(".fa-solid, .fa-brands, .fa-regular, .fas, .fab, .far")
    }
    assert shown
    assert not [(name, icon) for name, icon in shown if not {codes.get(part) for part in icon} & glyphs]


def test_chapters_offer_binder_and_colab(pages):
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    path = urlsplit(settings["repository"]["url"]).path
    for chapter in MOVING:
        links = [a["href"] for a in pages[f"{chapter}.html"].select("a[href]")]
        assert (ROOT / f"{chapter}.ipynb").is_file()
        assert any(
            link.startswith(f"https://mybinder.org/v2/gh{path}/main") and chapter in unquote(link) for link in links
        )
        assert f"https://colab.research.google.com/github{path}/blob/main/{chapter}.ipynb" in links
