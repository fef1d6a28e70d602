"""The chapter of the variants: eight walkthroughs that share one set of sliders, side by side, and trained.

``chapter.shared()`` shows what all variants read, with its sliders; ``chapter.section(3)`` the third variant's steps
with the sliders of what is its own; ``chapter.side_by_side()`` all of them at a glance; ``chapter.trained()`` how
they do once they are trained.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import NamedTuple

import ipywidgets
import numpy as np

import ae_core
from ae_chart import Chart, Series, table_html
from ae_compare import Compared, compare_variants
from ae_core import Matrix, Step, format_number
from ae_train import PlantedFeatures, l0, planted_features
from ae_variant_steps import variant_walkthrough, variants_example
from ae_variants import (
    BatchTopK,
    BiasSubtracted,
    Gated,
    JumpReLU,
    Matryoshka,
    Standard,
    TopK,
    Transcoder,
    Variant,
)
from ae_view import _Tables, step_html, summary, symbol
from ae_widgets import (
    Chapter,
    Framed,
    Panel,
    Parameters,
    Plan,
    _Group,
    _Look,
    _model_parameters,
    _same,
    _sparse_autoencoder,
    _static_control,
    _whole,
    _zeros,
    alert_html,
)


class Section(NamedTuple):
    """One variant on the page."""

    title: str
    variant: Callable[[Parameters], Variant]
    """Made from the chapter's parameters."""
    settings: tuple[str, ...]
    """The parameters that it is made from."""
    sliders: tuple[tuple[str, ...], ...]
    """Groups of parameters that are moved here; each copy of a slider costs the page time."""
    renamed: dict[str, str] = {}
    """The variant's parameters that are not the shared ones, by the chapter's names."""
    target: str | None = None
    borrowed: tuple[int, str] = (0, "")
    """How many of its first steps are drawn elsewhere on the page, and where."""

    @property
    def names(self) -> dict[str, str]:
        """The chapter's name of each of the variant's parameters."""
        return {"W_enc": "W_enc", "b_enc": "b_enc", "W_dec": "W_dec", "b_dec": "b_dec", **self.renamed}

    def read(self, p: Parameters) -> list:
        """Give all parameters of the chapter that the walkthrough depends on."""
        target = {self.target} if self.target else set()
        return [p[name] for name in sorted({"X", *self.names.values(), *self.settings, *target})]

    def walkthrough(self, p: Parameters) -> tuple[Step, ...]:
        parameters = {theirs: p[ours] for theirs, ours in self.names.items()}
        return variant_walkthrough(self.variant(p), parameters, p["X"], ae_core.TOKENS, p[self.target] if self.target else None)


def _prefixes(p: Parameters) -> tuple[int, ...]:
    return tuple(sorted((int(p["p1"]), int(p["p2"]))))


TOP = "at the top of this page"
SECTIONS = (
    Section("Bias-subtracted", lambda p: BiasSubtracted(p["λ"]), ("λ",), ()),
    Section("Decoder-norm-weighted", lambda p: Standard(p["λ"]), ("λ",), (("λ",),), borrowed=(1, TOP)),
    Section("TopK", lambda p: TopK(p["k"], subtract_decoder_bias=False), ("k",), (("k",),), borrowed=(1, TOP)),
    Section("BatchTopK", lambda p: BatchTopK(p["k"], subtract_decoder_bias=False), ("k",), (("k",),), borrowed=(1, TOP)),
    Section(
        "JumpReLU",
        lambda p: JumpReLU(p["λ"], p["ε"], subtract_decoder_bias=False),
        ("λ", "ε"),
        (("θ",), ("λ",), ("ε",)),
        {"threshold": "θ"},
        borrowed=(1, TOP),
    ),
    Section(
        "Gated",
        lambda p: Gated(p["λ"]),
        ("λ",),
        (("b_gate", "r", "b_mag"),),
        {"b_enc": "b_gate", "r_mag": "r", "b_mag": "b_mag"},
    ),
    Section(
        "Matryoshka",
        lambda p: Matryoshka(p["k"], prefixes=_prefixes(p), subtract_decoder_bias=False),
        ("k", "p1", "p2"),
        (("p1",), ("p2",)),
        borrowed=(3, "in BatchTopK"),
    ),
    Section(
        "Transcoder",
        lambda p: Transcoder(p["λ"]),
        ("λ",),
        (("V_dec", "c_dec"), ("Y",)),
        {"W_dec": "V_dec", "b_dec": "c_dec"},
        target="Y",
        borrowed=(2, "in the decoder-norm-weighted one"),
    ),
)
"""The variants in the chapter's order."""


