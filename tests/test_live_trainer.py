"""The training chapter's Train and Stop, live: the worker hears a click, and the page a frame, while Python trains."""

import re

import pytest
from livebook import Reader, until

TELL = """() => {
  const host = [...document.querySelectorAll('.ae-panel')].at(-1);
  const word = (selector) => host.querySelector(selector)?.textContent ?? '';
  return {
    losses: [...host.querySelectorAll('.ae-keys b')].map((b) => b.textContent).join(' '),
    curve: host.querySelector('.ae-line-0[d*=L]')?.getAttribute('d') ?? '',
    cells: [...host.querySelectorAll('.ae-m td')].map((td) => td.textContent).join(' '),
    button: word('.ae-row button'), status: /\\d+ of \\d+ updates/.exec(word('.ae-controls'))?.[0], alert: word('[role=alert]'),
    place: Number(host.querySelector('[role=slider]').getAttribute('aria-valuenow')),
  };
}"""


class Trainer:
    def __init__(self, reader):
        self.page = reader.page
        self.host = reader.page.locator(".ae-panel").last

    def tell(self):
        return self.page.evaluate(TELL)

    def press(self, name):
        self.host.get_by_role("button", name=name, exact=True).click()

    def slider(self, name):
        return self.host.get_by_role("slider", name=re.compile(f"^{name}: "))

    def moves(self, before):
        """Wait until more is shown than before, and give it."""
        until(lambda: self.tell()["losses"] != before["losses"])
        return self.tell()


@pytest.fixture
def reader(chromium, address):
    with Reader(chromium, address, "chapters/training") as reader:
        yield reader
        assert reader.complaints == []


@pytest.fixture
def trainer(reader):
    trainer = Trainer(reader)
    assert trainer.tell()["status"] == "0 of 300 updates"
    trainer.slider("updates in all").press("End")  # 3000, so that there is time to stop
    until(lambda: trainer.tell()["status"] == "0 of 3000 updates")
    return trainer


def test_it_trains_before_the_reader_s_eyes_and_stops_at_once(reader, trainer):
    start = trainer.tell()
    trainer.press("Train")
    first = trainer.moves(start)
    second = trainer.moves(first)
    assert second["button"] == "Stop"
    assert len({told["curve"] for told in (start, first, second)}) == 3 and first["cells"] != start["cells"]
    # Another explorer of the page answers meanwhile.
    other = reader.page.locator(".live-host").first
    other.locator("[role=slider]").press("ArrowRight")
    until(lambda: "After 4 updates" in other.locator("[role=img], [role=group]").last.get_attribute("aria-label"))
    assert trainer.tell()["button"] == "Stop"
    trainer.press("Stop")
    until(lambda: trainer.tell()["button"] == "Go on")
    stopped = trainer.tell()
    until(lambda: reader.page.locator(".live-spoken").text_content().startswith("Marked: updates "))
    # All that Python had to say until here has come when the other slider is answered.
    other.locator("[role=slider]").press("ArrowRight")
    until(lambda: "After 8 updates" in other.locator("[role=img], [role=group]").last.get_attribute("aria-label"))
    assert trainer.tell() == stopped
    # The slider moves over what there is, and no further.
    slider = trainer.slider("updates")
    slider.press("Home")
    until(lambda: trainer.tell()["losses"] == start["losses"])
    slider.press("End")
    until(lambda: trainer.tell() == stopped)
    trainer.press("Go on")
    until(lambda: trainer.tell()["place"] > stopped["place"])
    trainer.press("Back to the start")
    until(lambda: trainer.tell() == start)


def test_a_divergence_is_told(reader, trainer):
    trainer.slider("learning rate").press("End")
    trainer.press("Train")
    until(lambda: trainer.tell()["button"] == "Train again")
    assert re.search(r"Diverged: step 2 of 3000: the loss grew to .* try a tenth of it", trainer.tell()["alert"])
    trainer.slider("learning rate").press("Home")
    until(lambda: trainer.tell()["alert"] == "")


def test_a_python_that_takes_over_puts_the_page_back_to_the_start(reader):
    """Its predecessor was ended amid the training: nothing of it may be left on the page."""
    trainer = Trainer(reader)
    start = trainer.tell()
    trainer.press("Train")
    trainer.moves(start)
    reader.page.evaluate("live.kernel.on.failed(new Error('gone'))")
    until(lambda: trainer.tell() == start)
    trainer.press("Train")
    trainer.moves(start)


def test_run_again_the_cell_begins_anew(reader, trainer):
    start = trainer.tell()
    trainer.press("Train")
    trainer.moves(start)
    cell = reader.cell(reader.page.locator("div.cell").count())
    cell.run()
    until(lambda: trainer.tell()["status"] == "0 of 300 updates")
    assert trainer.tell()["button"] == "Train"
    trainer.press("Train")
    until(lambda: trainer.tell()["status"] == "300 of 300 updates")
    assert trainer.tell()["button"] == "Train again"
