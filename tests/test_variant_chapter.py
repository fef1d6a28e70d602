"""The variants' chapter: each walkthrough against the variant's own numbers, each slider, the trained comparison."""

import re
from fractions import Fraction

import ipywidgets
import numpy as np
import pytest
from lxml import html
from numpy.testing import assert_allclose, assert_array_equal
from test_arithmetic import Line

import ae_variant_widgets
from ae_compare import TOKENS as TOKENS_TOLD
from ae_compare import Contender, compare_variants, contenders, train_to_l0
from ae_core import TOKENS, format_number, sparse_autoencoder_example
from ae_style import CHAINED
from ae_sweep import judge
from ae_train import feature_density, max_cosine_similarities, planted_features, train_sparse_autoencoder
from ae_variant_steps import variant_walkthrough, variants_example
from ae_variant_widgets import SECTIONS, by_variant, side_by_side_html, variants_chapter, variants_plan
from ae_variants import BatchTopK, BiasSubtracted, Gated, JumpReLU, Matryoshka, Standard, TopK, Transcoder, VariantModel
from ae_widgets import _Group

BOOK = variants_plan().book
LAST = len(SECTIONS) + 1

VARIANTS = [
    BiasSubtracted(0.3),
    Standard(0.3),
    TopK(2, subtract_decoder_bias=False),
    BatchTopK(1.4, subtract_decoder_bias=False),
    JumpReLU(0.3, 0.8, subtract_decoder_bias=False),
    Gated(0.3),
    Matryoshka(1.4, prefixes=(2, 4), subtract_decoder_bias=False),
    Transcoder(0.3),
]
variants = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: type(variant).__name__)
numbers = pytest.mark.parametrize("kind", ["whole", "random"])
D, M, N = 3, 6, 5


def problem(variant, kind):
    """Parameters, input and target of the drawing's size."""
    rng = np.random.default_rng(3)
    d_out = 2 if isinstance(variant, Transcoder) else None
    draw = (lambda shape: rng.integers(-3, 4, shape)) if kind == "whole" else rng.standard_normal
    parameters = {name: draw(array.shape) for name, array in variant.start(rng, D, M, d_out).items()}
    if "threshold" in parameters:
        parameters["threshold"] = abs(parameters["threshold"])
    return parameters, draw((D, N)), draw((2, N)) if d_out else None


def results(steps):
    return {c.result.name: c.result.values for step in steps for c in step.computations}


@pytest.fixture(autouse=True)
def forget_widgets():
    yield
    ipywidgets.Widget.close_all()


# --------------------------------------------------------------------------------------- the walkthroughs


@numbers
@variants
def test_a_walkthrough_ends_in_the_variants_own_numbers(variant, kind):
    parameters, x, target = problem(variant, kind)
    steps = variant_walkthrough(variant, parameters, x, TOKENS, target)
    forward, loss, gradients = variant.evaluate(parameters, x, target)
    found = results(steps)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert_allclose(found["f"], forward.features, rtol=1e-12, atol=1e-12)
    assert_allclose(found["Y′" if target is not None else "X′"], forward.reconstruction, rtol=1e-12, atol=1e-12)
    assert_allclose(found["MSE"], loss.reconstruction, rtol=1e-12)
    assert_allclose(found.get("L", found["MSE"]), loss.total, rtol=1e-12)
    sparsity = next((found[name] for name in ("L1", "λL0") if name in found), 0)
    assert_allclose(sparsity, loss.sparsity, rtol=1e-12)
    auxiliary = found["Aux"] if "Aux" in found else sum(value for name, value in found.items() if name.startswith("MSE["))
    assert_allclose(auxiliary, loss.auxiliary, rtol=1e-12)
    if "dθ" in found:
        assert_allclose(found["dθ"][:, 0], gradients["threshold"], rtol=1e-12, atol=1e-12)


def column(vector):
    return np.asarray(vector).reshape(-1, 1)


def keep_columns(Z, k):
    kept = np.zeros_like(Z)
    for j in range(Z.shape[1]):
        for i in sorted(range(len(Z)), key=lambda i: -Z[i, j])[: int(k.item())]:
            kept[i, j] = max(Z[i, j], 0)
    return kept


