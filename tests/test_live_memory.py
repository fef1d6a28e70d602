"""What a start leaves for the next one: a picture of Python's memory."""

import pytest
from livebook import Host, Reader, until
from test_live_start import HANDLE, SPARSE

KEPT = "caches.open('live-memory').then(cache => cache.keys()).then(keys => keys.map(key => key.url))"
RECALLED = "live.times.worker.recalled !== undefined"
SIZE = """caches.open('live-memory').then(async cache => {
    const [kept] = await cache.matchAll();
    return kept ? (await kept.arrayBuffer()).byteLength : 0;
})"""
COMPILED = """import numpy
print(numpy.linalg.inv(2 * numpy.eye(2))[0, 0], numpy.sort([3.0]), numpy.random.default_rng(0).random() < 1)"""
NUMBERS = "import random, uuid\nprint(random.random(), uuid.uuid4())"


@pytest.fixture
def context(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    yield context
    context.close()


def go_live_and_keep(reader):
    reader.go_live()
    until(lambda: reader.page.evaluate(KEPT))


def numbers(reader):
    assert reader.cell(1).run(NUMBERS).startswith("Ran in")
    return reader.cell(1).output.inner_text().split()


def test_the_next_chapter_starts_from_the_memory_of_the_first(chromium, address, context):
    with Reader(chromium, address, context=context) as first:
        go_live_and_keep(first)
        assert not first.page.evaluate(RECALLED)
        drawn = numbers(first)
        with Reader(chromium, address, SPARSE, context) as second:
            before = second.page.locator(".ae").first.text_content()
            second.page.locator(HANDLE).first.press("ArrowRight")
            until(lambda: second.page.locator(".ae").first.text_content() != before)
            assert second.page.evaluate(RECALLED)
            # What is drawn by chance is not drawn again.
            assert not set(numbers(second)) & set(drawn)
            # numpy's compiled parts are back where the memory expects them, and others find their place behind them.
            assert second.cell(1).run(COMPILED).startswith("Ran in")
            assert second.cell(1).output.inner_text().split() == ["0.5", "[3.]", "True"]
            # What is fetched at need is found, as after a first start.
            assert second.cell(1).run("import statistics\nstatistics.mean([1, 3])").startswith("Ran in")
            assert second.cell(1).output.inner_text().strip() == "2"
            told = [*first.complaints, *second.complaints]
            assert [text for text in told if "Service Worker registration blocked" not in text] == []


@pytest.mark.parametrize("spoil", [
    "new Response('not a memory', { headers: { 'content-length': '12' } })",
    "new Response(new Uint8Array(20_971_664), { headers: { 'content-length': '20971664' } })",
    "new Response('cut off', { headers: { 'content-length': '20971664' } })",
])  # fmt: skip
def test_a_memory_of_no_use_is_replaced(chromium, address, context, spoil):
    with Reader(chromium, address, context=context) as reader:
        go_live_and_keep(reader)
        reader.page.evaluate(
            f"caches.open('live-memory').then(async cache => cache.put((await cache.keys())[0], {spoil}))"
        )
        reader.reload()
        before = reader.figure(3)
        reader.go_live()
        reader.slider(3).press("ArrowRight")
        until(lambda: reader.figure(3) != before)
        until(lambda: reader.page.evaluate(SIZE) > 15_000_000)


def test_another_book_does_not_start_from_this_ones_memory(chromium, book, context, tmp_path):
    from test_live_offline import publish_another

    host = Host(book)
    try:
        with Reader(chromium, host.address, context=context) as reader:
            go_live_and_keep(reader)
            former = reader.page.evaluate(KEPT)
            host.folder = publish_another(book, tmp_path / "next")
            reader.reload()
            reader.go_live()
            assert not reader.page.evaluate(RECALLED)
            until(lambda: reader.page.evaluate(KEPT) not in ([], former))
            assert len(reader.page.evaluate(KEPT)) == 1
    finally:
        host.close()


def test_two_tabs_of_a_page_do_not_disturb_each_other(chromium, address, context):
    with Reader(chromium, address, context=context) as first, Reader(chromium, address, context=context) as second:
        first.go_live()
        second.go_live()
        book = second.figure(3)
        first.slider(3).press("ArrowRight")
        until(lambda: first.figure(3) != book)
        assert second.figure(3) == book
        moved = first.figure(3)
        second.slider(3).press("ArrowLeft")
        until(lambda: second.figure(3) != book)
        assert first.figure(3) == moved != second.figure(3)
        # One tab's end is not the other's.
        first.page.close()
        before = second.figure(3)
        second.slider(3).press("ArrowLeft")
        until(lambda: second.figure(3) != before)
