"""The sliders: every callback called, and what the reader then sees compared with a fresh walkthrough."""

import asyncio
import dataclasses
import random
from html.parser import HTMLParser

import ipywidgets
import numpy as np
import pytest
from lxml import html
from numpy.testing import assert_array_equal
from test_view import check

import ae_view
import ae_widgets
from ae_core import (
    TOKENS,
    Autoencoder,
    SparseAutoencoder,
    autoencoder_example,
    autoencoder_walkthrough,
    format_number,
    sparse_autoencoder_example,
    sparse_autoencoder_walkthrough,
)
from ae_view import rest_html, result_html, step_html, summary
from ae_widgets import OWN_NUMBERS, Chapter, autoencoder_plan, sparse_autoencoder_plan

PLANS = {"autoencoder": autoencoder_plan, "sparse": sparse_autoencoder_plan}
COUNTS = {"autoencoder": 6, "sparse": 10}
PRESETS = [(name, preset) for name, plan in PLANS.items() for preset in plan().presets]


def open_chapter(name, plan=None):
    """Make a chapter with all its steps on the page."""
    chapter = Chapter(plan or PLANS[name]())
    for number in range(1, COUNTS[name] + 1):
        chapter.step(number)
    return chapter


@pytest.fixture(autouse=True)
def forget_widgets():
    """Close the widgets of a test after it: ipywidgets keeps all that were ever made."""
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def autoencoder():
    return open_chapter("autoencoder")


@pytest.fixture
def sparse():
    return open_chapter("sparse")


@pytest.fixture(params=PLANS)
def chapter(request):
    return open_chapter(request.param)


def model_of(p):
    if "W_enc" in p:
        return SparseAutoencoder(p["W_enc"], p["b_enc"], p["W_dec"], p["b_dec"], p["subtract_decoder_bias"])
    return Autoencoder([p[f"W{k}"] for k in range(1, 5)], [p[f"b{k}"] for k in range(1, 5)], p["output_relu"])


def fresh_steps(p):
    """Make the walkthrough of these parameters, without the chapter's help."""
    if "W_enc" in p:
        return sparse_autoencoder_walkthrough(model_of(p), p["X"], p["λ"], TOKENS)
    return autoencoder_walkthrough(model_of(p), p["X"])


def changed(parameters, key, value):
    """Give the parameters with one number changed."""
    name, row, column = key
    array = np.array(parameters[name], dtype=float)
    array[(row, column)[: array.ndim]] = value
    return {**parameters, name: array}


def shown(panel):
    return "".join(figure.value for figure in panel.figures)


def assert_shows(chapter, parameters):
    """The chapter has these parameters, its controls stand at them, and every step on the page is theirs."""
    for name, value in parameters.items():
        assert np.shape(chapter.parameters[name]) == np.shape(value)
        assert np.abs(np.subtract(chapter.parameters[name], value, dtype=float)).max() <= 1e-11, name
    for number, step in enumerate(fresh_steps(chapter.parameters), start=1):
        assert shown(chapter.panels[number]) == step_html(step), f"step {number}"
    for (name, row, column), entry in chapter.entries.items():
        array = np.asarray(chapter.parameters[name])
        value = array[(row, column)[: array.ndim]]
        assert entry.number.value == pytest.approx(value, abs=0.0006)
        assert abs(entry.slider.value - value) <= entry.step / 2
    for name, switch in chapter.switches.items():
        assert switch.value is chapter.parameters[name]
    assert chapter.message.value == ""


def find(widget, kind, text):
    """Find the widgets of a kind and with this text among a widget and all that it holds."""
    found = [widget] if isinstance(widget, kind) and widget.description == text else []
    return found + [other for child in getattr(widget, "children", ()) for other in find(child, kind, text)]


def buttons(widget, text):
    return find(widget, ipywidgets.Button, text)


def update(chapter, rate):
    """Set the learning rate and press the button once."""
    last = chapter.panels[len(chapter.steps)]
    (box,), (button,) = find(last, ipywidgets.BoundedFloatText, "Learning rate"), buttons(last, "Update once")
    box.value = rate
    button.click()


def redrawn(chapter):
    """Give a set to which every later redrawing adds its step's number."""
    numbers = set()
    for number, panel in chapter.panels.items():
        for figure in panel.figures:
            figure.observe(lambda _, number=number: numbers.add(number), "value")
    return numbers


# ------------------------------------------------------------------------------------- sliders and boxes