def variants_chapter() -> VariantsChapter:
    """Make the sliders and steps of the variants' chapter."""
    return VariantsChapter(variants_plan())


def variants_plan() -> Plan:
    """Plan the chapter: the sparse autoencoder's numbers, the variants' own, and presets that teach."""
    model, x, l1_coefficient = ae_core.sparse_autoencoder_example()
    book = {"X": x, **_model_parameters(model), "λ": l1_coefficient, **variants_example()}
    return Plan(
        book=book,
        walkthrough=_Walkthroughs(),
        sliders={},
        limits={"λ": (0, 10, 0.5), "k": (0, 6, 1), "θ": (0, 12, 1), "ε": (1, 12, 1), "r": (-2, 2, 0.1), "p1": (1, 6, 1), "p2": (1, 6, 1)},
        model=lambda p: _sparse_autoencoder({**p, "subtract_decoder_bias": False}),
        presets={
            "the book's numbers": lambda p: p,
            "all weights and biases 0": lambda p: {**p, **_zeros(p, "W_", "b_", "V_")},
            "k = 6 and θ = 0: ReLU for all": lambda p: {**p, "k": np.array(6), "θ": np.zeros(6, int)},
            "λ = 0": lambda p: {**p, "λ": 0},
            "f2 half as large, its column twice as long": lambda p: {
                **p,
                "W_enc": _scaled_row(p["W_enc"], 1, 0.5),
                "b_enc": _scaled_row(p["b_enc"], 1, 0.5),
                "W_dec": _scaled_row(p["W_dec"].T, 1, 2).T,
            },
            "gated: a steeper f2": lambda p: {
                **p,
                "b_gate": np.array([-2, 0, -3, -2, 0, -2]),
                "r": np.array([0, np.log(2), 0, 0, 0, 0]),
                "b_mag": np.array([-2, -5, -3, -2, 0, -2]),
            },
        },
    )


def _scaled_row(matrix, row: int, factor: float):
    scaled = np.array(matrix, float)
    scaled[row] *= factor
    return _whole(scaled)


class _Walkthroughs:
    """Lays out all variants' steps, one after the other; those that nothing has changed for are not laid out again."""

    def __init__(self):
        self.known: list[tuple[list, tuple[Step, ...]]] = [([], ())] * len(SECTIONS)

    def __call__(self, p: Parameters) -> tuple[Step, ...]:
        for k, section in enumerate(SECTIONS):
            old, new = self.known[k][0], section.read(p)
            if len(old) != len(new) or any(one is not other for one, other in zip(old, new)):
                self.known[k] = new, section.walkthrough(p)
        return tuple(step for _, steps in self.known for step in steps)


def by_variant(steps: tuple[Step, ...]) -> list[tuple[Step, ...]]:
    """Part the steps of all variants: each walkthrough begins at its step 1."""
    begins = [i for i, step in enumerate(steps) if step.number == 1]
    return [steps[i:j] for i, j in zip(begins, [*begins[1:], len(steps)])]


