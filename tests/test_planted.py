"""The pictures of planted features: each position of the slider shows what was measured, in picture, words and numbers."""

import ipywidgets
import numpy as np
import pytest
from lxml import html

from ae_explore import Explorer, Picture, Slide
from ae_planted import DECIMALS, TOKENS, SweepViews, example_tokens, show_mixing, tell, watch_crowding
from ae_sweep import planted_circle, sweep_l1
from ae_train import mean_max_cosine_similarity, planted_features, train_sparse_autoencoder

SETTINGS = {"steps": 60, "batch_size": 32, "learning_rate": 0.05}
LAMBDAS = [0.02, 0.3, 2]
PLANE = sweep_l1(planted_circle(3, 0.2), 4, LAMBDAS, seed=0, **SETTINGS)
EIGHT = sweep_l1(planted_features(5, 4, seed=1), 6, LAMBDAS, seed=2, **SETTINGS)
CHARTS = {
    "frontier": "explained_variance", "sparsity": "l0", "reconstruction": "explained_variance",
    "dead": "dead", "shrinkage": "norm_ratio", "recovery": "mmcs",
}  # fmt: skip
MODELS = ("tokens", "directions", "firing")


@pytest.fixture(autouse=True)
def forget_widgets():
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def views():
    return SweepViews(EIGHT, start=0.3)


def tables(explorer):
    """The numbers of each coloured matrix, by its name; a cell's hover text is left out."""
    found = {}
    for table in html.fromstring(explorer.figure.value).find_class("ae-m"):
        name = table.find("caption/span/b").text_content()
        rows = [[number(cell.text) for cell in row.findall("td")] for row in table.findall("tbody/tr")]
        labels = [row.find("th").text_content() for row in table.findall("tbody/tr")]
        found[name] = np.array(rows), labels
    return found


def number(text):
    return float(text.replace("−", "-"))


def three(value):
    return pytest.approx(value, rel=0.006, abs=1e-3)


# ----------------------------------------------------------------------------------------- one slider for all


def test_all_figures_follow_one_slider(views):
    explorers = [getattr(views, name)() for name in (*CHARTS, *MODELS)]
    slider = explorers[0].parts[0].slider
    assert all(explorer.parts[0].slider is slider for explorer in explorers)
    seen = [set() for _ in explorers]
    for k, l1 in enumerate(LAMBDAS):
        slider.value = k
        for explorer, drawn in zip(explorers, seen):
            drawn.add(explorer.figure.value)
            assert f"λ = {l1}" in explorer.text()
            assert explorer.message.value == ""
    assert [len(drawn) for drawn in seen] == [len(LAMBDAS)] * len(explorers)


def test_explorers_beside_each_other_share_controls_and_errors():
    one = Explorer(lambda value: Picture(f"<i>{value}</i>", "one"), Slide("v", (1, 2, 3)))
    other = Explorer(lambda value: Picture(f"<b>{1 / (value - 3)}</b>", "other"), beside=one)
    one.parts[0].plus.click()
    assert (one.figure.value, other.figure.value) == ("<i>2</i>", "<b>-1.0</b>")
    one.parts[0].plus.click()
    assert "ZeroDivisionError" in other.message.value
    one.parts[0].minus.click()
    assert other.message.value == "" and other.controls is one.controls


def test_a_start_that_is_no_lambda_of_the_sweep_is_named():
    with pytest.raises(ValueError, match="start: expected one of the sweep's λ, 0.02, 0.3, 2, got 0.5"):
        SweepViews(EIGHT, start=0.5)


# ------------------------------------------------------------------------------------------------- the charts