def test_every_number_has_one_slider(chapter):
    numbers = {name: value for name, value in chapter.parameters.items() if not isinstance(value, bool)}
    assert len(chapter.entries) == sum(np.size(value) for value in numbers.values())
    assert {name for name, _, _ in chapter.entries} == set(numbers)
    assert_shows(chapter, chapter.plan.book)


MOVES = {
    "slider to its minimum": lambda entry, book: setattr(entry.slider, "value", entry.slider.min),
    "slider to its maximum": lambda entry, book: setattr(entry.slider, "value", entry.slider.max),
    "slider away and back": lambda entry, book: (
        setattr(entry.slider, "value", entry.slider.max),
        setattr(entry.slider, "value", book),
    ),
    "box": lambda entry, book: setattr(entry.number, "value", 7),
    "−": lambda entry, book: entry.minus.click(),
    "+": lambda entry, book: entry.plus.click(),
}


def after(move, entry, book):
    return {
        "slider to its minimum": entry.slider.min,
        "slider to its maximum": entry.slider.max,
        "slider away and back": book,
        "box": 7,
        "−": max(entry.slider.min, book - entry.step),
        "+": min(entry.slider.max, book + entry.step),
    }[move]


@pytest.mark.parametrize("move", MOVES)
def test_every_control_moves_every_step(chapter, move):
    expected = book = chapter.plan.book
    for key, entry in chapter.entries.items():
        name, row, column = key
        number = np.asarray(book[name])[(row, column)[: np.ndim(book[name])]]
        MOVES[move](entry, number)
        expected = changed(expected, key, after(move, entry, number))
        assert_shows(chapter, expected)
    chapter.reset()
    assert_shows(chapter, book)


def test_what_is_redrawn_is_drawn_right(chapter):
    numbers = redrawn(chapter)
    for entry in list(chapter.entries.values())[::3]:
        entry.slider.value = entry.slider.max
        steps = fresh_steps(chapter.parameters)
        for number in numbers:
            check(shown(chapter.panels[number]), steps[number - 1])
        numbers.clear()


def test_a_number_too_large_for_its_box(chapter):
    for key, entry in list(chapter.entries.items())[::20]:
        chapter.reset()
        entry.number.value = 1e6
        assert_shows(chapter, changed(chapter.plan.book, key, entry.slider.max))


def test_a_fraction_typed_into_a_box(autoencoder):
    autoencoder.entries["W1", 0, 0].number.value = 0.125
    assert_shows(autoencoder, changed(autoencoder.plan.book, ("W1", 0, 0), 0.125))
    autoencoder.entries["W1", 0, 0].plus.click()
    assert_shows(autoencoder, changed(autoencoder.plan.book, ("W1", 0, 0), 1.125))


def test_a_slider_is_not_pulled_back_while_it_is_dragged(autoencoder, monkeypatch):
    """A view's arithmetic says 3.0000000000000018 for 3; an answer to that would arrive under the moving hand."""
    entry, answers = autoencoder.entries["W1", 0, 0], []
    monkeypatch.setattr(entry.slider, "send_state", lambda key=None: answers.append(key))
    entry.slider.set_state({"value": 3.0000000000000018})
    assert answers == []
    assert_shows(autoencoder, changed(autoencoder.plan.book, ("W1", 0, 0), 3))


def test_whole_numbers_stay_whole(chapter):
    entry = next(iter(chapter.entries.values()))
    entry.number.value = 0.5
    entry.number.value = 2
    for name, value in chapter.parameters.items():
        assert np.asarray(value).dtype.kind in "ib", name


def test_one_set_of_numbers_serves_all_steps(autoencoder):
    autoencoder.entries["W1", 1, 2].slider.value = 5
    entries = autoencoder.steps[4].result.entries
    assert entries != fresh_steps(autoencoder.plan.book)[4].result.entries
    assert shown(autoencoder.panels[5]) == step_html(autoencoder.steps[4])


def test_lambda_in_steps_5_and_8_is_one(sparse):
    for kind in (ipywidgets.FloatSlider, ipywidgets.BoundedFloatText):
        (five,), (eight,) = (find(sparse.panels[number], kind, "λ") for number in (5, 8))
        assert five is eight


def test_only_what_changed_is_redrawn(autoencoder, sparse, monkeypatch):
    numbers, drawn = redrawn(autoencoder), []
    monkeypatch.setattr(ae_widgets, "result_html", lambda step: drawn.append(step.number) or result_html(step))
    autoencoder.entries["W4", 0, 0].slider.value = 3
    assert sorted(numbers) == sorted(drawn) == [5, 6]
    numbers.clear()
    autoencoder.entries["W4", 0, 0].slider.value = 3
    assert numbers == set()
    numbers = redrawn(sparse)
    sparse.entries["λ", 0, 0].slider.value = 7
    assert sorted(numbers) == [5, 8, 10]


