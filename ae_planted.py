"""Pictures of sparse autoencoders that look for planted features: the chapters on λ and on superposition.

`SweepViews` shows one sweep over λ in several figures with one slider.  Every figure is drawn for every λ when it is
made; a move only picks.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from ae_chart import Arrow, Chart, Series, arrow_html, three_digits
from ae_core import (
    DIFFERENCE,
    PRODUCT,
    ROW_PRODUCT,
    Array,
    Computation,
    Matrix,
    SparseAutoencoder,
    SparseForward,
    _labels,
    format_number,
)
from ae_explore import Explorer, Picture, Slide
from ae_sweep import Quality, Sweep
from ae_train import Match, PlantedFeatures, match_features
from ae_view import Drawing, computations_html, matrices_html

TOKENS = 6
"""So many tokens are shown entry by entry."""
FAINT = 0.2
"""A token whose activations are all fainter is not worth a column of its own."""
CLOUD = 400
"""So many tokens are shown as dots."""
DECIMALS = 2
"""What trained numbers are rounded to where they are shown in cells; sums of shown numbers then come out as on paper."""


class Found(NamedTuple):
    """One model of a sweep, and what it makes of the tokens that are shown."""

    model: SparseAutoencoder
    forward: SparseForward
    match: Match
    quality: Quality


class SweepViews:
    """One sweep over λ as figures that share one slider.

    Parameters
    ----------
    sweep : Sweep
    start : float
        The λ that the slider begins at, one of the sweep's.
    """

    def __init__(self, sweep: Sweep, start: float):
        if start not in sweep.l1_coefficients:
            raise ValueError(f"start: expected one of the sweep's λ, {', '.join(map(format_number, sweep.l1_coefficients))}, got {start!r}")
        self.sweep = sweep
        self.slide = Slide("λ", sweep.l1_coefficients, sweep.l1_coefficients.index(start))
        self.x, self.activations = example_tokens(sweep.planted)
        self.first: Explorer | None = None

    # ------------------------------------------------------------------------- what is measured, against λ

    def frontier(self) -> Explorer:
        """Draw what a model gives back against how many features it uses, one dot a λ."""
        x, y = self._column("l0"), self._column("explained_variance")
        labels = [format_number(l1) if written else "" for l1, written in zip(self.sweep.l1_coefficients, _spread(x, y))]
        series = Series("explained variance", x, y, "output", "both", labels)
        return self._chart(Chart("Sparsity against reconstruction, one dot for each λ", (series,), "active features of a token (L0)", y_range=(0, 1)))

    def sparsity(self) -> Explorer:
        """Draw how many features are active, beside how many were planted in a token."""
        expected = self.sweep.planted.directions.shape[1] * self.sweep.planted.probability
        return self._against_l1("Active features of a token", ("L0", "l0", "activation"), ("planted", expected, "target"))

    def reconstruction(self) -> Explorer:
        """Draw how much of the tokens' variance comes back."""
        return self._against_l1("Explained variance", ("explained variance", "explained_variance", "output"), y_range=(0, 1))

    def dead(self) -> Explorer:
        """Draw how many features never fire."""
        count = len(self.sweep.qualities[0].density)
        return self._against_l1(f"Dead features, of {count}", ("dead features", "dead", "gradient"), y_range=(0, count))

    def shrinkage(self) -> Explorer:
        """Draw how long tokens come back, beside what a feature all by itself would lose."""
        alone = [max(0.0, 1 - l1 / 2) ** 2 for l1 in self.sweep.l1_coefficients]
        return self._against_l1(
            "Length of what comes back, as a share of what went in",
            ("length ratio", "norm_ratio", "norm"), ("a feature alone, by hand", alone, "target"), y_range=(0, 1),
        )  # fmt: skip

    def recovery(self) -> Explorer:
        """Draw how well the planted directions are found, beside how much comes back and how many features are alive."""
        count = len(self.sweep.qualities[0].density)
        alive = [1 - quality.dead / count for quality in self.sweep.qualities]
        return self._against_l1(
            "How well planted features are found",
            ("MMCS", "mmcs", "weight"), ("explained variance", "explained_variance", "output"), ("share of features alive", alive, "gradient"),
            y_range=(0, 1),
        )  # fmt: skip

    # ------------------------------------------------------------------------------- a model, entry by entry

    def tokens(self) -> Explorer:
        """Draw the features of a few tokens, and what comes back of them."""

        def draw(found: Found, text: str) -> str:
            f = Matrix("f", "activation", _rounded(found.forward.features), _labels("f", found.model.W_enc.shape[0]), self._token_labels)
            return matrices_html((f,), text) + computations_html((self._errors(found),), "What comes back, beside what went in", "errors")

        return self._model(draw, "length ratio")

    def directions(self) -> Explorer:
        """Draw each planted direction beside the column that is most like it, and their cosine."""
        D = self.sweep.planted.directions
        names, dimensions = _labels("d", D.shape[1]), _labels("", D.shape[0])

        def draw(found: Found, text: str) -> str:
            columns = found.model.W_dec[:, found.match.learned]
            norms = found.model.decoder_norms()[found.match.learned]
            planted = Matrix("Dᵀ", "target", _rounded(D.T), names, dimensions)
            learned = Matrix("found", "weight", _rounded((columns / np.where(norms > 0, norms, 1)).T), self._found_labels(found), dimensions)
            cosines = Matrix("cos", "norm", found.match.cosine[:, None], names, ("cos",))
            return computations_html((Computation(ROW_PRODUCT, (planted, learned), cosines, "cos = Dᵀ · found, row by row"),), text, "directions")

        return self._model(draw)

    def firing(self) -> Explorer:
        """Draw the planted activations of a few tokens beside the features that match them."""
        names = _labels("d", len(self.activations))
        planted = Matrix("a", "target", _rounded(self.activations), names, self._token_labels)

        def draw(found: Found, text: str) -> str:
            weighed = found.forward.features[found.match.learned] * found.model.decoder_norms()[found.match.learned, None]
            return matrices_html((planted, Matrix("f", "activation", _rounded(weighed), self._found_labels(found), self._token_labels)), text)

        return self._model(draw)

    def arrows(self) -> Explorer:
        """Draw planted directions and the decoder's columns as arrows in a plane; a dead feature's column is a grey one."""
        planted = [Arrow(f"d{k + 1}", *column, "target") for k, column in enumerate(self.sweep.planted.directions.T)]
        dots = _draw_tokens(self.sweep.planted, CLOUD)[0].T

        def draw(found: Found, text: str) -> str:
            columns = found.model.W_dec / found.model.decoder_norms()
            learned = [
                Arrow(f"f{k + 1}{'' if share else ' dead'}", *column, "activation" if share else "pre_activation", dashed=True)
                for k, (column, share) in enumerate(zip(columns.T, found.quality.density))
            ]
            return arrow_html("Planted directions and, dashed, those of the features found", [*planted, *learned], dots)

        return self._model(draw)

    # ------------------------------------------------------------------------------------- for the figures

    def _column(self, name: str) -> Array:
        return np.array([getattr(quality, name) for quality in self.sweep.qualities], float)

    def _against_l1(self, title: str, *lines, y_range=(0, None)) -> Explorer:
        """Draw measures, or other numbers, against λ."""
        l1 = self.sweep.l1_coefficients
        series = []
        for name, values, role in lines:
            if isinstance(values, str):
                values = self._column(values)
            series.append(Series(name, l1, np.broadcast_to(values, len(l1)), role))
        return self._chart(Chart(title, series, "λ", x_scale="log", y_range=y_range, height=10))

    def _chart(self, chart: Chart) -> Explorer:
        def draw(l1: float) -> Picture:
            mark = self.sweep.l1_coefficients.index(l1)
            return Picture(chart.html(mark), f"λ = {format_number(l1)}. {chart.text(mark)}")

        return self._explorer(draw)

    def _model(self, draw_model: Callable[[Found, str], str], about: str = "MMCS") -> Explorer:
        def draw(l1: float) -> Picture:
            found = self.found[self.sweep.l1_coefficients.index(l1)]
            text = f"With λ = {format_number(l1)}: {tell(found.quality, about)}"
            return Picture(f'<div class="ae"><p class="ae-told">{html.escape(text)}</p></div>{draw_model(found, text)}', text)

        return self._explorer(draw)

    def _explorer(self, draw: Callable[[float], Picture]) -> Explorer:
        draw = {l1: draw(l1) for l1 in self.sweep.l1_coefficients}.__getitem__  # drawn beforehand, so that a drag only picks
        if self.first is None:
            self.first = Explorer(draw, self.slide)
            return self.first
        return Explorer(draw, beside=self.first)

    @cached_property
    def found(self) -> list[Found]:
        """Each λ's model, and what it makes of the tokens that are shown."""
        return [
            Found(result.model, result.model.forward(self.x), match_features(result.model.W_dec, self.sweep.planted.directions), quality)
            for result, quality in zip(self.sweep.results, self.sweep.qualities)
        ]

    @property
    def _token_labels(self) -> tuple[str, ...]:
        return _labels("X", self.x.shape[1])

    def _errors(self, found: Found) -> Computation:
        dimensions = _labels("", len(self.x))
        came, went = _rounded(found.forward.reconstruction), _rounded(self.x)
        X_hat = Matrix("X′", "output", came, dimensions, self._token_labels)
        X = Matrix("X", "input", went, dimensions, self._token_labels)
        return Computation(DIFFERENCE, (X_hat, X), Matrix("E", "loss", _rounded(came - went), dimensions, self._token_labels), "E = X′ − X")

    def _found_labels(self, found: Found) -> tuple[str, ...]:
        """Name the matched features, dead ones as such."""
        return tuple(f"f{k + 1}" if found.quality.density[k] else f"f{k + 1} dead" for k in found.match.learned)