def keep_all(Z, k):
    flat = Z.ravel()
    kept = np.zeros_like(flat)
    for i in sorted(range(len(flat)), key=lambda i: -flat[i])[: int(k.item() * Z.shape[1])]:
        kept[i] = max(flat[i], 0)
    return kept.reshape(Z.shape)


def straight_through(lam, width, theta, Z, df):
    near = abs(Z - theta) < width / 2
    return column([-sum((theta[i] * df[i, j] + lam).item() for j in range(Z.shape[1]) if near[i, j]) / width.item() for i in range(len(Z))])


# What each operation does, in other words than the modules'.
REPLAY = {
    "affine": lambda W, b, A: np.array([[sum(W[i, k] * A[k, j] for k in range(len(A))) + b[i, 0] for j in range(A.shape[1])] for i in range(len(W))]),
    "product": lambda A, B: np.array([[sum(A[i, k] * B[k, j] for k in range(len(B))) for j in range(B.shape[1])] for i in range(len(A))]),
    "relu": lambda Z: np.where(Z > 0, Z, 0),
    "difference": lambda A, B: A - B,
    "subtract bias": lambda A, b: A - b,
    "sum of squares": lambda E: (E**2).sum(),
    "column norm": lambda W: np.linalg.norm(W, axis=0)[None],
    "l1 penalty": lambda lam, f, norms: lam * (f * norms).sum(),
    "error gradient": lambda A, B: 2 * (A - B),
    "keep the largest": keep_columns,
    "keep the largest of all": keep_all,
    "exceed": lambda Z, theta: np.where(theta < Z, Z, 0),
    "gate": lambda M, G: np.where((M > 0) & (G > 0), M, 0),
    "add bias": lambda U, b: U + b,
    "scale and add": lambda U, r, b: np.exp(r) * U + b,
    "sum penalty": lambda lam, f: lam * f.sum(),
    "count penalty": lambda lam, f: lam * (f != 0).sum(),
    "total": lambda *losses: sum(losses),
    "divide by norm": lambda W, norms: W / np.where(norms, norms, 1),
    "smallest": lambda f: f[f > 0].min() if (f > 0).any() else 0,
    "straight through": straight_through,
}


@numbers
@variants
def test_every_matrix_is_what_its_step_says_of_the_ones_before(variant, kind):
    parameters, x, target = problem(variant, kind)
    for step in variant_walkthrough(variant, parameters, x, TOKENS, target):
        for computation in step.computations:
            expected = REPLAY[computation.operation.name](*(matrix.values for matrix in computation.inputs))
            assert_allclose(computation.result.values, expected, rtol=1e-12, atol=1e-12, err_msg=computation.formula)


@numbers
@variants
def test_every_line_of_arithmetic_is_right(variant, kind):
    """Lines of arithmetic are worked out; those in words end in the number that they lead to."""
    read = 0
    for step in variant_walkthrough(variant, *problem(variant, kind)[:2], TOKENS, problem(variant, kind)[2]):
        for computation in step.computations:
            for i, entries in enumerate(computation.result.entries):
                for j, entry in enumerate(entries):
                    line = computation.explain(i, j)
                    assert line.endswith((f" = {format_number(entry)}", f" ≈ {format_number(entry)}")), line
                    if computation.operation.name in WORDED or "e^" in line or "a column of zeros" in line:
                        continue
                    # The parser knows no minus before a bracket.
                    parsed, slop = Line(re.sub(r"^−\(", "(−1)·(", line)), Fraction(1, 10**10)
                    assert parsed.left[0] - slop <= Fraction(entry) <= parsed.left[1] + slop, line
                    read += 1
    assert read > 40


WORDED = {"keep the largest", "keep the largest of all", "exceed", "smallest", "count penalty"}