def test_what_is_seen_is_drawn_first(sparse):
    panel, drawn = sparse.panels[10], []

    async def reader():
        for value in (5, 6):
            sparse.entries["W_enc", 0, 0].slider.value = value
            drawn.append([figure.value for figure in panel.figures])
        await asyncio.sleep(0.1)
        drawn.append([figure.value for figure in panel.figures])
        await asyncio.sleep(0.5)

    book = [figure.value for figure in panel.figures]
    asyncio.run(reader())
    (five, six), last = [sparse_step(10, value) for value in (5, 6)], sparse_step(10, 6)
    assert drawn[:2] == [[result_html(step, arithmetic=False), book[1]] for step in (five, six)]
    assert drawn[2] == [result_html(last, arithmetic=False), rest_html(last, arithmetic=False)]
    assert [figure.value for figure in panel.figures] == [result_html(last), rest_html(last)] == panel.drawings()


def test_a_move_does_not_wait_until_all_is_explained(sparse):
    slider, explained = sparse.entries["W_enc", 0, 0].slider, []
    for number, panel in sparse.panels.items():

        def explain(number=number, explain=panel.explain):
            explained.append((number, slider.value))
            explain()
            if slider.value == 5:
                asyncio.get_running_loop().call_soon(setattr, slider, "value", 6)

        panel.explain = explain

    async def reader():
        slider.value = 5
        await asyncio.sleep(1)

    asyncio.run(reader())
    assert explained[0] == (1, 5) and {value for _, value in explained[1:]} == {6}
    assert_shows(sparse, changed(sparse.plan.book, ("W_enc", 0, 0), 6))


def watched_chapter(walkthrough):
    """Open the sparse autoencoder's chapter with a walkthrough of its own; give the first numbers that it was asked for, too."""
    plan, asked = sparse_autoencoder_plan(), []

    def watched(parameters):
        asked.append(int(parameters["W_enc"][0, 0]))
        return walkthrough(parameters)

    return open_chapter("sparse", dataclasses.replace(plan, walkthrough=watched)), asked


def test_the_next_move_of_the_same_kind_is_worked_out_ahead():
    chapter, asked = watched_chapter(sparse_autoencoder_plan().walkthrough)
    corner, other = (chapter.entries["W_enc", 0, column].slider for column in (0, 1))
    tables, new = ae_view._table.cache_info, []

    async def reader():
        for slider, value in ((corner, 1), (corner, 2), (corner, 3), (corner, 9), (other, 2), (corner, 8)):
            before = tables().misses
            asked.clear()
            slider.value = value
            new.append((list(asked), tables().misses > before))
            await asyncio.sleep(0.4)
            assert_shows(chapter, chapter.parameters)

    ae_view._table.cache_clear()
    asyncio.run(reader())
    assert new == [([1], True), ([], False), ([], False), ([9], True), ([9], True), ([8], True)]


def test_what_was_worked_out_ahead_is_forgotten_when_something_else_changes():
    chapter, asked = watched_chapter(sparse_autoencoder_plan().walkthrough)
    slider = chapter.entries["W_enc", 0, 0].slider

    async def reader():
        slider.value = 1
        await asyncio.sleep(0.15)
        assert asked[-1] == 2
        chapter.switches["subtract_decoder_bias"].value = True
        slider.value = 2
        await asyncio.sleep(0.15)
        assert asked[-3:] == [1, 2, 3]
        await asyncio.sleep(2)
        slider.value = 3
        assert asked[-2:] == [3, 3]
        await asyncio.sleep(0.4)

    asyncio.run(reader())
    assert_shows(chapter, {**changed(chapter.plan.book, ("W_enc", 0, 0), 3), "subtract_decoder_bias": True})


def test_an_error_that_only_the_next_move_would_meet_is_told_when_it_does():
    def walkthrough(parameters):
        if parameters["W_enc"][0, 0] == 2:
            raise ValueError("two is too much")
        return sparse_autoencoder_plan().walkthrough(parameters)

    chapter, asked = watched_chapter(walkthrough)
    slider, told = chapter.entries["W_enc", 0, 0].slider, []

    async def reader():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        slider.value = 1
        await asyncio.sleep(0.15)
        assert asked[-1] == 2 and not told and not chapter.message.value
        slider.value = 2
        assert "two is too much" in chapter.message.value

    asyncio.run(reader())
    assert not told


