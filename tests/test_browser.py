"""Every page in a real headless Chromium, in both themes, on a desk and on a phone."""

import gzip
from urllib.parse import urlsplit

import pytest
from test_book import CHAPTERS, STEPS

PAGES = [*CHAPTERS, "search", "genindex"]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
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
        wide = "element => element.scrollWidth - element.clientWidth"
        assert visit.page.locator("html").evaluate(wide) == 0
        assert visit.page.locator("body").evaluate(wide) == 0
        if page in CHAPTERS:
            assert visit.page.locator("article.bd-article").evaluate(wide) <= 0


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