class VariantsChapter(Chapter):
    """One set of parameters, eight walkthroughs; ``steps`` holds those of all variants, one after the other."""

    def inputs(self) -> dict[str, Matrix]:
        prefixes = {name: Matrix(name, "loss", [[self.parameters[name]]], (name,), ("",)) for name in ("p1", "p2")}
        return {**super().inputs(), **prefixes}

    def shared(self) -> VariantPanel:
        """Show the pre-activations that most variants start from, with the sliders of all that is shared.

        Those of the weights, thirty-six, are folded away.
        """
        return self._panel(0, (("b_enc",), ("b_dec",), ("X",)), folded=(("W_enc",), ("W_dec",)))

    def section(self, number: int) -> VariantPanel:
        """Show all steps of a variant, with the sliders of what is its own."""
        if number not in range(1, len(SECTIONS) + 1):
            raise ValueError(f"number: expected a variant from 1 to {len(SECTIONS)}, got {number!r}")
        return self._panel(number, SECTIONS[number - 1].sliders)

    def side_by_side(self) -> VariantPanel:
        """Show features and losses of all variants."""
        return self._panel(len(SECTIONS) + 1, (("k",), ("λ",)))

    def trained(self, n_features: int = 16, d: int = 8, probability: float = 0.05) -> TrainedVariants:
        """Train all variants on ``n_features`` planted in ``d`` dimensions, and show how they do."""
        return TrainedVariants(self._look, planted_features(n_features, d, seed=1, probability=probability))

    def _panel(self, number: int, sliders, folded=()) -> VariantPanel:
        if number not in self.panels:
            self.panels[number] = VariantPanel(self, number, sliders, folded)
        return self.panels[number]

    def pieces(self, number: int) -> list[_Piece]:
        """Give what a panel draws: one piece a step, or one of all variants."""
        if number > len(SECTIONS):
            return [_Piece(self.steps, "side by side")]
        walkthroughs = by_variant(self.steps)
        if number == 0:
            # The first step of any variant which does not subtract the decoder's bias.
            return [_Piece((walkthroughs[1][0],), "shared")]
        count, where = SECTIONS[number - 1].borrowed
        pieces = [_Piece((step,), f"variant-{number}") for step in walkthroughs[number - 1]]
        first = pieces[count]._replace(borrowed=_borrowed_html(pieces[:count], where))
        return [first, *pieces[count + 1 :]]

    def _draw_panels(self, in_haste: bool) -> None:
        for panel in self.panels.values():
            panel.draw(in_haste)


class _Piece(NamedTuple):
    """What one figure shows."""

    steps: tuple[Step, ...]
    key: str
    borrowed: str = ""
    """What stands before it: steps that are drawn elsewhere."""

    def html(self, arithmetic: bool = True) -> str:
        if self.key == "side by side":
            return side_by_side_html(self.steps)
        (step,) = self.steps
        if self.key == "shared":
            return step_html(step, self.key, arithmetic)
        return self.borrowed + self.title() + step_html(step, f"{self.key}-{step.number}", arithmetic)

    def title(self, more: str = "") -> str:
        (step,) = self.steps
        formula = symbol(step.computations[0].formula)
        return (
            f'<p class="ae-step" role="heading" aria-level="3"><b>Step {step.number} · {html.escape(step.title)}</b>'
            f"<span>{formula}{more}</span></p>"
        )

    def same(self, other: _Piece) -> bool:
        return all(one is two or _same(one, two) for one, two in zip(self.steps, other.steps))


def _borrowed_html(pieces: list[_Piece], where: str) -> str:
    return "".join(piece.title(f", as {where}") for piece in pieces)


class _Fold:
    """Groups of sliders that are out of sight until the reader unfolds them; the browser does that, without Python.

    The static form shows only what unfolds them, and nobody can reach it there: there is nothing behind it yet.
    """

    def __init__(self, chapter: VariantsChapter, number: int, sliders):
        look = chapter._look
        self.groups = [_Group(chapter, number, names) for names in sliders]
        names = " and ".join(symbol(name) for group in sliders for name in group)
        self.summary = f"<summary>Sliders for {names}</summary>"
        title = look.row(look.html(f"<details>{self.summary}</details>"))
        self.widget = ipywidgets.VBox([title, *(group.widget for group in self.groups)], layout=look.box)
        self.widget.add_class("ae-fold")

    def static_html(self) -> str:
        return f'<div class="ae-fold"><div class="ae-row"><details inert>{self.summary}</details></div></div>'