def test_the_words_of_those_that_choose():
    by_name = {section.title: section.walkthrough(BOOK) for section in SECTIONS}
    lines = {title: steps[1].computations[0] for title, steps in by_name.items()}
    assert lines["TopK"].explain(0, 1) == "the 1 largest of 2, −4, −1, −2, −2, 2 stays; 2 stays: f = 2"
    assert lines["TopK"].explain(5, 1) == "the 1 largest of 2, −4, −1, −2, −2, 2 stays; 2 goes: f = 0"
    assert lines["TopK"].explain(1, 1).endswith("−4 is not above 0: f = 0")
    assert lines["BatchTopK"].explain(1, 3) == "the 1·5 → 5 largest of all 30, down to 2; 5 stays: f = 5"
    assert lines["JumpReLU"].explain(0, 4) == "1 ≤ θ = 1, goes: f = 0"
    assert lines["JumpReLU"].explain(4, 0) == "1 > θ = 0, stays: f = 1"


def test_gated_by_hand():
    """One word of one number, two features, every number on paper."""
    parameters = {
        "W_enc": [[1], [2]], "b_enc": [-3, -5], "W_dec": [[3, -1]], "b_dec": [1], "r_mag": [0, np.log(2)], "b_mag": [1, -2],
    }  # fmt: skip
    found = results(variant_walkthrough(Gated(2), parameters, [[5]]))
    assert found["X − b_dec"] == [[4]]
    assert_array_equal(found["U"], [[4], [8]])
    assert_array_equal(found["G"], [[1], [3]])
    assert_allclose(found["M"], [[5], [14]])
    assert_allclose(found["f"], [[5], [14]])
    assert_allclose(found["X′"], [[2]])  # 15 − 14 + 1
    assert_allclose(found["MSE"], [[9]])
    assert_array_equal(found["L1"], [[8]])  # 2 (1 + 3)
    assert_array_equal(found["X″"], [[1]])  # 3 − 3 + 1
    assert_array_equal(found["Aux"], [[16]])
    assert_allclose(found["L"], [[33]])
    shut = results(variant_walkthrough(Gated(2), {**parameters, "b_enc": [-4, -5]}, [[5]]))
    assert_allclose(shut["f"], [[0], [14]])


def test_what_has_no_walkthrough_is_refused():
    class Other(Standard):
        pass

    parameters, x, _ = problem(VARIANTS[1], "whole")
    assert variant_walkthrough(Other(1), parameters, x)  # a kind of Standard is walked through as one
    with pytest.raises(TypeError, match="variant: expected one that has a walkthrough"):
        variant_walkthrough(object.__new__(ae_variant_widgets.Variant), parameters, x)
    with pytest.raises(ValueError, match="target: expected one for a transcoder"):
        variant_walkthrough(VARIANTS[1], parameters, x, target=x)
    with pytest.raises(ValueError, match="target: expected one for a transcoder"):
        variant_walkthrough(VARIANTS[-1], parameters, x)


def test_the_books_numbers_are_the_sparse_autoencoders_where_they_are_shared():
    model, x, _ = sparse_autoencoder_example()
    for name in ("W_enc", "b_enc", "W_dec", "b_dec"):
        assert_array_equal(BOOK[name], getattr(model, name))
    assert_array_equal(BOOK["X"], x)
    # The gated one's magnitudes begin as the shared Z.
    gated, shared = (results(section.walkthrough(BOOK)) for section in (SECTIONS[5], SECTIONS[1]))
    assert_array_equal(gated["M"], shared["Z"])
    assert set(variants_example()) <= set(BOOK)


# --------------------------------------------------------------------------------------------- the panels


def open_chapter():
    chapter = variants_chapter()
    panels = [chapter.shared(), *(chapter.section(number) for number in range(1, LAST)), chapter.side_by_side()]
    return chapter, panels


def fresh_drawings(parameters):
    """The figures of a chapter that was made with these parameters, panel by panel."""
    chapter = variants_chapter()
    chapter.apply({**BOOK, **parameters})
    return [[piece.html() for piece in chapter.pieces(number)] for number in range(LAST + 1)]


def shown(panels):
    return [[figure.value for figure in panel.figures] for panel in panels]


