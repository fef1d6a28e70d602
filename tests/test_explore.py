"""Explorers: every position of every control draws what was computed for it, in words and as plain HTML too."""

import re
from dataclasses import replace

import ipywidgets
import numpy as np
import pytest
from lxml import html

from ae_core import TOKENS, autoencoder_example, sparse_autoencoder_example
from ae_explore import OUTPUT_AND_TARGET, compare_trainings, watch_sparse_training, watch_training, watch_units
from ae_train import Diverged, train_autoencoder, train_sparse_autoencoder

MODEL, X = autoencoder_example()
RUN = train_autoencoder(X, start=MODEL, steps=40, learning_rate=0.003, optimizer="sgd", seed=0, snapshot_every=10)


@pytest.fixture(autouse=True)
def forget_widgets():
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def watched():
    return watch_training(RUN, X)


def shown_loss(explorer):
    return float(next(html.fromstring(explorer.figure.value).iter("b")).text)


def test_every_position_tells_the_loss_of_its_snapshot(watched):
    scrubber, _ = watched.parts
    for k, (taken, model) in enumerate(RUN.snapshots):
        scrubber.slider.value = k
        loss = ((model.forward(X).output - X) ** 2).sum() / X.shape[1]
        assert shown_loss(watched) == pytest.approx(loss, rel=0.005)
        assert f"After {taken} updates" in watched.text()
        assert f"{taken}</" not in scrubber.readout.value and scrubber.readout.value.endswith(str(taken))
        assert scrubber.slider.tooltip == f"updates: {taken}"
        assert watched.message.value == ""


def test_the_buttons_move_and_stop_at_the_ends(watched):
    scrubber, _ = watched.parts
    scrubber.minus.click()
    assert scrubber.value == 0
    for _ in RUN.snapshots:
        scrubber.plus.click()
    assert scrubber.value == 40 and shown_loss(watched) < 202.5


def test_every_choice_shows_its_matrices(watched):
    picker = watched.parts[1].list
    assert picker.value == OUTPUT_AND_TARGET
    drawn = set()
    for choice in picker.options:
        picker.value = choice
        drawn.add(watched.figure.value)
        assert f"Shown: {choice}." in watched.figure.value
    assert len(drawn) == len(picker.options) == 5


def test_an_error_shows_itself_and_the_next_move_clears_it(watched):
    draw, scrubber = watched.draw, watched.parts[0]

    def fail(*_):
        raise ValueError("<no>")

    watched.draw = fail
    scrubber.plus.click()
    assert "ValueError: &lt;no&gt;" in watched.message.value
    watched.draw = draw
    scrubber.plus.click()
    assert watched.message.value == ""


def test_without_widgets_it_is_the_same_picture(watched):
    watched.parts[0].plus.click()
    static = watched._repr_mimebundle_()
    static = static[0] if isinstance(static, tuple) else static
    assert watched.figure.value in static["text/html"]
    assert static["text/plain"] == watched.text()
    assert f'data-model-id="{watched.model_id}"' in static["text/html"]
    assert np.isfinite(float(html.fromstring(static["text/html"]).find_class("ae-track")[0].get("style").split(":")[1]))


# --------------------------------------------------------- every control at its minimum, default and maximum

FREE = replace(MODEL, output_relu=False)
FAST = train_autoencoder(X, start=FREE, steps=30, learning_rate=0.01, optimizer="sgd", seed=0, snapshot_every=1)
SPARSE, WORDS, L1 = sparse_autoencoder_example()
SPARSE_RUN = train_sparse_autoencoder(
    WORDS, 6, start=SPARSE, l1_coefficient=L1, steps=60, batch_size=5, learning_rate=0.01, seed=0, snapshot_every=3,
    warm_up_steps=0, decay_share=0, sparsity_warm_up_share=0,
)  # fmt: skip
RATES = (0.0003, 0.003, 0.1, 1.5)


def train_at(rate):
    return train_autoencoder(X, start=FREE, steps=40, learning_rate=rate, optimizer="sgd", seed=0)


def written(td):
    """The number that a cell shows; what a ReLU switched off stands above it, crossed out."""
    return float("".join(td.xpath("text()")).replace("−", "-"))


def matrix(explorer, name):
    """Read a matrix, its bias included, off the picture."""
    for table in html.fromstring(explorer.figure.value).find_class("ae-m"):
        if table.find(".//caption//b").text_content() == name:
            return [[written(td) for td in row.findall("td")] for row in table.findall("tbody/tr")]
    raise AssertionError(f"no {name}")


def assert_shows(explorer, name, values):
    np.testing.assert_allclose(matrix(explorer, name), values, rtol=0.005, atol=6e-4, err_msg=name)  # three digits, three decimals