class VariantPanel(Panel):
    """One variant, what they share, or all of them; one figure a step."""

    classes = ("ae-panel", "ae-variants")

    def __init__(self, chapter: VariantsChapter, number: int, sliders, folded):
        self.chapter, self.number, look = chapter, number, chapter._look
        self.drawn = chapter.pieces(number)
        self.figures = [look.drawn(piece.html) for piece in self.drawn]
        self.left_out: set[int] = set()
        self.groups = [_Group(chapter, number, names) for names in sliders]
        if folded:
            self.groups.append(_Fold(chapter, number, folded))
        self._lay_out(self.figures, [look.row(chapter.presets, chapter.reset_all)])

    def draw(self, in_haste: bool = False) -> None:
        """Draw the figures that changed; in haste, without what `explain` adds."""
        former, self.drawn = self.drawn, self.chapter.pieces(self.number)
        changed = {k for k, (old, new) in enumerate(zip(former, self.drawn)) if not old.same(new)}
        self.left_out |= changed
        if in_haste:
            for k in changed:
                self.figures[k].value = self.drawn[k].html(arithmetic=False)
        else:
            self.explain()

    def explain(self) -> None:
        """Draw the figures that lack their arithmetic."""
        for k in self.left_out:
            self.figures[k].value = self.drawn[k].html()
        self.left_out = set()

    def text(self) -> str:
        return "\n".join(summary(piece.steps[0]) if len(piece.steps) == 1 else comparison_text(piece.steps) for piece in self.drawn)

    def drawings(self) -> list[str]:
        return [piece.html() for piece in self.drawn]

    def is_first(self) -> bool:
        return self.number == 0


# ------------------------------------------------------------------------------------------------ side by side


class Outcome(NamedTuple):
    """What a variant made of the words."""

    title: str
    features: Matrix
    l0: float
    """How many features a word has, on average."""
    losses: dict[str, float]
    """By their names in the walkthrough."""


def outcomes(steps: tuple[Step, ...]) -> list[Outcome]:
    """Read features and losses off the walkthroughs of all variants, one after the other."""
    found = []
    for section, own in zip(SECTIONS, by_variant(steps)):
        results = {c.result.name: c.result for step in own for c in step.computations}
        losses = {name: m.entries[0][0] for name, m in results.items() if m.role == "loss" and m.values.size == 1 and name != "θ"}
        found.append(Outcome(section.title, results["f"], l0(results["f"].values), losses))
    return found


def side_by_side_html(steps: tuple[Step, ...]) -> str:
    """Draw a table of all variants' numbers, and their features beside each other."""
    found = outcomes(steps)
    rows = []
    for one in found:
        charged = " + ".join(f"{symbol(name)} {format_number(value)}" for name, value in one.losses.items() if name not in ("MSE", "L"))
        total = one.losses.get("L", one.losses["MSE"])
        rows.append((one.title, format_number(one.l0), format_number(one.losses["MSE"]), charged or "–", format_number(total)))
    table = _table_html("All eight on the same five words", ("variant", "L0", "MSE", "what else it pays", "L"), rows)
    tables = "".join(
        f'<div class="ae-one"><p>{number} {one.title}</p><div class="ae-flow ae-tight">{_Tables([]).draw(one.features)}</div></div>'
        for number, one in enumerate(found, start=1)
    )
    return f'<div class="ae" role="group" aria-label="{html.escape(comparison_text(steps))}">{table}<div class="ae-side">{tables}</div></div>'