def test_each_slider_redraws_what_depends_on_it_and_nothing_else():
    chapter, panels = open_chapter()
    redrawn = []
    for panel in panels:
        for figure in panel.figures:
            figure.observe(lambda _, figure=figure: redrawn.append(figure), "value")
    moved = 0
    for entry in chapter.entries.values():
        before = shown(panels)
        entry.slider.value = entry.slider.max if entry.slider.value != entry.slider.max else entry.slider.min
        after = shown(panels)
        assert after == fresh_drawings(chapter.parameters)
        changed = sum(a != b for one, other in zip(before, after) for a, b in zip(one, other))
        assert len(redrawn) == len(set(redrawn)) == changed, entry.slider.description
        redrawn.clear()
        moved += changed > 0
    assert moved == len(chapter.entries)
    assert chapter.message.value == ""


ALL = set(range(1, LAST))
GATED, TRANSCODER = 6, 8
READERS = {
    "X": ALL, "W_enc": ALL, "b_enc": ALL - {GATED}, "W_dec": ALL - {TRANSCODER}, "b_dec": ALL - {TRANSCODER},
    "θ": {5}, "ε": {5}, "b_gate": {GATED}, "r": {GATED}, "b_mag": {GATED}, "p1": {7}, "p2": {7},
    "V_dec": {TRANSCODER}, "c_dec": {TRANSCODER}, "Y": {TRANSCODER}, "k": {3, 4, 7}, "λ": {1, 2, 5, GATED, TRANSCODER},
}  # fmt: skip


def test_every_number_of_the_chapter_has_a_slider():
    chapter, _ = open_chapter()
    assert set(READERS) == set(BOOK) == {name for name, _, _ in chapter.entries}
    assert len(chapter.entries) == sum(np.size(value) for value in BOOK.values())


@pytest.mark.parametrize("name", READERS)
def test_a_number_moves_the_variants_that_read_it_and_the_comparison(name):
    chapter, panels = open_chapter()
    read = {number for number, section in enumerate(SECTIONS, start=1) if any(value is BOOK[name] for value in section.read(BOOK))}
    assert read == READERS[name]
    touched = set()
    for key, entry in chapter.entries.items():
        if key[0] == name:
            before = shown(panels)
            entry.plus.click()
            touched |= {number for number, (a, b) in enumerate(zip(before, shown(panels))) if a != b}
    assert touched - {0, LAST} == READERS[name]


def test_every_slider_works_at_its_ends_and_where_it_began():
    chapter, panels = open_chapter()
    for (name, row, column), entry in chapter.entries.items():
        began = entry.slider.value
        for value in (entry.slider.min, entry.slider.max, began):
            entry.slider.value = value
            assert chapter.message.value == ""
            array = np.asarray(chapter.parameters[name])
            assert array[(row, column)[: array.ndim]] == entry.number.value == value
        assert shown(panels) == fresh_drawings({})


def test_what_is_folded_away_is_not_drawn_before_there_are_widgets():
    """Who cannot reach it is not told of it; what opens it is as high as the widget's."""
    chapter, (shared, *_) = open_chapter()
    fold = shared.groups[-1]
    assert [group.matrices[0].name for group in fold.groups] == ["W_enc", "W_dec"]
    drawn = html.fromstring(fold.static_html())
    assert drawn.xpath("//details[@inert]/summary") and not drawn.find_class("ae-group")
    title, *groups = fold.widget.children
    assert [group.widget for group in fold.groups] == groups
    live = html.fromstring(title.children[0].value)
    assert live.xpath("//details[not(@inert)]/summary")[0].text_content() == "Sliders for Wenc and Wdec"


def test_only_what_changed_is_laid_out_again():
    walkthroughs = variants_plan().walkthrough
    first = by_variant(walkthroughs(BOOK))
    second = by_variant(walkthroughs({**BOOK, "θ": BOOK["θ"] + 1}))
    same = [all(a is b for a, b in zip(one, two)) for one, two in zip(first, second)]
    assert same == [section.title != "JumpReLU" for section in SECTIONS]


@pytest.mark.parametrize("preset", variants_plan().presets)
def test_presets_and_reset(preset):
    chapter, panels = open_chapter()
    chapter.presets.value = preset
    expected = chapter.plan.presets[preset](dict(BOOK))
    assert shown(panels) == fresh_drawings(expected)
    chapter.reset_all.click()
    assert shown(panels) == fresh_drawings(BOOK)


