"""The book under a strict Content Security Policy, and at a path below a host's root: still, live, and running cells."""

import pytest
import strict
from livebook import Host, Reader, until
from test_book import CHAPTERS

# Every type of output that a cell has, and a package that is fetched late.
EVERYTHING = """\
import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import HTML, SVG, display
print("printed")
display(HTML("<b style='color: red'>bold</b>"), SVG("<svg width='9' height='9'><rect width='9' height='9'/></svg>"))
display(ipywidgets.IntSlider(7))
plt.plot([1, 2])
plt.show()
1 / 0"""


@pytest.fixture(scope="module")
def host(book):
    host = Host(book, "/some/where", [("Content-Security-Policy", strict.header())])
    yield host
    host.close()


def test_the_policy_allows_what_it_says_and_no_more():
    assert strict.header() == (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'self'"
    )


@pytest.mark.parametrize("chapter", [*CHAPTERS, "search", "genindex"])
def test_every_page_keeps_to_the_policy(chromium, host, chapter):
    with chromium.new_context() as context:
        page = context.new_page()
        complaints = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        answer = page.goto(f"{host.address}/{chapter}.html", wait_until="networkidle")
        assert answer.headers["content-security-policy"] == strict.header()
        # The policy forbids Playwright's own way to wait for an expression, too.
        until(lambda: page.evaluate("['light', 'dark'].includes(document.documentElement.dataset.theme)"))
        assert page.evaluate("typeof DOCUMENTATION_OPTIONS.pagename") == "string"
        assert complaints == []


def test_the_policy_is_enforced(chromium, host):
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{host.address}/chapters/glossary.html")
        page.evaluate("document.head.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
        assert page.evaluate("window.ran") is None


@pytest.fixture
def refused(chromium, book):
    """A function: opens a page under the policy less one allowance, and gives it and what the browser refuses."""
    hosts, contexts = [], []

    def without(allowance):
        policy = strict.header().replace(f" {allowance}", "")
        assert policy != strict.header()
        hosts.append(Host(book, "", [("Content-Security-Policy", policy)]))
        contexts.append(chromium.new_context())
        page = contexts[-1].new_page()
        said = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto(f"{hosts[-1].address}/chapters/autoencoder.html")
        return page, said

    yield without
    for used in (*contexts, *hosts):
        used.close()


def test_python_needs_leave_to_compile_webassembly(refused):
    page, _ = refused("'wasm-unsafe-eval'")
    page.locator(".noUi-handle").first.focus()
    alert = page.locator(".live-progress[role=alert]")
    alert.wait_for()
    assert "WebAssembly" in alert.inner_text() and "Content Security Policy" in alert.inner_text()
    assert page.locator(".ae table").first.is_visible()


def test_cells_colours_need_leave_for_styles(refused):
    _, said = refused("'unsafe-inline'")
    until(lambda: any("style-src" in text for text in said))


def test_pictures_need_leave_for_data(refused):
    page, said = refused("data:")
    page.evaluate("new Image().src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw='")
    until(lambda: any("img-src" in text for text in said))


def test_a_page_goes_live_and_runs_cells_under_the_policy(chromium, host):
    with Reader(chromium, host.address) as reader:
        reader.go_live()
        reader.slider(3).press("ArrowRight")
        cell = reader.cell(2)
        assert cell.run(EVERYTHING).startswith("Ended with an error")
        assert cell.output.locator("b").first.evaluate("b => getComputedStyle(b).color") == "rgb(255, 0, 0)"
        assert cell.output.locator("svg rect").count() == 1
        assert cell.output.locator(".noUi-handle").count() == 1
        assert cell.output.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        assert "ZeroDivisionError" in cell.output.inner_text()
        reader.keep_offline()
        assert reader.complaints == []
        assert reader.leaves() == set()


def test_the_buttons_of_the_theme_still_work(chromium, host):
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{host.address}/chapters/intro.html")
        page.evaluate("window.print = () => { window.printed = true }")
        page.locator("[data-click=print]").first.evaluate("button => button.click()")
        assert page.evaluate("window.printed") is True
        page.locator("[data-click=fullscreen]").first.click()
        until(lambda: page.evaluate("document.fullscreenElement !== null"))
