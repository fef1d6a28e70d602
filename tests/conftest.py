"""What several tests share: the tools on the path, the built book, a server of it and a browser."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
for folder in (ROOT / "tools", ROOT / "_ext"):
    sys.path.insert(0, str(folder))

import browser as browsers  # noqa: E402
import build  # noqa: E402
import serve  # noqa: E402


@pytest.fixture(scope="session")
def book():
    """The folder of the built pages, built first if it is missing or older than its sources."""
    if build.is_stale():
        assert build.build() == 0, "the book does not build: see the output above"
    return build.HTML


@pytest.fixture(scope="session")
def address(book):
    """The address at which the built pages are served while the tests run."""
    with serve.open_server(book, port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = browsers.launch(playwright)
        yield running
        running.close()


@pytest.fixture(autouse=True)
def _no_loop_of_others(request):
    """Hide from a test without a browser the event loop that Playwright leaves running in this thread."""
    if "chromium" in request.fixturenames:
        yield
        return
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)