def tell(quality: Quality, about: str) -> str:
    """Say a model's quality in words, "MMCS" or "length ratio" last."""
    value = {"MMCS": quality.mmcs, "length ratio": quality.norm_ratio}[about]
    return (
        f"L0 {three_digits(quality.l0)}, explained variance {three_digits(quality.explained_variance)}, "
        f"{quality.dead} of {len(quality.density)} features dead, {about} {three_digits(value)}."
    )


def example_tokens(planted: PlantedFeatures) -> tuple[Array, Array]:
    """Draw a few tokens with something in them: X (d, n), and a (features, n) that they are made of."""
    x, activations = _draw_tokens(planted, TOKENS, FAINT)
    return x.astype(float), activations.astype(float)


def _draw_tokens(planted: PlantedFeatures, count: int, faint: float = 0) -> tuple[Array, Array]:
    """Draw tokens with an activation above ``faint``, at most ``count`` of them, and their activations."""
    x, activations = planted.draw(np.random.default_rng(0), 20 * count)
    chosen = np.flatnonzero(activations.max(0) > faint)[:count]
    return x[:, chosen], activations[:, chosen]


def show_mixing(planted: PlantedFeatures) -> Drawing:
    """Draw how tokens are made of planted features: X = D a."""
    _, a = example_tokens(planted)
    D, a = _rounded(planted.directions), np.round(a, 1)
    names, dimensions, tokens = _labels("d", D.shape[1]), _labels("", D.shape[0]), _labels("X", a.shape[1])
    mixed = Computation(
        PRODUCT,
        (Matrix("D", "target", D, dimensions, names), Matrix("a", "activation", a, names, tokens)),
        Matrix("X", "input", np.round(D @ a, 2 * DECIMALS), dimensions, tokens),
        "X = D a",
    )
    text = f"{a.shape[1]} tokens made of {D.shape[1]} planted directions in {D.shape[0]} dimensions."
    return Drawing(computations_html((mixed,), text, "mixing"), text)


