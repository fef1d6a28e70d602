"""Every page in a real headless Chromium, in both themes, on a desk and on a phone."""

import gzip
import re
from urllib.parse import urlsplit

import pytest
from test_book import CHAPTERS, STEPS

PAGES = [*CHAPTERS, "search", "genindex"]
DESK, PHONE, NARROWEST = {"width": 1280, "height": 900}, {"width": 360, "height": 740}, {"width": 320, "height": 640}
HEAVIEST_PAGE = 450_000  # bytes, compressed, the script that makes the page live among them


class Visit:
    """A page opened once, with everything it asked for and complained about."""

    def __init__(self, chromium, url, **options):
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.requests, self.responses, self.complaints = [], [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("response", lambda response: self.responses.append(response))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self.listen)
        self.page.goto(url, wait_until="load")
        # Down to the end and back, for what is loaded only when it comes into sight.
        self.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate("scrollTo(0, 0)")

    def listen(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_whole_quiet_and_keeps_to_itself(chromium, address, page, scheme, size):
    with Visit(chromium, f"{address}/{page}.html", viewport=size, color_scheme=scheme) as visit:
        assert visit.requests
        assert {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in visit.requests} - {
            "data:",
            "data://",
        } == {address}
        assert visit.complaints == []
        assert visit.page.evaluate("document.documentElement.dataset.theme") == scheme
        assert_fits(visit.page, page)


def assert_fits(page, name):
    """No page scrolls sideways."""
    wide = "element => element.scrollWidth - element.clientWidth"
    assert page.locator("html").evaluate(wide) == 0
    assert page.locator("body").evaluate(wide) == 0
    if name in CHAPTERS:
        assert page.locator("article.bd-article").evaluate(wide) <= 0


CUT = """() => [...document.querySelectorAll('.ae-switch, .widget-checkbox, .ae-row select, .ae-row button')]
  .filter((one) => one.checkVisibility() && (one.scrollHeight > one.clientHeight + 2 || one.getBoundingClientRect().right > innerWidth))
  .map((one) => one.textContent)"""


@pytest.mark.parametrize("scripts", [True, False], ids=["widgets", "static"])
@pytest.mark.parametrize("size", [PHONE, NARROWEST], ids=["phone", "narrowest"])
@pytest.mark.parametrize("page", PAGES)
def test_on_narrow_paper_nothing_is_cut_off(chromium, address, page, size, scripts):
    context = chromium.new_context(viewport=size, java_script_enabled=scripts)
    opened = context.new_page()
    opened.goto(f"{address}/{page}.html", wait_until="load")
    if scripts and opened.locator(".ae-live").count():
        opened.locator(".live-host").last.wait_for(state="attached")
    assert_fits(opened, page)
    assert opened.evaluate(CUT) == []
    context.close()


# A sign that touches a formula and yet stands on another line.
ASTRAY = """() => [...document.querySelectorAll('article p math, article li math, article summary math')].flatMap((formula) => {
  const { nextSibling: next, previousSibling: last } = formula;
  const place = (text, at) => {
    const range = document.createRange();
    range.setStart(text, at);
    range.setEnd(text, at + 1);
    return range.getBoundingClientRect();
  };
  const box = formula.getBoundingClientRect();
  const after = next?.nodeType === 3 && /^\\S/.test(next.data) && place(next, 0).left < box.right - 2;
  const before = last?.nodeType === 3 && /\\S$/.test(last.data) && place(last, last.data.length - 1).right > box.left + 2;
  return after || before ? [formula.parentElement.textContent] : [];
})"""


@pytest.mark.parametrize("page", CHAPTERS)
def test_no_line_begins_with_the_full_stop_after_a_formula(chromium, address, page):
    opened = chromium.new_page()
    opened.goto(f"{address}/{page}.html", wait_until="load")
    for width in (320, 360, 690, 1280):
        opened.set_viewport_size({"width": width, "height": 740})
        assert opened.evaluate(ASTRAY) == []
    opened.close()


# The lines of tables that do not fit into one row, by what they end with.
WRAPPED = """() => [...document.querySelectorAll('.ae-flow')].filter((flow) =>
  new Set([...flow.children].map((one) => Math.round(one.getBoundingClientRect().bottom))).size > 1)
  .map((flow) => [...flow.querySelectorAll('caption b')].at(-1).textContent)"""
LONG = {"chapters/sparse_autoencoder": {"P", "dbdec"}, "chapters/backpropagation": {"P", "Wdec⁺"}}
"""Lines too long for one row at any size that can be read."""


@pytest.mark.parametrize("page", [*STEPS, "chapters/variants", "chapters/training"])
def test_a_line_of_tables_shrinks_before_it_breaks(chromium, address, page):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.goto(f"{address}/{page}.html")
    opened.locator(".ae details").evaluate_all("all => all.forEach((details) => { details.open = true })")
    assert set(opened.evaluate(WRAPPED)) == LONG.get(page, set())
    opened.set_viewport_size({"width": 690, "height": 900})
    # The squared error of five words is the next longest.
    errors = {name for name in opened.evaluate(WRAPPED) if name.startswith(("MSE", "Aux"))}
    assert set(opened.evaluate(WRAPPED)) - errors == LONG.get(page, set())
    context.close()


def test_a_browser_computes_a_cells_size_once_a_line(chromium, address):
    page = chromium.new_page()
    page.goto(f"{address}/chapters/variants.html")
    sizes = page.locator(".ae-flow").evaluate_all("flows => flows.map((flow) => getComputedStyle(flow).getPropertyValue('--cell'))")
    page.close()
    assert len(sizes) > 20
    # Unless it is registered as a length, each cell would be given the whole formula.
    assert [size for size in sizes if not re.fullmatch(r"[\d.]+px", size)] == []


def test_the_address_itself_leads_to_the_first_chapter(chromium, address):
    page = chromium.new_page()
    page.goto(address)
    page.wait_for_url(f"{address}/{CHAPTERS[0]}.html")
    assert page.locator("article h1").count() == 1
    page.close()


@pytest.mark.parametrize("page", [*STEPS, "chapters/training", "chapters/balance", "chapters/superposition", "chapters/variants"])
def test_a_chapter_is_light(chromium, address, page):
    with Visit(chromium, f"{address}/{page}.html", viewport=DESK) as visit:
        weights = {response.url: len(gzip.compress(response.body(), 9)) for response in visit.responses}
        assert sum(weights.values()) <= HEAVIEST_PAGE, sorted(weights.items(), key=lambda item: -item[1])[:5]


def test_formulas_use_the_books_font(chromium, address):
    with Visit(chromium, f"{address}/chapters/autoencoder.html", viewport=DESK) as visit:
        assert visit.page.locator("math").first.is_visible()
        assert visit.page.evaluate("document.fonts.check('16px \"Book Math\"')")
        assert any("noto-sans-math" in url for url in visit.requests)


def test_the_search_finds_a_chapter(chromium, address):
    with Visit(chromium, f"{address}/search.html?q=autoencoder", viewport=DESK) as visit:
        visit.page.locator("#search-results li a").first.wait_for()
        assert visit.page.locator("#search-results li a").count() >= 2