def _table_html(caption: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Write a row a variant, numbered as in the chapter."""
    numbered = [(f"{number} {title}", *cells) for number, (title, *cells) in enumerate(rows, start=1)]
    return f'<div class="ae-scroll">{table_html(caption, head, numbered)}</div>'


def comparison_text(steps: tuple[Step, ...]) -> str:
    """Say in words how many features each variant keeps, and its error."""
    parts = (f"{one.title} {format_number(one.l0)} and {format_number(one.losses['MSE'])}" for one in outcomes(steps))
    return f"Features a word and squared error: {', '.join(parts)}."


# ----------------------------------------------------------------------------------------------------- trained


class TrainedVariants(Framed):
    """All variants trained at the same L0: a table of the last seed, a chart of all seeds tried, a button for another.

    Parameters
    ----------
    look : _Look
    planted : PlantedFeatures
    """

    def __init__(self, look: _Look, planted: PlantedFeatures):
        self.planted = planted
        self.runs = [compare_variants(planted, seed=0)]
        self.figure, self.message = look.html(trained_html(self.runs)), look.html()
        self.message.add_class("ae-message")
        self.button = ipywidgets.Button(
            description=self.INVITATION, tooltip="All eight, from another start and on other tokens", layout=look.button, style=look.button_style
        )
        self.button.on_click(lambda _: self.train_again())
        self.controls = ipywidgets.VBox([look.row(self.button)], layout=look.box)
        self.controls.add_class("ae-controls")
        super().__init__([look.sheet, self.figure, self.message, self.controls], layout=look.box)
        self.add_class("ae-panel")

    INVITATION = "Train all eight with another seed"

    def train_again(self) -> None:
        """Train with the next seed; what was there before stays until the last variant is done."""
        self.message.value, self.button.disabled = "", True
        try:
            self.runs.append(compare_variants(self.planted, seed=100 * len(self.runs), progress=self._tell))
            self.figure.value = trained_html(self.runs)
        except (Exception, KeyboardInterrupt) as error:
            self.message.value = alert_html(error)
        finally:
            self.button.description, self.button.disabled = self.INVITATION, False

    def _tell(self, number: int) -> None:
        self.button.description = f"Training {number} of {len(SECTIONS)} …"

    def text(self) -> str:
        return trained_text(self.runs)

    def static_html(self) -> str:
        return self.frame_html([self.figure.value], f'<div class="ae-row">{_static_control(self.button)}</div>')


def trained_html(runs: list[tuple[Compared, ...]]) -> str:
    """Draw the table of the last run, and all runs in a chart."""
    rows = []
    for title, knob, setting, quality in runs[-1]:
        measured = (quality.explained_variance, quality.activation_ratio, quality.mmcs)
        rows.append((title, f"{knob} = {setting:.3g}", f"{quality.l0:.2f}", *(f"{value:.3f}" for value in measured), str(quality.dead)))
    head = ("variant", "its knob", "L0", "explained variance", "size kept", "MMCS", "dead")
    table = _table_html("Trained to equal L0", head, rows)
    return f'<div class="ae" role="group" aria-label="{html.escape(trained_text(runs))}">{table}</div>{trained_chart(runs).html()}'


def trained_chart(runs: list[tuple[Compared, ...]]) -> Chart:
    """Chart what was rebuilt against what was found."""

    def points(found, *more):
        qualities = [one.quality for run in found for one in run]
        return [q.explained_variance for q in qualities], [q.mmcs for q in qualities], *more

    numbers = tuple(str(number) for number in range(1, len(SECTIONS) + 1))
    series = [Series("this seed", *points(runs[-1:], "activation", "dots", numbers))]
    if len(runs) > 1:
        series.insert(0, Series("earlier seeds", *points(runs[:-1], "pre_activation", "dots")))
    return Chart("Rebuilt and found, each variant by its number", tuple(series), "explained variance", "MMCS")


def trained_text(runs: list[tuple[Compared, ...]]) -> str:
    """Say in words how each variant did."""
    parts = (f"{one.title} {one.quality.explained_variance:.2f} and {one.quality.mmcs:.2f}" for one in runs[-1])
    return f"Explained variance and MMCS at equal L0: {', '.join(parts)}."