@pytest.mark.parametrize(("name", "measure"), CHARTS.items())
def test_a_chart_tells_what_was_measured(views, name, measure):
    explorer = getattr(views, name)()
    for k, quality in enumerate(EIGHT.qualities):
        explorer.parts[0].slider.value = k
        tree = html.fromstring(explorer.figure.value)
        first = tree.find_class("ae-keys")[0].find("li/b")
        assert number(first.text) == three(getattr(quality, measure))
        assert tree.find_class("ae-marked") and tree.find_class("ae-mark")
        (picture,) = tree.xpath("//*[@role='img']")
        assert f"Marked: {'active' if name == 'frontier' else 'λ'}" in picture.get("aria-label")
    table = next(html.fromstring(explorer.figure.value).iter("table"))
    assert [number(row[1].text) for row in table.findall("tbody/tr")] == three([getattr(q, measure) for q in EIGHT.qualities])


def test_beside_l0_stands_what_was_planted(views):
    assert 5 * 0.05 == 0.25
    assert "planted 0.25" in views.sparsity().text()


def test_beside_what_shrinks_stands_the_minimum_by_hand(views):
    """``(a − f)² + λ f`` is least at ``f = max(0, a − λ/2)``; averaged over a from 0 to 1, relative to a's average."""
    for k, l1 in enumerate(LAMBDAS):
        a, f = np.linspace(0, 1, 501)[:, None], np.linspace(0, 1, 501)
        best = f[((a - f) ** 2 + l1 * f).argmin(1)]
        explorer = views.shrinkage()
        explorer.parts[0].slider.value = k
        shown = html.fromstring(explorer.figure.value).find_class("ae-keys")[0].findall("li/b")[1]
        assert number(shown.text) == pytest.approx(best.mean() / a.mean(), abs=0.005)


# ------------------------------------------------------------------------------------------------- the models


@pytest.mark.parametrize("k", range(len(LAMBDAS)))
def test_tokens_show_features_and_errors_that_come_out(views, k):
    explorer = views.tokens()
    explorer.parts[0].slider.value = k
    shown, (x, _) = tables(explorer), example_tokens(EIGHT.planted)
    forward = EIGHT.results[k].model.forward(x)
    for name, values in (("f", forward.features), ("X′", forward.reconstruction), ("X", x)):
        np.testing.assert_allclose(shown[name][0], values, atol=0.6 * 10**-DECIMALS)
    np.testing.assert_allclose(shown["E"][0], shown["X′"][0] - shown["X"][0], atol=1e-9)
    assert "≈" not in explorer.figure.value


@pytest.mark.parametrize("k", range(len(LAMBDAS)))
def test_directions_stand_beside_their_match_and_their_cosine(views, k):
    explorer = views.directions()
    explorer.parts[0].slider.value = k
    shown, (model, quality) = tables(explorer), (EIGHT.results[k].model, EIGHT.qualities[k])
    planted, (found, labels), cosines = shown["Dᵀ"][0], shown["found"], shown["cos"][0]
    np.testing.assert_allclose(planted, EIGHT.planted.directions.T, atol=0.006)
    units = model.W_dec / np.linalg.norm(model.W_dec, axis=0)
    for row, label in zip(found, labels):
        column = int(label.removesuffix("dead")[1:]) - 1
        np.testing.assert_allclose(row, units[:, column], atol=0.006)
        assert label.endswith("dead") == (quality.density[column] == 0)
    np.testing.assert_allclose(cosines[:, 0], (planted * found).sum(1), atol=0.03)
    assert cosines.mean() == pytest.approx(quality.mmcs, abs=1e-3)
    assert f"{quality.dead} of 6 features dead, MMCS" in explorer.text()


@pytest.mark.parametrize("k", range(len(LAMBDAS)))
def test_what_fires_stands_beside_what_was_planted(views, k):
    explorer = views.firing()
    explorer.parts[0].slider.value = k
    shown, (x, activations) = tables(explorer), example_tokens(EIGHT.planted)
    np.testing.assert_allclose(shown["a"][0], activations, atol=0.006)
    model = EIGHT.results[k].model
    columns = [int(label.removesuffix("dead")[1:]) - 1 for label in shown["f"][1]]
    weighed = model.forward(x).features[columns] * np.linalg.norm(model.W_dec, axis=0)[columns, None]
    np.testing.assert_allclose(shown["f"][0], weighed, atol=0.006)


