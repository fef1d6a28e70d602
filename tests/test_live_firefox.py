"""The live pages in Firefox, spoken to in WebDriver BiDi, which it understands by itself.

Debian's `firefox-esr` or any other Firefox from 121 on; without one these tests are skipped, and say so.
"""

import json
import re
import shutil
import subprocess
import threading

import pytest
import websocket
from livebook import READY, until
from lxml import html

import ae_widgets

FOUND = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = pytest.mark.skipif(FOUND is None, reason="no Firefox is installed: apt-get install firefox-esr")

SECONDS = READY / 1000
"""Within which Firefox, then Python, has started."""
RIGHT = "\ue014"
"""The arrow key's code in WebDriver."""
CHAPTERS = ["autoencoder", "sparse_autoencoder", "backpropagation", "training", "balance", "superposition", "variants"]


class Firefox:
    """A Firefox with one page."""

    def __init__(self, profile):
        command = [FOUND, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port=0"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # Nobody else would end a start that says nothing.
        late = threading.Timer(SECONDS, self.process.kill)
        late.start()
        address = next((found[0] for line in self.process.stderr if (found := re.search(r"ws://\S+", line))), None)
        late.cancel()
        assert address, "Firefox did not say where it listens"
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.socket = websocket.create_connection(f"{address}/session", timeout=SECONDS, suppress_origin=True)
        self.asked, self.complaints = 0, []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        self.page = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait(SECONDS)

    def ask(self, method, **parameters):
        self.asked += 1
        self.socket.send(json.dumps({"id": self.asked, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.complaints.append(answer["params"]["text"])
            if answer.get("id") == self.asked:
                assert answer["type"] == "success", answer
                return answer["result"]

    def open(self, address):
        self.ask("browsingContext.navigate", context=self.page, url=address, wait="complete")

    def evaluate(self, expression):
        said = self.ask("script.evaluate", expression=expression, target={"context": self.page}, awaitPromise=True)
        assert said["type"] == "success", said["exceptionDetails"]["text"]
        return said["result"].get("value")

    def until(self, condition):
        until(lambda: self.evaluate(f"Boolean({condition})"), SECONDS)

    def press(self, key):
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.ask("input.performActions", context=self.page, actions=[{"type": "key", "id": "keys", "actions": actions}])


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    firefox = Firefox(tmp_path_factory.mktemp("profile"))
    yield firefox
    firefox.close()


def go_live(firefox, address, chapter):
    """Open a chapter and press a key at its first slider; give that slider's name."""
    firefox.open(f"{address}/chapters/{chapter}.html")
    firefox.until("document.querySelector('[role=slider]')")
    name = firefox.evaluate("document.querySelector('[role=slider]').focus(), document.activeElement.getAttribute('aria-label')")
    firefox.press(RIGHT)
    firefox.until("document.documentElement.dataset.live === 'yes'")
    return name


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_goes_live(firefox, address, chapter):
    figures = "[...document.querySelectorAll('article .ae')].map((figure) => figure.textContent).join()"
    firefox.open(f"{address}/chapters/{chapter}.html")
    before = firefox.evaluate(figures)
    go_live(firefox, address, chapter)
    firefox.until(f"{figures} !== {json.dumps(before)}")
    assert firefox.complaints == []


def test_its_numbers_are_those_of_cpython(firefox, address):
    name = go_live(firefox, address, "autoencoder")
    here = ae_widgets.autoencoder_chapter()
    panel = here.step(1)
    slider = next(entry.slider for entry in here.entries.values() if entry.slider.description == name)
    before = panel.figures[0].value
    slider.value += slider.step
    assert panel.figures[0].value != before
    expected = html.fragment_fromstring(panel.figures[0].value).text_content()
    firefox.until(f"document.querySelector('.ae-figure .ae, .live-host .ae').textContent === {json.dumps(expected)}")