def test_every_step_is_on_the_page_once():
    """A step is drawn, or it is said where it is drawn already."""
    chapter, panels = open_chapter()
    for section, panel, steps in zip(SECTIONS, panels[1:], by_variant(chapter.steps)):
        page = html.fromstring("".join(panel.drawings()))
        titles = [title.text_content() for title in page.find_class("ae-step")]
        count, where = section.borrowed
        assert len(titles) == len(steps)
        for step, title in zip(steps, titles):
            assert title.startswith(f"Step {step.number} · {step.title}")
            assert (f", as {where}" in title) == (step.number <= count)
        assert len(page.find_class("ae")) == len(steps) - count


def test_what_is_borrowed_is_the_same():
    walked = {section.title: section.walkthrough(BOOK) for section in SECTIONS}
    lenders = {"in BatchTopK": "BatchTopK", "in the decoder-norm-weighted one": "Decoder-norm-weighted"}
    for section in SECTIONS:
        count, where = section.borrowed
        for borrowed, lent in zip(walked[section.title][:count], walked[lenders.get(where, "Decoder-norm-weighted")]):
            assert borrowed.title == lent.title
            assert borrowed.result.entries == lent.result.entries


def test_a_panel_stands_for_itself_without_widgets():
    chapter, panels = open_chapter()
    for number, panel in enumerate(panels):
        static = panel.static_html()
        assert all(drawing in static for drawing in panel.drawings())
        assert ("<style>" in static) == (number == 0)
        assert panel.text()
        page = html.fromstring(static)
        unfolded = [group for group in panel.groups if isinstance(group, _Group)]
        assert len(page.find_class("ae-number")) == sum(len(row) for group in unfolded for row in group.entries)
    names = [span.get("id") for panel in panels for span in html.fromstring("".join(panel.drawings())).iter("span") if span.get("id")]
    assert len(names) == len(set(names)) > 20


def test_no_line_is_longer_than_the_style_sheet_lights_up():
    chapter, panels = open_chapter()
    page = "".join(drawing for panel in panels for drawing in panel.drawings())
    assert f"ae-y{CHAINED}" not in page


def test_a_section_that_is_not_there():
    with pytest.raises(ValueError, match="number: expected a variant from 1 to 8, got 9"):
        variants_chapter().section(9)


def test_side_by_side_tells_each_variants_own_losses():
    steps = variants_plan().walkthrough(BOOK)
    table = html.fromstring(side_by_side_html(steps)).find_class("ae-numbers")[0]
    rows = [[cell.text_content() for cell in row] for row in table.iter("tr")][1:]
    assert rows[0] == ["1 Bias-subtracted", "2.2", "40", "L1 46", "86"]
    assert rows[2] == ["3 TopK", "1", "48", "–", "48"]
    assert rows[5] == ["6 Gated", "1.6", "6", "L1 28 + Aux 6", "40"]
    assert rows[6] == ["7 Matryoshka", "1", "26", "MSE[:2] 62 + MSE[:4] 62", "150"]
    assert len(rows) == 8


# -------------------------------------------------------------------------------------------- the training

PLANTED = planted_features(16, 8, seed=1)
TARGET = 16 * 0.05


@pytest.fixture(scope="module")
def runs():
    return [compare_variants(PLANTED, seed) for seed in (0, 100, 200)]


def test_all_eight_are_compared_in_the_chapters_order(runs):
    assert [one.title for one in runs[0]] == [section.title for section in SECTIONS]


def test_the_knob_is_turned_until_l0_fits(runs):
    for run in runs:
        for one in run:
            assert one.quality.l0 == (1 if one.title == "TopK" else pytest.approx(TARGET, abs=0.15)), one
            (contender,) = (c for c in contenders(16, TARGET) if c.title == one.title)
            assert (one.setting == contender.start) == (one.title == "TopK")


def test_the_same_seed_gives_the_same_numbers(runs):
    told = []
    assert compare_variants(PLANTED, 0, progress=told.append) == runs[0]
    assert told == list(range(1, 9))