def test_arrows_show_planted_and_found_directions():
    explorer = SweepViews(PLANE, start=0.3).arrows()
    for k, (result, quality) in enumerate(zip(PLANE.results, PLANE.qualities)):
        explorer.parts[0].slider.value = k
        tree = html.fromstring(explorer.figure.value)
        rows = {row.find("th").text: [number(cell.text) for cell in row.findall("td")] for row in tree.findall(".//tbody/tr")}
        assert len(rows) == 3 + 4
        assert rows["d1"] == [0, 1]
        units = result.model.W_dec / np.linalg.norm(result.model.W_dec, axis=0)
        for j, share in enumerate(quality.density):
            assert rows[f"f{j + 1}" if share else f"f{j + 1} dead"] == pytest.approx(units[:, j], abs=0.006)
        assert len(tree.find_class("ae-dashed")) == 4
        assert len([g for g in tree.find_class("ae-pre-activation") if g.find_class("ae-dashed")]) == quality.dead
    assert PLANE.qualities[-1].dead > 0


def test_a_model_is_told_in_words():
    quality = EIGHT.qualities[0]._replace(l0=1.2345, explained_variance=0.5, mmcs=0.9, norm_ratio=0.25, density=(0.0, 0.1, 0.0))
    assert tell(quality, "MMCS") == "L0 1.23, explained variance 0.5, 2 of 3 features dead, MMCS 0.9."
    assert tell(quality, "length ratio").endswith("length ratio 0.25.")


# -------------------------------------------------------------------------------------------- planted features


def test_a_circle_has_its_directions_at_equal_angles():
    planted = planted_circle(5, 0.1)
    D = planted.directions
    np.testing.assert_allclose(D[:, 0], [0, 1], atol=1e-12)
    np.testing.assert_allclose((D**2).sum(0), 1)
    np.testing.assert_allclose((D * np.roll(D, 1, axis=1)).sum(0), np.cos(2 * np.pi / 5))


def test_example_tokens_have_something_in_them_and_are_made_of_it():
    x, activations = example_tokens(EIGHT.planted)
    assert x.shape[1] == TOKENS and (activations.max(0) > 0).all()
    np.testing.assert_allclose(x, EIGHT.planted.directions @ activations, atol=1e-6)


def test_mixing_is_shown_as_a_product_that_comes_out():
    drawing = show_mixing(planted_circle(5, 0.1))
    tree = html.fromstring(drawing._repr_html_())
    named = {t.find("caption/span/b").text: t for t in tree.find_class("ae-m")}
    D, a, X = (np.array([[number(c.text) for c in row.findall("td")] for row in named[n].findall("tbody/tr")]) for n in "DaX")
    np.testing.assert_allclose(X, D @ a, atol=6e-4)
    assert X.any(0).all()
    assert repr(drawing) == "6 tokens made of 5 planted directions in 2 dimensions."


def test_more_often_is_more_at_once():
    explorer = watch_crowding(lambda p: planted_circle(5, p), [0.01, 0.1, 1])
    shares = []
    for k in range(3):
        explorer.parts[0].slider.value = k
        shares.append(int(explorer.text().split("at all, ")[1].split("%")[0]))
    assert shares[0] < 5 and shares[0] < shares[1] < shares[2] == 100


@pytest.mark.parametrize(("plant", "train"), [(3, 0)])
def test_the_chapters_training_does_not_begin_at_the_answer(plant, train):
    """With one seed for both, the start would be the planted directions themselves."""
    planted = planted_features(16, 8, seed=plant)
    start = train_sparse_autoencoder(
        planted, 16, l1_coefficient=0.3, steps=1, batch_size=8, learning_rate=0, seed=train, snapshot_every=1
    ).snapshots[0][1]
    assert mean_max_cosine_similarity(start.W_dec, planted.directions) < 0.75
