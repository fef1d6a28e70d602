"""The book without a network, and a new book in the place of an old one."""

import base64
import hashlib
import re
import shutil

import pytest
from livebook import Host, Reader, until
from test_book import CHAPTERS


@pytest.fixture
def host(book):
    host = Host(book, "/some/where")
    yield host
    host.close()


def publish_another(book, folder):
    """Copy the book with every page, style and script changed, as the next release would have them."""
    shutil.copytree(book, folder)
    (live,) = folder.glob("live-*")
    renamed = folder / "live-0123456789ab"
    live.rename(renamed)
    worker = renamed / "worker.js"
    worker.write_text(worker.read_text(encoding="utf-8") + "\n// next", encoding="utf-8")
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8").replace(live.name, renamed.name)
        page.write_text(text.replace("</title>", " (next)</title>"), encoding="utf-8")
    style = folder / "_static/book.css"
    style.write_text(style.read_text(encoding="utf-8") + "\n:root { --book: next }\n", encoding="utf-8")
    worker = folder / "service-worker.js"
    text = worker.read_text(encoding="utf-8").replace(live.name, renamed.name)

    def rehash(match):
        digest = hashlib.sha256((folder / match[1]).read_bytes()).digest()
        return f'["{match[1]}","{base64.b64encode(digest).decode()}"]'

    worker.write_text(re.sub(r'\["([^"]+)","[^"]{44}"\]', rehash, text), encoding="utf-8")
    return folder


def which(page):
    """Say of which book a page, its style sheet and its scripts are."""
    return page.evaluate("""() => [
        document.title.endsWith('(next)') ? 'next' : 'first',
        getComputedStyle(document.documentElement).getPropertyValue('--book').trim() || 'first',
        document.querySelector('script[src*="live-0123456789ab"]') ? 'next' : 'first',
    ]""")


def test_after_one_visit_the_whole_book_reads_and_goes_live_without_a_network(chromium, host):
    with Reader(chromium, host.address) as reader:
        reader.keep_offline()
        host.close()
        for chapter in CHAPTERS:
            answer = reader.page.goto(f"{host.address}/{chapter}.html", wait_until="networkidle")
            assert answer.ok and answer.from_service_worker
        reader.page.goto(f"{host.address}/", wait_until="load")
        reader.page.wait_for_url(f"{host.address}/{CHAPTERS[0]}.html")
        reader.page.goto(f"{host.address}/search.html?q=bottleneck")
        reader.page.locator("#search-results li a").first.wait_for()
        reader.open()
        reader.go_live()
        reader.slider(3).press("ArrowRight")
        assert reader.cell(2).run("import statistics\nprint(statistics.mean([1, 2, 6]))").startswith("Ran")
        assert reader.cell(2).output.inner_text().strip() == "3"
        assert reader.complaints == []
        assert reader.leaves() == set()


def test_a_package_is_kept_from_its_first_use_on(chromium, host):
    with Reader(chromium, host.address) as reader:
        reader.keep_offline()
        kept = "caches.open('book-late').then(cache => cache.keys()).then(keys => keys.map(key => key.url))"
        assert reader.page.evaluate(kept) == []
        frame = "import pandas\npandas.DataFrame({'a': [1, 2]})"
        assert reader.cell(2).run(frame).startswith("Ran in")
        assert any("pandas" in url for url in reader.page.evaluate(kept))
        host.close()
        reader.reload()
        assert reader.cell(2).run(frame).startswith("Ran in")
        assert reader.cell(2).output.locator("table.dataframe tbody tr").count() == 2
        assert reader.cell(3).run("import matplotlib").startswith("Ended with an error")
        assert "matplotlib" in reader.cell(3).output.inner_text()


def test_a_new_book_is_whole_at_the_next_reload_and_stays_so_without_a_network(chromium, host, book, tmp_path):
    with Reader(chromium, host.address) as reader:
        reader.keep_offline()
        assert which(reader.page) == ["first"] * 3
        host.folder = publish_another(book, tmp_path / "next")
        reader.reload()
        assert which(reader.page) == ["next"] * 3
        # The new book's service worker is complete when it takes over.
        taken = """async () => {
            const { active, installing, waiting } = await navigator.serviceWorker.ready;
            return !installing && !waiting && active.state === 'activated'
                && (await caches.open('book').then((cache) => cache.keys()))
                    .some(({ url }) => url.includes('live-0123456789ab/core.zip'))
                && !(await caches.open('book').then((cache) => cache.keys()))
                    .some(({ url }) => /live-(?!0123456789ab)/.test(url));
        }"""
        until(lambda: reader.page.evaluate(taken))
        host.close()
        reader.reload()
        assert which(reader.page) == ["next"] * 3
        reader.go_live()
        reader.slider(3).press("ArrowRight")
        reader.page.goto(f"{host.address}/chapters/glossary.html")
        assert which(reader.page)[:2] == ["next"] * 2
        assert reader.complaints == []


def test_a_tab_that_shows_the_old_book_still_goes_live_when_a_new_one_is_there(chromium, host, book, tmp_path):
    with Reader(chromium, host.address) as old:
        old.keep_offline()
        host.folder = publish_another(book, tmp_path / "next")
        with Reader(chromium, host.address, context=old.context) as new:
            until(lambda: new.page.evaluate("caches.has('book-former')"))
            assert which(new.page) == ["next"] * 3
        old.go_live()
        assert old.complaints == []


def test_a_book_that_is_only_half_there_is_not_taken(chromium, host, book, tmp_path):
    with Reader(chromium, host.address) as reader:
        reader.keep_offline()
        half = publish_another(book, tmp_path / "half")
        # Not the file that the service worker was built with.
        (half / "chapters/glossary.html").write_text("half", encoding="utf-8")
        host.folder = half
        reader.page.evaluate("""() => navigator.serviceWorker.ready.then((registration) => registration.update())
            .then((registration) => new Promise((resolve) => {
                const worker = registration.installing;
                worker.addEventListener('statechange', () => worker.state === 'redundant' && resolve());
            }))""")
        host.close()
        reader.reload()
        assert which(reader.page) == ["first"] * 3
        reader.page.goto(f"{host.address}/chapters/glossary.html")
        assert which(reader.page)[:2] == ["first"] * 2


def test_a_page_is_complete_before_the_book_is_fetched_for_keeping(chromium, host):
    with Reader(chromium, host.address) as reader:
        assert reader.page.evaluate("navigator.serviceWorker.getRegistrations().then((found) => found.length)") == 0
        until(lambda: reader.page.evaluate("navigator.serviceWorker.getRegistrations().then((found) => found.length)"))


def test_a_metered_connection_is_asked_for_nothing(chromium, host):
    with chromium.new_context() as context:
        context.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
        page = context.new_page()
        page.goto(f"{host.address}/chapters/glossary.html", wait_until="networkidle")
        page.wait_for_timeout(6000)
        assert page.evaluate("navigator.serviceWorker.getRegistrations().then((found) => found.length)") == 0