def test_a_knob_turns_the_way_that_brings_l0_back():
    dear = Contender("", Standard, "λ", 0.3, keeps_more=False)
    many = Contender("", BatchTopK, "k", 1.0, keeps_more=True)
    whole = many._replace(is_whole=True)
    assert dear.turn(0.3, 2) == 0.6 and dear.turn(0.3, 0.5) == 0.15
    assert many.turn(1.0, 2) == 0.5 and many.turn(1.0, 0.5) == 2
    assert whole.turn(1, 3) == 1 and whole.turn(1, 0.3) == 3
    assert dear.turn(0.3, 0) > 0


def test_a_transcoder_is_judged_by_what_it_writes():
    outputs = planted_features(16, 5, seed=2).directions
    rng = np.random.default_rng(0)
    encoder = rng.standard_normal((16, 8))
    perfect = VariantModel(Transcoder(0.0), {"W_enc": encoder, "b_enc": np.zeros(16), "W_dec": outputs, "b_dec": np.zeros(5)})
    quality = judge(perfect, PLANTED, 0, tokens=50, outputs=outputs)
    assert quality.mmcs == pytest.approx(1)
    trained = train_sparse_autoencoder(PLANTED, 16, activation=TopK(1), steps=20, batch_size=32, learning_rate=0.01, seed=0).model
    assert judge(trained, PLANTED, 0, tokens=50) != judge(trained, PLANTED, 0, tokens=60)


def quality(run, title):
    return next(one.quality for one in run if one.title == title)


def test_what_the_chapter_says_of_the_training_holds_for_every_seed_tried(runs):
    shrinking, others = ("Bias-subtracted", "Decoder-norm-weighted"), ("BatchTopK", "JumpReLU", "Gated")
    spared = ("TopK", *others, "Matryoshka")
    for run in runs:
        for title in shrinking:
            assert 0.4 < quality(run, title).activation_ratio < 0.65
            assert all(quality(run, other).activation_ratio > quality(run, title).activation_ratio + 0.1 for other in spared)
            assert all(quality(run, other).explained_variance > quality(run, title).explained_variance for other in others)
        assert quality(run, "TopK").explained_variance < quality(run, "BatchTopK").explained_variance
        assert min(run, key=lambda one: one.quality.mmcs).title == "Matryoshka"
    # Who finds most among the others is chance.
    best = {max((one for one in run if one.title != "Transcoder"), key=lambda one: one.quality.mmcs).title for run in runs}
    assert len(best) > 1 or best <= set(shrinking)


def test_what_the_chapter_says_of_matryoshkas_features():
    for seed in (0, 100, 200):
        (contender,) = (one for one in contenders(16, TARGET) if one.title == "Matryoshka")
        probe = PLANTED(np.random.default_rng(seed + 1), TOKENS_TOLD)
        model = train_to_l0(contender, PLANTED, None, probe, TARGET, seed)[1]
        density = feature_density(model.forward(probe).features)
        found = max_cosine_similarities(PLANTED.directions, model.W_dec)  # of each learned one
        assert density[:4].max() > 2 * 0.05
        assert ((density[8:] < 0.01) | (found[8:] < 0.9)).sum() >= 6
        assert found[:8].mean() > found[8:].mean() + 0.1


def test_training_again_keeps_what_was_there_and_survives_a_failure(monkeypatch, runs):
    left = iter(runs)
    monkeypatch.setattr(ae_variant_widgets, "compare_variants", lambda planted, seed, progress=None: next(left))
    trained = variants_chapter().trained()
    first = trained.figure.value
    assert "earlier seeds" not in first
    trained.button.click()
    assert "earlier seeds" in trained.figure.value != first
    second = trained.figure.value
    trained.button.click()
    assert trained.figure.value not in (first, second)
    third = trained.figure.value
    trained.button.click()  # nothing is left: StopIteration
    assert trained.figure.value == third
    assert "StopIteration" in trained.message.value
    assert not trained.button.disabled and trained.button.description == trained.INVITATION
    assert third in trained.static_html()
    assert f"{quality(runs[2], 'Gated').explained_variance:.2f}" in trained.text()
