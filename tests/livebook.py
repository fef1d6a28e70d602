"""What the tests of the live pages share: hosts of a built book, and a reader who edits and runs cells."""

import contextlib
import functools
import re
import threading
import time
from urllib.parse import urlsplit

import serve

READY = 90_000
"""Milliseconds within which Python has started, on the slowest machine that runs the tests."""


ENDED = re.compile(r" s\.$")
"""How a cell's last word ends: with the time it took."""


NUMBERS = """(tables) => tables.map((table) => {
    const copy = table.cloneNode(true);
    copy.querySelectorAll('.ae-how').forEach((how) => how.remove());
    return copy.textContent;
})"""


class Host:
    """Serves a folder at a path of an address, with headers of its own; the folder can be changed."""

    def __init__(self, folder, path="", headers=()):
        host = self
        self.folder, self.path = folder, path

        class Handler(serve.Handler):
            def translate_path(self, path):
                self.directory = str(host.folder)
                inside = path[len(host.path) :] if path.startswith(f"{host.path}/") else "/nowhere"
                return super().translate_path(inside)

            def end_headers(self):
                for name, value in headers:
                    self.send_header(name, value)
                super().end_headers()

        self.server = serve.Server(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.address = self.origin + path
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        """Refuse every further connection."""
        with contextlib.suppress(OSError):
            self.server.shutdown()
            self.server.server_close()


class Reader:
    """A page of the book in a browser, with all that it asked for and complained of."""

    def __init__(self, browser, address, chapter="chapters/autoencoder", context=None, **options):
        self.own = context is None
        self.context = context or browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.context.set_default_timeout(READY)
        self.page = self.context.new_page()
        self.address, self.url = address, f"{address}/{chapter}.html"
        self.hosts, self.complaints = set(), []
        self.page.on("request", lambda request: self.hosts.add("{0.scheme}://{0.netloc}".format(urlsplit(request.url))))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)
        self.open()

    def _listen(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location['url']})")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.own:
            self.context.close()
        else:
            self.page.close()

    def open(self):
        self.page.goto(self.url, wait_until="load")
        self.drawn()

    def reload(self):
        self.page.reload(wait_until="load")
        self.drawn()

    def drawn(self):
        self.page.locator(".live-bar").last.wait_for()

    def cell(self, number):
        return Cell(self, self.page.locator("div.cell").nth(number - 1))

    def slider(self, cell, number=0):
        return self.cell(cell).place.locator(".noUi-handle").nth(number)

    def figure(self, cell):
        """Return the text of a cell's matrices, in sight or not, without their arithmetic, which follows later."""
        return "\n".join(self.cell(cell).place.locator(".ae table").evaluate_all(NUMBERS))

    def arithmetic(self, cell):
        """Return the arithmetic of a cell's matrices."""
        return self.cell(cell).place.locator(".ae-how").all_text_contents()

    def go_live(self):
        """Touch a slider, and wait until Python answers."""
        self.slider(3).focus()
        self.page.locator("html[data-live=yes]").wait_for()

    def keep_offline(self):
        """Wait until the service worker holds the whole book and answers for this page."""
        until(lambda: self.page.evaluate("navigator.serviceWorker.controller?.state === 'activated'"))

    def leaves(self):
        """Return the addresses of other hosts that the page asked."""
        return {host for host in self.hosts if not host.startswith("data:")} - {
            "{0.scheme}://{0.netloc}".format(urlsplit(self.address))
        }


class Cell:
    """One code cell, numbered as the page numbers it."""

    def __init__(self, reader, place):
        self.reader, self.place = reader, place
        self.note = place.locator(".live-note")
        self.output = place.locator(".live-output").first
        self.late = place.locator(".live-late")

    def button(self, name):
        return self.place.locator(".live-bar").get_by_role("button", name=f"{name}: Cell", exact=False)

    def write(self, text):
        """Put a text into the cell's editor, which is opened if it is not."""
        if not self.place.locator(".cm-content").count():
            self.button("Edit").click()
        content = self.place.locator(".cm-content")
        content.click()
        self.reader.page.keyboard.press("ControlOrMeta+a")
        self.reader.page.keyboard.insert_text(text)

    def begin(self, text):
        self.write(text)
        self.reader.page.keyboard.press("Shift+Enter")

    def run(self, text=None):
        """Run the cell, with this text if one is given; return what it said in the end."""
        if text is None:
            self.button("Run").first.click()
        else:
            self.begin(text)
        return self.ended()

    def ended(self):
        self.note.filter(has_text=ENDED).wait_for()
        return self.note.text_content()


def until(condition, seconds=60):
    """Wait until a condition of the test's own holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