def sparse_step(number, value):
    """Give a step of the sparse autoencoder's chapter with another number in the corner of W_enc."""
    plan = sparse_autoencoder_plan()
    return plan.walkthrough(changed(plan.book, ("W_enc", 0, 0), value))[number - 1]


def test_a_chapters_numbers_are_its_own():
    one, other = open_chapter("sparse"), open_chapter("sparse")
    one.entries["λ", 0, 0].slider.value = 9
    assert_shows(other, sparse_autoencoder_plan().book)


def test_many_moves_in_any_order(chapter):
    choose = random.Random(2)
    keys = list(chapter.entries)
    for _ in range(60):
        key = choose.choice(keys)
        entry = chapter.entries[key]
        choose.choice(
            [
                lambda entry=entry: setattr(entry.slider, "value", choose.randint(int(entry.slider.min), int(entry.slider.max))),
                lambda entry=entry: setattr(entry.number, "value", choose.uniform(0, 9)),
                entry.minus.click,
                entry.plus.click,
                lambda: setattr(chapter.presets, "value", choose.choice(chapter.presets.options)),
                lambda key=key: chapter.reset(key[0]),
                lambda: update(chapter, 0.001),
                lambda: setattr(switch := choose.choice(list(chapter.switches.values())), "value", not switch.value),
            ]
        )()
        assert_shows(chapter, chapter.parameters)


# ------------------------------------------------------------------------------ presets, resets, switches


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_preset_moves_every_control_and_says_its_name(name, preset):
    chapter = open_chapter(name)
    next(iter(chapter.entries.values())).plus.click()
    chapter.presets.value = preset
    plan = PLANS[name]()
    assert_shows(chapter, plan.presets[preset](dict(plan.book)))
    assert chapter.presets.value == preset
    for panel in chapter.panels.values():
        assert find(panel, ipywidgets.Dropdown, "Numbers") == [chapter.presets]


def results(chapter):
    """Give every matrix that the chapter computes, by its name."""
    return {c.result.name: c.result.values for step in chapter.steps for c in step.computations}


def choose(name, preset):
    chapter = open_chapter(name)
    chapter.presets.value = preset
    return chapter.parameters, results(chapter)


@pytest.mark.parametrize("name", PLANS)
def test_all_zero(name):
    parameters, found = choose(name, "all weights and biases 0")
    assert not any(np.any(value) for name, value in parameters.items() if name[0] in "Wb")
    assert np.any(parameters["X"])
    assert not np.any(found["Y" if name == "autoencoder" else "X′"])


def test_a_dead_bottleneck():
    parameters, found = choose("autoencoder", "a dead bottleneck")
    assert not np.any(found["A2"])
    assert np.any(found["A1"])
    assert np.ptp(found["Y"], axis=1).max() == 0
    assert not np.any(found["dW1"]) and not np.any(found["dW2"])


def test_a_perfect_reconstruction_of_the_autoencoder():
    parameters, found = choose("autoencoder", "a perfect reconstruction")
    assert_array_equal(found["Y"], parameters["X"])
    assert not np.any(found["dY"])
    assert len(np.unique(parameters["X"], axis=1).T) == parameters["X"].shape[1]


def test_a_perfect_reconstruction_of_the_sparse_autoencoder():
    parameters, found = choose("sparse", "a perfect reconstruction")
    assert_array_equal(found["X′"], sparse_autoencoder_example()[1])
    assert found["MSE"] == 0 < found["L1"]


def test_lambda_0():
    parameters, found = choose("sparse", "λ = 0")
    assert found["L1"] == 0 < found["MSE"]
    assert not np.any(found["dS"])


def test_every_feature_is_dead():
    parameters, found = choose("sparse", "λ = 5: five updates, and every feature is dead")
    assert parameters["λ"] == 5
    assert not np.any(found["f"])
    assert_array_equal(found["X′"], np.tile(parameters["b_dec"][:, None], 5))
    model, x, _ = sparse_autoencoder_example()
    for _ in range(5):
        assert np.any(model.forward(x).features)  # they die of the penalty, at the last update
        model = model.update(model.gradients(x, 5), 0.02)
    assert not np.any(model.forward(x).features)