def marked(explorer):
    """The marked value of each curve of the first chart, and where the mark stands along x."""
    tree = html.fromstring(explorer.figure.value)
    chart = tree.find_class("ae-chart")[0]
    place = re.match(r"M([\d.]+)", chart.find_class("ae-mark")[0].get("d"))[1]
    return [float(b.text.replace("−", "-")) for b in chart.find_class("ae-keys")[0].iter("b")], float(place) / 1000


def places(slider):
    return int(slider.min), int(slider.max)


def forward_by_hand(model, x):
    """Every Z and A, from the weights alone."""
    zs, activations = [], [x]
    for k, (W, b) in enumerate(zip(model.weights, model.biases)):
        zs.append(W @ activations[-1] + b[:, None])
        activations.append(np.where(zs[-1] > 0, zs[-1], 0) if k < 3 or model.output_relu else zs[-1])
    return zs, activations[1:]


def sparse_by_hand(model, x):
    z = model.W_enc @ x + model.b_enc[:, None]
    f = np.where(z > 0, z, 0)
    return z, f, model.W_dec @ f + model.b_dec[:, None]


def test_a_training_s_matrices_are_the_snapshot_s(watched):
    scrubber, picker = watched.parts[0], watched.parts[1].list
    for place in (0, len(RUN.snapshots) // 2, len(RUN.snapshots) - 1):
        scrubber.slider.value = place
        taken, model = RUN.snapshots[place]
        zs, activations = forward_by_hand(model, X)
        for layer, choice in enumerate(picker.options[1:]):
            picker.value = choice
            assert_shows(watched, f"Z{layer + 1}", zs[layer])
            assert_shows(watched, f"A{layer + 1}" if layer < 3 else "Y", activations[layer])
        picker.value = OUTPUT_AND_TARGET
        assert_shows(watched, "Y", activations[-1])
        assert_shows(watched, "Y′", X)
        assert marked(watched)[1] == pytest.approx(taken / 40, abs=1e-3)
        assert watched.message.value == ""


@pytest.mark.parametrize("place", [0, 7, 20])
def test_a_sparse_training_shows_both_losses_and_the_matrices_of_its_snapshot(place):
    watched = watch_sparse_training(SPARSE_RUN, WORDS, L1, TOKENS)
    scrubber, picker = watched.parts
    scrubber.slider.value = place
    taken, model = SPARSE_RUN.snapshots[place]
    z, f, x_hat = sparse_by_hand(model, WORDS)
    norms = np.sqrt((model.W_dec**2).sum(0))
    losses = ((x_hat - WORDS) ** 2).sum() / 5, L1 * (norms @ f).sum() / 5
    values, share = marked(watched)
    assert values == pytest.approx(losses, rel=0.005) and share == pytest.approx(taken / 60, abs=1e-3)
    for choice in picker.list.options:
        picker.list.value = choice
        assert f"Shown: {choice}." in watched.text()
    assert choice == OUTPUT_AND_TARGET
    assert_shows(watched, "X′", x_hat)
    picker.list.value = picker.list.options[0]
    assert_shows(watched, "Z", z)
    assert_shows(watched, "f", f)
    dead = [f"f{k + 1}" for k, row in enumerate(f) if not row.any()]
    assert f"After {taken} updates no word activates {', '.join(dead)}." in watched.text()
    assert scrubber.readout.value.endswith(f" {taken}") and watched.message.value == ""


@pytest.mark.parametrize("place", range(len(RATES)))
def test_compared_trainings_tell_what_became_of_each(place):
    compared = compare_trainings("learning rate", RATES, train_at, X, start=1, scale="log")
    assert compared.parts[0].index == 1
    compared.parts[0].slider.value = place
    assert compared.message.value == "" and compared.parts[0].readout.value.endswith(f"{RATES[place]:g}")
    share = (np.log(RATES) - np.log(RATES[0]))[place] / np.log(RATES[-1] / RATES[0])
    if RATES[place] == 1.5:
        with pytest.raises(Diverged) as diverged:
            train_at(1.5)
        assert f"Diverged. {diverged.value}" in compared.text() and "loss at the end none" in compared.text()
        assert f"Diverged. {diverged.value}" in html.fromstring(compared.figure.value).text_content()
        return
    run = train_at(RATES[place])
    _, activations = forward_by_hand(run.model, X)
    loss = ((activations[-1] - X) ** 2).sum() / 4
    values, at = marked(compared)
    assert values == pytest.approx([loss], rel=0.005) and at == pytest.approx(share, abs=1e-3)
    off = sum(int(not row.any()) for activation in activations[:-1] for row in activation)
    assert f"off for every example: {off} of 8." in compared.text()
    assert_shows(compared, "Y", activations[-1])
    curve = re.search(r"loss: from ([\d.]+) to ([\d.]+), updates 0 to 40", compared.text())
    assert [float(end) for end in curve.groups()] == pytest.approx([run.history.loss[0], loss], rel=0.005)


def test_a_comparison_in_which_every_training_diverges_says_so():
    compared = compare_trainings("learning rate", (1.5, 3.0), train_at, X)
    assert "Diverged. step" in compared.text() and compared.message.value == ""


@pytest.mark.parametrize("place", [0, 1, 15, 30])
def test_every_unit_is_shown_for_every_example_and_when_it_dies(place):
    watched = watch_units(FAST, X)
    scrubber, picker = watched.parts
    scrubber.slider.value = place
    ends = [forward_by_hand(model, X)[0] for _, model in FAST.snapshots]
    zs = ends[place]
    assert len(picker.list.options) == 8
    for name in picker.list.options:
        picker.list.value = name
        layer, row, fate = re.fullmatch(r"A(\d), row (\d): (.*)", name).groups()
        layer, row = int(layer) - 1, int(row) - 1
        values, share = marked(watched)
        assert values == pytest.approx(zs[layer][row], rel=0.005, abs=6e-4)
        assert share == pytest.approx(np.log(place + 1) / np.log(31), abs=1e-3)
        assert f"After {place} updates row {row + 1} of Z{layer + 1} is above 0 for {(zs[layer][row] > 0).sum()} of 4 examples" in watched.text()
        assert_shows(watched, f"Z{layer + 1}", zs[layer])
        on = [(z[layer][row] > 0).any() for z in ends]
        death = len(on) - on[::-1].index(True) if not on[-1] else None
        assert fate == ("lives" if death is None else f"dead from update {death} on")
    fates = [name.endswith("lives") for name in picker.list.options]
    assert fates == sorted(fates) and watched.message.value == ""  # the dead first


EXPLORERS = {
    "watch_training": lambda: watch_training(RUN, X),
    "watch_sparse_training": lambda: watch_sparse_training(SPARSE_RUN, WORDS, L1),
    "compare_trainings": lambda: compare_trainings("learning rate", RATES, train_at, X),
    "watch_units": lambda: watch_units(FAST, X),
}


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_static_form_and_the_words_follow_every_control(name):
    explorer = EXPLORERS[name]()
    scrubber = explorer.parts[0]
    for place in (*places(scrubber.slider), 1):
        scrubber.slider.value = place
        static = html.fromstring(explorer.static_html())
        assert explorer.figure.value in explorer.static_html()
        share = float(static.find_class("ae-track")[0].get("style").split(":")[1])
        assert share == pytest.approx(place / scrubber.slider.max, abs=0.001)
        fields = [field.find("span").text for field in static.find_class("ae-field")]
        assert fields == [part.value for part in explorer.parts[1:]]
        heard = " ".join(image.get("aria-label") for image in static.xpath("//*[@role='img']"))
        assert set(re.findall(r"Marked: .+?\.(?= |$)", explorer.text())) == set(re.findall(r"Marked: .+?\.(?= |$)", heard)) != set()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: watch_training(train_at(0.003), X), "run: expected a training with snapshots"),
        (lambda: watch_units(train_at(0.003), X), "run: expected a training with snapshots"),
        (lambda: watch_sparse_training(SPARSE_RUN._replace(snapshots=()), WORDS, L1), "run: expected a training with snapshots"),
        (lambda: watch_training(RUN, X[:3]), "x: expected numbers of shape"),
        (lambda: watch_units(FAST, X[:3]), "x: expected numbers of shape"),
        (lambda: watch_sparse_training(SPARSE_RUN, WORDS[:2], L1), "x: expected numbers of shape"),
        (lambda: watch_sparse_training(SPARSE_RUN, WORDS, -1), "l1_coefficient: expected a number ≥ 0"),
        (lambda: watch_sparse_training(SPARSE_RUN, WORDS, L1, ("two", "words")), "token_labels"),
        (lambda: compare_trainings("rate", (), train_at, X), "settings: expected at least one"),
        (lambda: compare_trainings("rate", RATES, train_at, X, start=4), "rate: expected one of 4 values to begin at, got number 4"),
        (lambda: compare_trainings("rate", RATES, train_at, X, scale="root"), "x_scale: expected one of"),
        (lambda: compare_trainings("rate", RATES, train_at, X[:3]), "start: expected a model|x: expected numbers"),
    ],
)
def test_what_does_not_fit_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