def watch_crowding(planted: Callable[[float], PlantedFeatures], probabilities: Sequence[float]) -> Explorer:
    """Show tokens in a plane as dots, for features that are active more and more often.

    Parameters
    ----------
    planted : function
        Gives the planted features for a probability.
    probabilities : sequence of float
    """

    @lru_cache
    def draw(probability: float) -> Picture:
        made = planted(probability)
        x, activations = _draw_tokens(made, CLOUD)
        several = np.mean(np.count_nonzero(activations, axis=0) > 1)
        text = f"p = {format_number(probability)}: of the tokens that have something at all, {several:.0%} have more than one thing."
        arrows = [Arrow(f"d{k + 1}", *column, "target") for k, column in enumerate(made.directions.T)]
        reach = max(1.0, float(np.abs(x).max()))
        return Picture(f'<div class="ae"><p class="ae-told">{text}</p></div>{arrow_html(f"{x.shape[1]} tokens as dots", arrows, x.T, reach)}', text)

    return Explorer(draw, Slide("p", probabilities, role="target"))


def _spread(x: Array, y: Array) -> list[bool]:
    """Tell which points of a line have room for a word: those far enough from the last one that has it."""
    kept, last = [], None
    for place in zip(x / np.ptp(x), y / np.ptp(y)):
        kept.append(last is None or abs(place[0] - last[0]) > 0.13 or abs(place[1] - last[1]) > 0.1)
        last = place if kept[-1] else last
    return kept


def _rounded(values) -> Array:
    return np.round(np.asarray(values, float), DECIMALS) + 0.0  # no −0