def test_every_slider_stands_at_one_of_its_steps(sparse):
    sparse.presets.value = "λ = 5: five updates, and every feature is dead"
    for entry in sparse.entries.values():
        steps = (entry.slider.value - entry.slider.min) / entry.slider.step
        assert steps == pytest.approx(round(steps), abs=1e-9)


def test_one_number_changed_is_no_preset_any_more(chapter):
    assert chapter.presets.value == chapter.presets.options[0] == "the book's numbers"
    next(iter(chapter.entries.values())).plus.click()
    assert chapter.presets.value == OWN_NUMBERS
    chapter.presets.value = chapter.presets.options[0]
    assert_shows(chapter, chapter.plan.book)
    chapter.presets.value = OWN_NUMBERS  # choosing it changes nothing
    assert_shows(chapter, chapter.plan.book)


def test_reset_of_one_matrix_leaves_the_others(chapter):
    book = chapter.plan.book
    for panel in chapter.panels.values():
        for group in panel.groups:
            for entry in [*list(chapter.entries.values())[::9], *group.entries[-1]]:
                entry.slider.value = entry.slider.max
            before = dict(chapter.parameters)
            (button,) = buttons(group.widget, "Reset")
            button.click()
            names = [matrix.name for matrix in group.matrices]
            assert_shows(chapter, {**before, **{name: book[name] for name in names}})
            assert all(name in button.tooltip for name in names)


def test_reset_of_all(chapter):
    for switch in chapter.switches.values():
        switch.value = not switch.value
    for entry in list(chapter.entries.values())[::5]:
        entry.slider.value = entry.slider.min
    (button,) = buttons(chapter.panels[1], "Reset all")
    button.click()
    assert_shows(chapter, chapter.plan.book)
    assert chapter.presets.value == "the book's numbers"


@pytest.mark.parametrize(
    ("name", "switch", "step"), [("autoencoder", "output_relu", 5), ("sparse", "subtract_decoder_bias", 1)]
)
def test_a_switch(name, switch, step):
    chapter = open_chapter(name)
    book = chapter.plan.book
    (box,) = find(chapter.panels[step], ipywidgets.Checkbox, chapter.plan.switches[step][1])
    assert box is chapter.switches[switch]
    chapter.switches[switch].value = not book[switch]
    assert_shows(chapter, {**book, switch: not book[switch]})
    assert chapter.presets.value == OWN_NUMBERS
    chapter.switches[switch].value = book[switch]
    assert_shows(chapter, book)


@pytest.mark.parametrize("rate", [0.001, 0.01, 0])
def test_an_update(chapter, rate):
    update(chapter, rate)
    if isinstance(model_of(chapter.plan.book), Autoencoder):
        model, x = autoencoder_example()
        updated = model.update(model.gradients(x), rate)
        expected = {f"W{k + 1}": W for k, W in enumerate(updated.weights)}
        expected |= {f"b{k + 1}": b for k, b in enumerate(updated.biases)}
    else:
        model, x, l1 = sparse_autoencoder_example()
        updated = model.update(model.gradients(x, l1), rate)
        expected = {name: getattr(updated, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    assert_shows(chapter, {**chapter.plan.book, **expected})


# --------------------------------------------------------------------------------------------- mishaps


def test_an_error_shows_itself_and_the_next_move_recovers(chapter):
    def walkthrough(parameters):
        if np.any(parameters["X"] == 9):
            raise ValueError("nine is <too> much")
        return fresh_steps(parameters)

    chapter = open_chapter(
        "sparse" if "λ" in chapter.parameters else "autoencoder", dataclasses.replace(chapter.plan, walkthrough=walkthrough)
    )
    entry = chapter.entries["X", 0, 0]
    for move in (lambda: setattr(entry.slider, "value", 9), lambda: setattr(entry.number, "value", 9)):
        move()
        assert html.fromstring(chapter.message.value).text == "ValueError: nine is <too> much"
        assert html.fromstring(chapter.message.value).get("role") == "alert"
        entry.minus.click()
        assert_shows(chapter, changed(chapter.plan.book, ("X", 0, 0), 8))
    assert all(chapter.message in panel.children for panel in chapter.panels.values())


def test_numbers_that_explode_tell_so_and_reset_recovers(sparse):
    with np.errstate(all="ignore"):
        for _ in range(10):
            before = sparse.parameters
            update(sparse, 1)
    assert "expected finite numbers" in sparse.message.value
    assert np.abs(before["W_dec"]).max() > 1e100
    sparse.reset_all.click()
    assert_shows(sparse, sparse.plan.book)
    assert {entry.slider.max for key, entry in sparse.entries.items() if key[0] != "λ"} == {12}


def test_a_step_that_there_is_not(chapter):
    for number in (0, -1, len(chapter.steps) + 1, 1.5, "1", None):
        with pytest.raises(ValueError, match=f"number: expected a step from 1 to {len(chapter.steps)}, got"):
            chapter.step(number)
    assert chapter.step(2) is chapter.step(2)


# ------------------------------------------------------------------------------- names, sizes, plain HTML


@pytest.mark.parametrize(
    ("name", "key", "spoken"),
    [
        ("autoencoder", ("W1", 1, 2), "W1 row 2 column 3"),
        ("autoencoder", ("b2", 1, 0), "b2 row 2"),
        ("autoencoder", ("X", 3, 0), "X row 4 column X1"),
        ("sparse", ("W_enc", 5, 0), "W_enc row f6 column 1"),
        ("sparse", ("W_dec", 0, 5), "W_dec row 1 column f6"),
        ("sparse", ("b_enc", 5, 0), "b_enc row f6"),
        ("sparse", ("λ", 0, 0), "λ"),
    ],
)
def test_a_slider_has_a_name_to_say(name, key, spoken):
    entry = open_chapter(name).entries[key]
    assert entry.slider.description == entry.number.description == entry.slider.tooltip == spoken
    assert [button.tooltip.partition(":")[0] for button in (entry.minus, entry.plus)] == [spoken, spoken]


def test_no_two_sliders_have_the_same_name(chapter):
    names = [entry.slider.description for entry in chapter.entries.values()]
    assert all(names)
    assert len(set(names)) == len(names)


def pixels(length):
    return float(length.removesuffix("px"))


def test_what_is_pressed_is_large_enough(chapter):
    for entry in chapter.entries.values():
        for control in (entry.minus, entry.plus, entry.number):
            assert min(pixels(control.layout.width), pixels(control.layout.height)) >= 24
        assert pixels(entry.slider.layout.height) >= 24
    for panel in chapter.panels.values():
        for text in ("Reset", "Reset all", "Update once"):
            assert all(pixels(button.layout.height) >= 24 for button in buttons(panel, text))


class Nesting(HTMLParser):
    """Reads HTML and notes every tag that is closed wrongly, and every attribute or id that comes twice."""

    VOID = {"br", "input", "img", "hr"}

    def __init__(self, text):
        super().__init__()
        self.open, self.faults, self.ids = [], [], []
        self.feed(text)
        self.close()
        self.faults += self.open

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        self.faults += [name for name in names if names.count(name) > 1]
        self.ids += [value for name, value in attributes if name == "id"]
        self.open += [tag] * (tag not in self.VOID)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"/{tag}")


def test_plain_html_is_sound(chapter):
    page = "".join(panel.static_html() for panel in chapter.panels.values())
    reader = Nesting(page)
    assert reader.faults == []
    assert len(set(reader.ids)) == len(reader.ids) == len(chapter.steps)
    assert page.count("<style>") == 1
    assert "<script" not in page and "//" not in page


def test_plain_html_shows_the_matrices_and_the_numbers_as_they_stand(chapter):
    chapter.presets.value = chapter.presets.options[-2]
    for number, panel in chapter.panels.items():
        page = html.fromstring(f"<div>{panel.static_html()}</div>")
        figures = "".join(html.tostring(figure[0], encoding="unicode") for figure in page.find_class("ae-figure"))
        check(figures, chapter.steps[number - 1])
        keys = [(m.name, i, j) for g in panel.groups for i in range(len(g.entries)) for m in g.matrices for j in range(len(m.column_labels))]
        values = [np.asarray(chapter.parameters[name]) for name, _, _ in keys]
        expected = [format_number(value[(i, j)[: value.ndim]]) for value, (_, i, j) in zip(values, keys)]
        assert [box.text for box in page.find_class("ae-number")] == expected
        for track in page.find_class("ae-track"):
            assert 0 <= float(track.get("style").removeprefix("--at:").removesuffix("%")) <= 100
        assert len(page.find_class("ae-track")) == len(expected)


def test_a_notebook_that_cannot_run_gets_plain_html(chapter):
    for number, panel in chapter.panels.items():
        bundle = panel._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        assert data["text/html"] == panel.static_html()
        assert data["text/plain"] == summary(chapter.steps[number - 1])
        assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.model_id


def test_nothing_is_kept_between_chapters():
    assert not [name for name, value in vars(ae_widgets).items() if isinstance(value, (Chapter, list, ipywidgets.Widget))]
