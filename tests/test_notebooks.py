"""The chapters' notebooks: how they are kept, that they run, and that their answers are right."""

import functools
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from ae_backprop import autoencoder_backpropagation, sparse_autoencoder_backpropagation, sparse_autoencoder_nudges
from ae_core import (
    TOKENS,
    Autoencoder,
    SparseAutoencoder,
    autoencoder_example,
    autoencoder_walkthrough,
    sparse_autoencoder_example,
    sparse_autoencoder_walkthrough,
)
from ae_planted import example_tokens
from ae_sweep import Sweep, planted_circle, sweep_l1
from ae_train import Diverged, match_features, mean_max_cosine_similarity, unit_deaths
from ae_variant_widgets import SECTIONS, by_variant, variants_plan
from ae_widgets import autoencoder_plan, sparse_autoencoder_plan

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in sorted(CHAPTERS.glob("*.ipynb"))}
STEPS = {
    "autoencoder": autoencoder_walkthrough(*autoencoder_example()),
    "sparse_autoencoder": sparse_autoencoder_walkthrough(*sparse_autoencoder_example(), TOKENS),
    "backpropagation": (
        *autoencoder_backpropagation(*autoencoder_example(), 0.001, 5),
        *sparse_autoencoder_backpropagation(*sparse_autoencoder_example(), 0.001, 5, TOKENS, first=9),
    ),
}
NUMBERED = [pytest.param(name, step, id=f"{name}-{step.number}") for name, steps in STEPS.items() for step in steps]


def cell(notebook, name):
    return next(cell for cell in NOTEBOOKS[notebook].cells if cell.id == name)


# ---------------------------------------------------------------------------------- how they are kept


def test_there_are_these_notebooks_and_no_other():
    assert set(NOTEBOOKS) == {"intro", *STEPS, "training", "balance", "superposition", "variants"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_valid_and_has_no_output(name):
    notebook = NOTEBOOKS[name]
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_cells_have_readable_names(name):
    ids = [cell.id for cell in NOTEBOOKS[name].cells]
    assert len(set(ids)) == len(ids)
    assert [i for i in ids if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", i)] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_code_cells_are_short(name):
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "code":
            assert 1 <= len(cell.source.splitlines()) <= (5 if "chapter" in cell.source else 3), cell.id


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_prose_is_plain_markdown(name):
    """Jupyter, Colab and VS Code know neither MyST's roles nor its directives."""
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"\{[a-z:]+\}`|^:::|^```\{", cell.source, re.MULTILINE), cell.id


@pytest.mark.parametrize("name", STEPS)
def test_a_chapter_has_its_steps_in_order_and_no_other(name):
    sources = "\n".join(cell.source for cell in NOTEBOOKS[name].cells)
    headings = re.findall(r"^## Step (\d+) · (.+)$", sources, re.MULTILINE)
    assert headings == [(str(step.number), step.title) for step in STEPS[name]]


@pytest.mark.parametrize(("name", "step"), NUMBERED)
def test_a_step_is_prose_code_and_a_question_with_a_hidden_answer(name, step):
    ids = [cell.id for cell in NOTEBOOKS[name].cells]
    at = ids.index(f"step-{step.number}")
    assert ids[at : at + 3] == [f"step-{step.number}", f"step-{step.number:02}-code", f"step-{step.number:02}-question"]
    prose, code, question = NOTEBOOKS[name].cells[at : at + 3]
    heading, _, text = prose.source.partition("\n")
    assert heading == f"## Step {step.number} · {step.title}"
    assert len(text.split()) >= 15
    half = "sparse" if name == "backpropagation" and step.number > 8 else "chapter"
    assert code.source == f"{half}.step({step.number})"
    parts = re.fullmatch(r"<details><summary>(.+)</summary>\n\n(.+)\n\n</details>", question.source, re.DOTALL)
    assert "?" in parts[1] and "<" not in parts[2]


@pytest.mark.parametrize(("number", "section"), list(enumerate(SECTIONS, start=1)))
def test_a_variant_is_prose_code_and_something_to_try(number, section):
    cells = {cell.id: cell.source for cell in NOTEBOOKS["variants"].cells}
    ids = list(cells)
    at = ids.index(f"variant-{number}")
    assert ids[at : at + 3] == [f"variant-{number}", f"variant-{number:02}-code", f"variant-{number:02}-question"]
    prose, code, question = (cells[name] for name in ids[at : at + 3])
    assert prose.startswith(f"## Variant {number} · {section.title}\n")
    assert "**Look at**" in prose
    assert code == f"chapter.section({number})"
    assert re.fullmatch(r"<details><summary>(Choose|Move|Set|At the top of the page set) .+\?</summary>\n\n[^<]+\n\n</details>", question)


# -------------------------------------------------------------------------------------- that they run


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_from_any_folder(name, tmp_path):
    notebook = nbformat.from_dict(NOTEBOOKS[name])
    ran = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = {cell.id: cell.outputs for cell in ran.cells if cell.cell_type == "code"}
    assert not [output for found in outputs.values() for output in found if output.output_type in ("stream", "error")]
    for step in STEPS.get(name, ()):
        (output,) = outputs[f"step-{step.number:02}-code"]
        assert "<table" in output.data["text/html"]
        assert output.data["text/plain"].startswith(f"Step {step.number}, {step.title}")
        assert "application/vnd.jupyter.widget-view+json" in output.data


# ------------------------------------------------------------------------------ that what they say holds


def arithmetic():
    """Every formula of the prose that is made of plain numbers alone."""
    for name, notebook in NOTEBOOKS.items():
        for cell in notebook.cells:
            for formula in re.findall(r"\$+([^$]+)\$+", cell.source):
                plain = formula.replace(r"\cdot", "*").replace("^", "**").replace(r"\,", "")
                if "=" in plain and re.fullmatch(r"[-+*()\d\s=.]+", plain):
                    yield pytest.param(plain, id=f"{name}-{cell.id}")


@pytest.mark.parametrize("formula", list(arithmetic()))
def test_sums_in_the_prose_come_out(formula):
    sides = [eval(side) for side in formula.split("=")]
    assert len({round(side, 12) for side in sides}) == 1


def test_there_are_sums_in_the_prose():
    assert len(list(arithmetic())) >= 4


def values(steps):
    return {c.result.name: c.result.values for step in steps for c in step.computations}


MODEL, EXAMPLES = autoencoder_example()
AE = values(STEPS["autoencoder"])
SAE_MODEL, WORDS, L1 = sparse_autoencoder_example()
SAE = values(STEPS["sparse_autoencoder"])
MONDAY, EVEREST, FUJI, COFFEE, TEA = range(5)


def after(plan, preset):
    plan = plan()
    return values(plan.walkthrough(plan.presets[preset](dict(plan.book))))


def without_output_relu():
    return Autoencoder(MODEL.weights, MODEL.biases, output_relu=False).forward(EXAMPLES).output


def halved_feature():
    """The sparse autoencoder whose second feature is half as large, and its column twice."""
    scale = np.array([1, 2, 1, 1, 1, 1])
    return SparseAutoencoder(
        SAE_MODEL.W_enc / scale[:, None], SAE_MODEL.b_enc / scale, SAE_MODEL.W_dec * scale, SAE_MODEL.b_dec
    )


def fires_for(feature):
    return np.flatnonzero(SAE["f"][feature - 1]).tolist()


def pushed_most():
    weakest = SAE["dS"].min()
    return weakest, {tuple(place) for place in np.argwhere(SAE["dS"] == weakest).tolist()}


def sweeps(notebook):
    """Run a notebook's cells as far as they make sweeps, and give these, by the number of planted features."""
    found, names = {}, {}
    for cell in NOTEBOOKS[notebook].cells:
        if cell.cell_type == "code" and re.search("^(from|planted|lambdas|sweep)", cell.source) and "Views(" not in cell.source:
            exec(re.sub(r"^show_mixing.*", "", cell.source, flags=re.MULTILINE), names)
            if isinstance(names.get("sweep"), Sweep):
                found[names["sweep"].planted.directions.shape[1]] = names["sweep"]
    return found


@functools.cache
def at(notebook, l1, planted=16):
    """The quality that a notebook's sweep reached with a λ."""
    sweep = sweeps_of(notebook)[planted]
    return sweep.qualities[sweep.l1_coefficients.index(l1)]


sweeps_of = functools.cache(sweeps)


def closest_to_planted():
    (sweep,) = sweeps_of("balance").values()
    return min(zip(sweep.qualities, sweep.l1_coefficients), key=lambda pair: abs(pair[0].l0 - 0.8))[1]


def matched(l1):
    sweep = sweeps_of("superposition")[5]
    return match_features(sweep.results[sweep.l1_coefficients.index(l1)].model.W_dec, sweep.planted.directions).cosine


def made_otherwise():
    """The first token of the circle, out of d3 and d4 instead of d3 and d5."""
    circle = planted_circle(5, 0.1)
    a = np.round(example_tokens(circle)[1], 1)
    x = circle.directions @ a[:, 0]
    other = np.linalg.solve(circle.directions[:, [2, 3]], x)
    return (np.count_nonzero(a, axis=0) > 1).tolist() == [True] + [False] * 5 and np.flatnonzero(a[:, 0]).tolist() == [2, 4] and ((other > 0) & (other < 1)).all()


def ten_starts():
    """The MMCS that ten starts of the training with 16 planted features reach at λ = 0.5."""
    source = next(cell.source for cell in NOTEBOOKS["superposition"].cells if "planted_features(16, 8" in cell.source)
    names = {"sweep_l1": lambda planted, n_features, l1_coefficients, **settings: (planted, n_features, settings)}
    exec(source, names)  # only to learn what the chapter trains with
    planted, n_features, settings = names["sweep"]
    return [sweep_l1(planted, n_features, [0.5], **settings | {"seed": seed}).qualities[0].mmcs for seed in range(10)]


def blind_mmcs():
    rng, directions = np.random.default_rng(0), sweeps_of("superposition")[16].planted.directions
    return np.mean([mean_max_cosine_similarity(rng.standard_normal((8, 16)), directions) for _ in range(200)])


def equals(result, expected):
    return np.array_equal(result, expected)


def loss_after(rate):
    return ((MODEL.update(MODEL.gradients(EXAMPLES), rate).forward(EXAMPLES).output - EXAMPLES) ** 2).sum()


def sparse_losses_after(rate):
    return SAE_MODEL.update(SAE_MODEL.gradients(WORDS, L1), rate).loss(WORDS, L1)


def decoder_gap(k):
    steps = sparse_autoencoder_backpropagation(SAE_MODEL, WORDS, L1, 0, k)
    return values(steps)["gap2"]


def kinks(shift):
    model = SparseAutoencoder(SAE_MODEL.W_enc, SAE_MODEL.b_enc + shift, SAE_MODEL.W_dec, SAE_MODEL.b_dec)
    return sum(np.count_nonzero(~smooth) for smooth in sparse_autoencoder_nudges(model, WORDS, L1, 1e-5).smooth)


def dead_after_a_long_step():
    Y = MODEL.update(MODEL.gradients(EXAMPLES), 0.02).forward(EXAMPLES).output
    return np.ptp(Y[3]) == 0 and equals(Y[:, 0], Y[:, 2])


BACK = values(STEPS["backpropagation"][:8])
SBACK = values(STEPS["backpropagation"][8:])
DEAD = {f"d{kind}{k}" for kind in "Wb" for k in range(1, 5)}

# A cell, words of it, and what they claim.
CLAIMS = [
    ("autoencoder", "step-2", "The row `1 0 −1 1`", lambda: equals(MODEL.weights[0][0], [1, 0, -1, 1])),
    ("autoencoder", "step-2", "Four numbers become three", lambda: MODEL.weights[0].shape == (3, 4)),
    ("autoencoder", "step-02-question", "It was −1", lambda: AE["Z1"][2, 1] == -1 and AE["A1"][2, 1] == 0),
    ("autoencoder", "step-3", "2×4", lambda: AE["A2"].shape == (2, 4)),
    ("autoencoder", "step-3", "2×3", lambda: MODEL.weights[1].shape == (2, 3)),
    ("autoencoder", "step-03-question", "X1 and X3", lambda: equals(AE["A2"] == 0, [[0] * 4, [1, 0, 1, 0]])),
    ("autoencoder", "step-03-question", "their second number was negative", lambda: (AE["Z2"][1, [0, 2]] < 0).all()),
    ("autoencoder", "step-03-question", "9 and 7", lambda: equals(AE["A2"][0, [0, 2]], [9, 7])),
    (
        "autoencoder",
        "step-04-question",
        "the same for every column",
        lambda: all(np.ptp(after(autoencoder_plan, "a dead bottleneck")[name], axis=1).max() == 0 for name in ("A2", "A3", "Y")),
    ),
    ("autoencoder", "step-05-question", "row 2 of X1 becomes −4", lambda: without_output_relu()[1, 0] == -4),
    ("autoencoder", "step-05-question", "from −1 than 0 was", lambda: (EXAMPLES[1, 0], AE["Y"][1, 0]) == (-1, 0)),
    ("autoencoder", "step-06-question", "Three entries of dY are 0", lambda: np.count_nonzero(AE["dY"] == 0) == 3),
    ("autoencoder", "step-06-question", "2 and 2 for X1", lambda: AE["Y"][0, 0] == EXAMPLES[0, 0] == 2),
    ("autoencoder", "step-06-question", "0 and 0 for X4 in row 1", lambda: AE["Y"][0, 3] == EXAMPLES[0, 3] == 0),
    ("autoencoder", "step-06-question", "3 and 3 for X4 in row 4", lambda: AE["Y"][3, 3] == EXAMPLES[3, 3] == 3),
    (
        "autoencoder",
        "summary-answer",
        "The last two numbers of each example repeat the first two",
        lambda: equals((x := after(autoencoder_plan, "a perfect reconstruction")["Y"])[:2], x[2:]),
    ),
    ("sparse_autoencoder", "step-01-question", "Row f2", lambda: SAE["Z"][:, COFFEE].argmax() == 1),
    ("sparse_autoencoder", "step-01-question", "= 5", lambda: SAE["Z"][1, COFFEE] == 5),
    ("sparse_autoencoder", "step-2", "one, two or three features", lambda: set((SAE["f"] > 0).sum(0)) == {1, 2, 3}),
    ("sparse_autoencoder", "step-2", "Most answers were negative", lambda: (SAE["Z"] < 0).mean() > 0.5),
    ("sparse_autoencoder", "step-02-question", "f6 fires for Everest and Fuji alone", lambda: fires_for(6) == [EVEREST, FUJI]),
    ("sparse_autoencoder", "step-02-question", "f3 is 0 in every column", lambda: fires_for(3) == []),
    ("sparse_autoencoder", "step-03-question", "it went in as 1, −1, 3", lambda: equals(WORDS[:, TEA], [1, -1, 3])),
    ("sparse_autoencoder", "step-03-question", "comes back as 1, −2, 4", lambda: equals(SAE["X′"][:, TEA], [1, -2, 4])),
    ("sparse_autoencoder", "step-03-question", "coffee's numbers", lambda: equals(WORDS[:, COFFEE], [1, -2, 4])),
    ("sparse_autoencoder", "step-03-question", "One word does not", lambda: equals(SAE["X′"][:, :4], WORDS[:, :4])),
    (
        "sparse_autoencoder",
        "step-05-question",
        "half the feature times twice the norm costs the same",
        lambda: halved_feature().loss(WORDS, L1) == pytest.approx(SAE_MODEL.loss(WORDS, L1)),
    ),
    ("sparse_autoencoder", "step-06-question", "2 for Everest and 1 for Fuji", lambda: equals(SAE["f"][5, 1:3], [2, 1])),
    ("sparse_autoencoder", "step-06-question", "−1 for both", lambda: equals(SAE["S"][5, 1:3], [-1, -1])),
    ("sparse_autoencoder", "step-07-question", "its row is all 0", lambda: not SAE["S"][2].any()),
    (
        "sparse_autoencoder",
        "step-08-question",
        "At f5 for Monday, and at f6 for the two mountains",
        lambda: pushed_most() == (-6, {(4, MONDAY), (5, EVEREST), (5, FUJI)}),
    ),
    ("sparse_autoencoder", "step-09-question", "All of it", lambda: SAE["MSE"] == 2 and not SAE["E"][:, :4].any()),
    (
        "sparse_autoencoder",
        "step-10-question",
        "Only tea's error is left",
        lambda: np.flatnonzero(np.abs((found := after(sparse_autoencoder_plan, "λ = 0"))["dX′"]).sum(0)) == [TEA] and not found["P"].any(),
    ),
    ("sparse_autoencoder", "mountain", "f1 fires for Everest, coffee and tea", lambda: fires_for(1) == [EVEREST, COFFEE, TEA]),
    ("sparse_autoencoder", "mountain", "only one number is 0", lambda: np.count_nonzero(WORDS == 0) == 1),
    (
        "sparse_autoencoder",
        "summary-answer",
        "As $b_{\\text{dec}}$, the same column for every word",
        lambda: np.ptp(after(sparse_autoencoder_plan, "λ = 5: five updates, and every feature is dead")["X′"], axis=1).max() == 0,
    ),
    ("balance", "sweep", "twelve times", lambda: len(sweeps_of("balance")[16].results) == 12),
    ("balance", "sweep", "chance of 0.05", lambda: sweeps_of("balance")[16].planted.probability == 0.05),
    (
        "balance",
        "frontier-question",
        "loses half of its active features, from 4.8 to 2.4, and the explained variance falls by only 0.03",
        lambda: (
            (at("balance", 0.01).l0, at("balance", 0.1).l0) == pytest.approx((4.8, 2.4), abs=0.06)
            and at("balance", 0.01).explained_variance - at("balance", 0.1).explained_variance == pytest.approx(0.03, abs=0.005)
        ),
    ),
    (
        "balance",
        "sparsity-question",
        "$\\lambda = 0.4$, with 0.85",
        lambda: closest_to_planted() == 0.4 and at("balance", 0.4).l0 == pytest.approx(0.85, abs=0.005),
    ),
    ("balance", "reconstruction-question", "4.8 features", lambda: at("balance", 0.01).l0 == pytest.approx(4.8, abs=0.06)),
    ("balance", "dead-question", "most features are alive", lambda: at("balance", 1.4).dead < 8 and at("balance", 2).dead == 16),
    ("balance", "shrinkage-question", "0.72", lambda: at("balance", 0.4).norm_ratio == pytest.approx(0.72, abs=0.005)),
    ("balance", "tokens-question", "all six tokens come back the same", lambda: at("balance", 2).l0 == 0),
    ("superposition", "circle-question", "some d3 and some d4 would give the same", made_otherwise),
    (
        "superposition",
        "plane-question",
        "With λ = 0.01 nearly everything comes back",
        lambda: at("superposition", 0.01, 5).explained_variance > 0.98 and matched(0.01).min() < 0.9 and matched(0.5).min() > 0.99,
    ),
    ("superposition", "mmcs", "all five cosines are above 0.99", lambda: matched(0.3).min() > 0.99 > matched(0.2).min()),
    (
        "superposition",
        "eight-question",
        "99 % of the variance comes back, every feature is alive, and MMCS is 0.75",
        lambda: (
            (q := at("superposition", 0.01)).explained_variance == pytest.approx(0.99, abs=0.005)
            and q.mmcs == pytest.approx(0.75, abs=0.005)
            and q.dead == 0
        ),
    ),
    ("superposition", "eight-question", "MMCS is 0.99", lambda: at("superposition", 0.5).mmcs == pytest.approx(0.99, abs=0.005)),
    (
        "superposition",
        "eight-question",
        "from `seed=0` to `seed=9`, end between 0.95 and 0.99",
        lambda: (min(mmcs := ten_starts()), max(mmcs)) == pytest.approx((0.95, 0.99), abs=0.005),
    ),
    ("superposition", "eight-question", "all 16 features are dead", lambda: at("superposition", 2).dead == 16),
    (
        "superposition",
        "flattery",
        "its MMCS is 0.79 all the same, higher than",
        lambda: at("superposition", 2).mmcs == pytest.approx(0.79, abs=0.005) and at("superposition", 2).mmcs > at("superposition", 0.01).mmcs,
    ),
    ("superposition", "flattery", "on average their MMCS is 0.6", lambda: blind_mmcs() == pytest.approx(0.6, abs=0.01)),
]


VARIANTS_BOOK = variants_plan().book


def variant(number, preset="the book's numbers", **moved):
    """A variant's matrices at a preset, with some parameters moved: a number, or the entries that change."""
    plan = variants_plan()
    p = plan.presets[preset](dict(plan.book))
    for name, change in moved.items():
        p[name] = np.array(p[name])
        for place, value in change.items() if isinstance(change, dict) else [((), change)]:
            p[name][place] = value
    return values(by_variant(plan.walkthrough(p))[number - 1])


def mse(number, *arguments, **moved):
    return variant(number, *arguments, **moved)["MSE"].item()


def features_of(word, number, **moved):
    return np.flatnonzero(variant(number, **moved)["f"][:, word]).tolist()


def counts(number, **moved):
    return (variant(number, **moved)["f"] != 0).sum(0).tolist()


def keeps_the_same(numbers, preset):
    first, *others = (variant(number, preset)["f"] for number in numbers)
    return all(equals(first, other) for other in others)


HALVED, RELU_FOR_ALL = "f2 half as large, its column twice as long", "k = 6 and θ = 0: ReLU for all"
F1, F2, F6 = 0, 1, 5

# Those of the training are in test_variant_chapter.py.
CLAIMS += [
    ("variants", "shared", "these thirty numbers", lambda: variant(2)["Z"].size == 30),
    ("variants", "shared-question", "Nine", lambda: (variant(2)["Z"] > 0).sum() == 9),
    ("variants", "variant-1", "row 2 of $X$ has lost 1", lambda: equals(VARIANTS_BOOK["b_dec"], [0, 1, 0])),
    ("variants", "variant-1", "four rows of $Z$ have moved", lambda: np.flatnonzero((variant(1)["Z"] != variant(2)["Z"]).any(1)).tolist() == [1, 2, 3, 5]),
    ("variants", "variant-1", "the error in step 4 is large", lambda: (mse(1), mse(2)) == (40, 2)),
    (
        "variants",
        "variant-01-question",
        "X′ stays as it was, and the penalty falls from 46 to 34",
        lambda: (variant(1)["L1"], variant(1, HALVED)["L1"]) == (46, 34) and equals(variant(1)["X′"], variant(1, HALVED)["X′"]),
    ),
    ("variants", "variant-2", "in five steps", lambda: len(SECTIONS[1].walkthrough(VARIANTS_BOOK)) == 5),
    (
        "variants",
        "variant-2",
        "f2's column has length 1.41, f6's has length 3",
        lambda: variant(2)["norm"][0, [F2, F6]] == pytest.approx([1.41, 3], abs=0.005),
    ),
    ("variants", "variant-02-question", "Nothing.", lambda: variant(2, HALVED)["L1"] == pytest.approx(variant(2)["L1"])),
    ("variants", "variant-3", "Its f1 and f6 are both 2", lambda: equals(variant(3)["Z"][[F1, F6], EVEREST], [2, 2])),
    ("variants", "variant-3", "of equals we keep the first", lambda: features_of(EVEREST, 3) == [F1]),
    ("variants", "variant-03-question", "It falls from 48 to 4, then to 2", lambda: [mse(3, k=k) for k in (1, 2, 3)] == [48, 4, 2]),
    (
        "variants",
        "variant-03-question",
        "No word has more than three numbers above 0",
        lambda: (variant(3)["Z"] > 0).sum(0).max() == 3 and equals(variant(3, k=3)["f"], variant(2)["f"]),
    ),
    (
        "variants",
        "variant-4",
        "coffee and Everest got two features each, tea one, Monday and Fuji none",
        lambda: counts(4) == [0, 2, 0, 2, 1],
    ),
    ("variants", "variant-4", "These are five as before, yet the error is smaller", lambda: (sum(counts(3)), sum(counts(4))) == (5, 5) and mse(4) < mse(3)),
    (
        "variants",
        "variant-04-question",
        "from 0 to 2",
        lambda: VARIANTS_BOOK["X"][1, FUJI] == 0,
    ),
    (
        "variants",
        "variant-04-question",
        "Fuji's f6 is now 3, so it gets in, and Everest's f6 has to leave",
        lambda: (variant(4, X={(1, FUJI): 2})["f"][F6, FUJI], features_of(EVEREST, 4), features_of(EVEREST, 4, X={(1, FUJI): 2}))
        == (3, [F1, F6], [F1]),
    ),
    (
        "variants",
        "variant-05-question",
        "Tea gets f1",
        lambda: (features_of(TEA, 5), features_of(TEA, 5, θ={0: 0})) == ([F2], [F1, F2]),
    ),
    (
        "variants",
        "variant-05-question",
        "The error falls from 8 to 4, the penalty rises from 14 to 16: 20 in all instead of 22",
        lambda: [tuple(variant(5, **moved)[name].item() for name in ("MSE", "λL0", "L")) for moved in ({}, {"θ": {0: 0}})]
        == [(8, 14, 22), (4, 16, 20)],
    ),
    ("variants", "variant-05-question", "its slope for θ of f1 was 2", lambda: variant(5)["dθ"][F1] == 2),
    (
        "variants",
        "variant-6",
        "the gate has 4, one less than the magnitude",
        lambda: (variant(6)["G"][F2, COFFEE], variant(6)["M"][F2, COFFEE], variant(6)["f"][F2, COFFEE]) == (4, 5, 5),
    ),
    ("variants", "variant-6", "The feature is still 5", lambda: variant(6)["f"][F2, COFFEE] == 5),
    (
        "variants",
        "variant-06-question",
        "5 for coffee as before, 3 for tea instead of 4",
        lambda: equals(variant(6)["f"][F2, [COFFEE, TEA]], [5, 4])
        and variant(6, "gated: a steeper f2")["f"][F2, [COFFEE, TEA]] == pytest.approx([5, 3]),
    ),
    (
        "variants",
        "variant-06-question",
        "grows twice as fast",
        lambda: np.exp(variants_plan().presets["gated: a steeper f2"](dict(VARIANTS_BOOK))["r"][F2]) == pytest.approx(2),
    ),
    ("variants", "variant-06-question", "the error is 0", lambda: mse(6, "gated: a steeper f2") == pytest.approx(0)),
    (
        "variants",
        "variant-7",
        "both errors are 62, since f3 and f4 are 0 for every word",
        lambda: (variant(7)["MSE[:2]"], variant(7)["MSE[:4]"], variant(7)["f"][2:4].any()) == (62, 62, False),
    ),
    (
        "variants",
        "variant-07-question",
        "At 6, from 62 to 26",
        lambda: (variant(7, p2=5)["MSE[:5]"], variant(7, p2=6)["MSE[:6]"]) == (62, 26) and features_of(EVEREST, 7)[-1] == F6,
    ),
    ("variants", "variant-8", "two numbers a word come out", lambda: variant(8)["Y′"].shape == (2, 5)),
    (
        "variants",
        "variant-08-question",
        "Everest and Fuji, for which f6 fires, and no other",
        lambda: np.flatnonzero((variant(8, V_dec={(0, F6): 0, (1, F6): 0})["Y′"] != variant(8)["Y′"]).any(0)).tolist() == [EVEREST, FUJI],
    ),
    (
        "variants",
        "variant-08-question",
        "The error rises from 1 to 51",
        lambda: (mse(8), mse(8, V_dec={(0, F6): 0, (1, F6): 0})) == (1, 51),
    ),
    (
        "variants",
        "side-by-side-question",
        "None.",
        lambda: all(equals(variant(number)["f"], variant(number, λ=7)["f"]) for number in range(1, 9)),
    ),
    (
        "variants",
        "summary-answer",
        "Variants 2 to 5, 7 and 8 keep the same features",
        lambda: keeps_the_same([2, 3, 4, 5, 7, 8], RELU_FOR_ALL),
    ),
    (
        "variants",
        "summary-answer",
        "Variant 1 differs",
        lambda: not keeps_the_same([2, 1], RELU_FOR_ALL) and not keeps_the_same([2, 6], RELU_FOR_ALL),
    ),
    ("backpropagation", "step-01-question", "The output of X3 in row 3 is 15", lambda: (AE["Y"][2, 2], EXAMPLES[2, 2]) == (15, 0)),
    ("backpropagation", "step-02-question", "dY says −4", lambda: (BACK["dY"][3, 1], AE["Z4"][3, 1], BACK["dZ4"][3, 1]) == (-4, -1, 0)),
    ("backpropagation", "step-3", "off for X1 and X3", lambda: equals(AE["Z3"][1] <= 0, [True, False] * 2)),
    ("backpropagation", "step-03-question", "1 \\cdot 20", lambda: BACK["dA2"][0, 0] == 68),
    ("backpropagation", "step-4", "X1 and X3 one of the two is hatched", lambda: equals(AE["Z2"] <= 0, [[0] * 4, [1, 0, 1, 0]])),
    (
        "backpropagation",
        "step-04-question",
        "Only layer 4 and $b_3$ can still learn",
        lambda: {n for n, v in after(autoencoder_plan, "a dead bottleneck").items() if n in DEAD and v.any()} == {"dW4", "db4", "db3"},
    ),
    ("backpropagation", "step-05-question", "off for X2 and X4", lambda: equals(AE["Z1"][2] == -1, [0, 1, 0, 1]) and equals(AE["Z1"][2] > 0, [1, 0, 1, 0])),
    ("backpropagation", "step-06-question", "816", lambda: BACK["dW3"][2, 0] == 816 == max(abs(BACK[n]).max() for n in DEAD)),
    ("backpropagation", "step-06-question", "9 for X1", lambda: AE["A2"][0, 0] == 9 and BACK["dZ3"][2, 0] == 48),
    ("backpropagation", "step-07-question", "from 810 to about 174", lambda: loss_after(0) == 810 and round(loss_after(0.001)) == 174),
    ("backpropagation", "step-07-question", "about 247", lambda: round(loss_after(0.002)) == 247),
    ("backpropagation", "step-07-question", "its last row is the same for all four examples, and X1 comes back exactly as X3", dead_after_a_long_step),
    ("backpropagation", "step-8", "96 of them", lambda: 2 * sum(BACK[n].size for n in DEAD) == 96),
    ("backpropagation", "step-8", "seven digits", lambda: max(BACK[f"gap{k}"].max() for k in range(1, 5)) < 5e-8),
    ("backpropagation", "step-9", "Four of the five words", lambda: equals(SBACK["dX′"].any(0), [0, 0, 0, 0, 1])),
    ("backpropagation", "step-09-question", "$dX'$ is −2 there", lambda: equals(SBACK["dX′"][:, TEA], [0, -2, 2])),
    ("backpropagation", "step-10-question", "all 0 in P", lambda: not SBACK["P"][:, 2].any() and not SBACK["dW_dec"][:, 2].any() and SAE_MODEL.W_dec[:, 2].any()),
    ("backpropagation", "step-11-question", "Only one entry", lambda: equals(np.argwhere(SBACK["df"] < 0), [[4, TEA]]) and SBACK["df"][4, TEA] == -2),
    ("backpropagation", "step-12", "no entry is negative", lambda: (SBACK["db_enc"] >= 0).all() and not SBACK["dW_enc"][2].any()),
    ("backpropagation", "step-12-question", "= -24", lambda: SBACK["dW_enc"][5, 0] == -24),
    ("backpropagation", "step-13", "no error reaches it", lambda: equals(SBACK["dW_dec"][:, 4], SBACK["P"][:, 4])),
    ("backpropagation", "step-14", "the reconstruction even becomes a little worse", lambda: SBACK["MSE"] < SBACK["MSE⁺"] and SBACK["L⁺"] < SBACK["L"]),
    (
        "backpropagation",
        "step-14-question",
        "At $\\eta = 0.007$: 69.64 instead of 68.43.\nThe smallest sum is at 0.003",
        lambda: [round(sparse_losses_after(e).total, 2) for e in (0, 0.007)] == [68.43, 69.64]
        and min(range(21), key=lambda e: sparse_losses_after(e / 1000).total) == 3
        and max(e for e in range(8) if sparse_losses_after(e / 1000).total <= sparse_losses_after(0).total) == 6,
    ),
    ("backpropagation", "step-15", "at $k = 5$", lambda: min(range(1, 13), key=decoder_gap) == 5 and decoder_gap(1) > 1e-3 < decoder_gap(12)),
    ("backpropagation", "step-15-question", "They are gone", lambda: kinks(0) == 17 and kinks(0.5) == 0),
    ("backpropagation", "summary-answer", "all of them", lambda: not any(after(autoencoder_plan, "a perfect reconstruction")[n].any() for n in DEAD)),
]


@functools.cache
def training():
    """All names of the training chapter, its cells run."""
    names = {}
    for cell in NOTEBOOKS["training"].cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    return names


def final_loss(run):
    return ((run.model.forward(EXAMPLES).output - EXAMPLES) ** 2).sum() / 4


def rate_run(rate):
    names = training()
    return names["descend"](start=names["start"], learning_rate=rate, steps=120)


def seed_loss(seed):
    return final_loss(training()["train_autoencoder"](EXAMPLES, (3, 2, 3), learning_rate=0.01, steps=100, seed=seed))


def hidden_on(model):
    return [row.any() for activation in model.forward(EXAMPLES).activations[:-1] for row in activation > 0]


def diverges(rate):
    with pytest.raises(Diverged):
        rate_run(rate)
    return True


def pre_activations(updates, layer):
    return training()["fast"].snapshots[updates][1].forward(EXAMPLES).pre_activations[layer - 1]


def weights_moved(layer, row):
    (_, before), (_, after) = training()["fast"].snapshots[:2]
    return np.abs(after.weights[layer - 1] - before.weights[layer - 1])[row - 1], np.abs(after.biases[layer - 1] - before.biases[layer - 1])[row - 1]


def features(place):
    return training()["sparse_run"].snapshots[place][1].forward(WORDS).features


def sparse_loss(place):
    return training()["sparse_run"].snapshots[place][1].loss(WORDS, L1)


@functools.cache
def trained(rate=0.01, l1=2, start="the book's numbers", updates=300):
    """What the reader's own training comes to, with the settings that are moved: the film of it."""
    trainer = training()["train_yourself"](WORDS, SAE_MODEL, TOKENS)
    updates_taken, film = trainer.begin(rate, l1, start, updates)
    updates_taken.run()
    for taken, model in updates_taken.snapshots:
        film.add(taken, model)
    return film


def fires(model):
    return [feature for feature, row in enumerate(model.forward(WORDS).features, start=1) if row.any()]


def dead_from(feature):
    """Give the first snapshot from which on no word activates a feature."""
    on = [features(place)[feature - 1].any() for place in range(len(training()["sparse_run"].snapshots))]
    return len(on) - on[::-1].index(True) if any(on) else 0


def starts():
    return next(part.spec.values for part in training()["train_yourself"](WORDS, SAE_MODEL).parts if part.spec.title == "Start")


def diverges_at_once():
    with pytest.raises(Diverged, match="step 2 of 300: .* try a tenth of it"):
        trained(rate=100)
    return True


def near(value, *, to, within=0.005):
    return abs(value - to) <= within


CLAIMS += [
    ("training", "run-look", "from 209.5 to 42 with the first update", lambda: equals(np.round(training()["run"].history.loss[:2], 1), [209.5, 42.0])),
    ("training", "run-look", "ends at 0.87", lambda: near(final_loss(training()["run"]), to=0.87)),
    ("training", "run-question", "the loss is 3.9", lambda: near(training()["run"].history.loss[50], to=3.9, within=0.05)),
    ("training", "run-question", "by another 3", lambda: near(training()["run"].history.loss[50] - final_loss(training()["run"]), to=3, within=0.1)),
    ("training", "relu-look", "3.27 instead of 0.87", lambda: near(final_loss(training()["relu_run"]), to=3.27)),
    ("training", "relu-look", "Four numbers of $X$ are negative", lambda: (EXAMPLES < 0).sum() == 4),
    ("training", "relu-look", "a loss of 1.75", lambda: (np.minimum(EXAMPLES, 0) ** 2).sum() / 4 == 1.75),
    (
        "training",
        "relu-look",
        "row 2 of $Z_4$ is negative for the first three examples",
        lambda: equals(training()["relu_run"].model.forward(EXAMPLES).pre_activations[-1][1] < 0, [True] * 3 + [False]),
    ),
    ("training", "relu-look", "stays at 8.25", lambda: (EXAMPLES**2).sum() / 4 == 8.25),
    ("training", "relu-question", "sum to 33", lambda: (EXAMPLES**2).sum() == 33),
    ("training", "relu-question", "sum to 7", lambda: (np.minimum(EXAMPLES, 0) ** 2).sum() == 7),
    ("training", "rates", "seven learning rates", lambda: len(training()["rates"]) == 7),
    ("training", "rates-look", "still above 100", lambda: final_loss(rate_run(0.00001)) > 100),
    ("training", "rates-look", "around 0.003", lambda: final_loss(rate_run(0.003)) == min(final_loss(rate_run(rate)) for rate in training()["rates"][:-1])),
    ("training", "rates-look", "three hidden units are off", lambda: hidden_on(rate_run(0.01).model).count(False) == 3),
    ("training", "rates-look", "only one of the eight is on", lambda: hidden_on(rate_run(0.1).model).count(True) == 1 and len(hidden_on(MODEL)) == 8),
    ("training", "rates-look", "nearly the same for all", lambda: np.ptp(rate_run(0.1).model.forward(EXAMPLES).output, axis=1).max() < 0.01),
    ("training", "rates-look", "with 1.5 each update", lambda: diverges(1.5)),
    (
        "training",
        "rates-question",
        "the mean of the four",
        lambda: np.allclose(rate_run(0.1).model.forward(EXAMPLES).output, EXAMPLES.mean(1, keepdims=True), atol=0.01),
    ),
    ("training", "rates-question", "4.44 is what is left", lambda: near(((EXAMPLES - EXAMPLES.mean(1, keepdims=True)) ** 2).sum() / 4, to=4.44)),
    ("training", "deaths", "within three updates", lambda: max(filter(None, sum(unit_deaths(training()["fast"].snapshots, EXAMPLES), ()))) == 3),
    ("training", "deaths-look", "Two units die with the very first update", lambda: [death for layer in unit_deaths(training()["fast"].snapshots, EXAMPLES) for death in layer].count(1) == 2),
    ("training", "deaths-look", "move some weights by 1 or 2", lambda: 2 > weights_moved(3, 3)[0].max() > 1.9 and weights_moved(1, 3)[0].max() > 1),
    ("training", "deaths-look", "from there on they are flat", lambda: np.array_equal(pre_activations(1, 1)[2], pre_activations(150, 1)[2])),
    ("training", "deaths-look", "choose *A3, row 3*", lambda: (pre_activations(1, 3)[2] < 0).all() and (pre_activations(2, 3)[2] > 0).any()),
    ("training", "deaths-question", "moved by about 1, and its bias by 0.7", lambda: (np.abs(weights_moved(1, 3)[0] - 0.85) < 0.2).all() and near(weights_moved(1, 3)[1], to=0.67)),
    ("training", "deaths-question", "X1 gave 3 before and gives −2.87", lambda: pre_activations(0, 1)[2, 0] == 3 and near(pre_activations(1, 1)[2, 0], to=-2.87)),
    ("training", "deaths-question", "less than −1", lambda: (pre_activations(1, 1)[2] < -1).all()),
    ("training", "seeds-look", "Five of the eight end at 8.25", lambda: [seed for seed in range(8) if near(seed_loss(seed), to=8.25)] == [0, 1, 4, 5, 7]),
    ("training", "seeds-look", "seed 2, with 2.57", lambda: near(min(map(seed_loss, range(8))), to=2.57) and near(seed_loss(2), to=2.57)),
    ("training", "sparse-look", "from 13.7 to 4.9", lambda: near(sum(sparse_loss(0)[:2]) / 5, to=13.7, within=0.05) and near(sum(sparse_loss(-1)[:2]) / 5, to=4.9, within=0.05)),
    ("training", "sparse-look", "gets *worse*", lambda: sparse_loss(-1).reconstruction > sparse_loss(0).reconstruction and sparse_loss(-1).sparsity < sparse_loss(0).sparsity),
    ("training", "sparse-look", "f3 was dead from the start", lambda: dead_from(3) == 0),
    ("training", "sparse-look", "f4 dies early, then f1", lambda: 0 < dead_from(4) < dead_from(1) < 20 and features(-1)[[1, 4, 5]].any(1).all()),
    ("training", "yourself-look", "no word has an error that you could see", lambda: trained(l1=0).losses[-1][0] < 1e-3),
    ("training", "yourself-look", "only f3 is dead", lambda: fires(trained(l1=0).models[-1]) == [1, 2, 4, 5, 6]),
    ("training", "yourself-look", "the last within 165 updates", lambda: [taken for taken, model in zip(trained(l1=10).taken, trained(l1=10).models) if not fires(model)][0] == 165),
    ("training", "yourself-look", "the reconstruction ends at 10.1", lambda: near(trained(l1=10).losses[-1][0], to=10.1, within=0.05)),
    ("training", "yourself-look", "the second update already diverges", diverges_at_once),
    (
        "training",
        "yourself-question",
        "a loss of 4.8 for a word, and so do seven of the eight random ones",
        lambda: [near(sum(trained(start=start, updates=3000).losses[-1]), to=4.8, within=0.05) for start in starts()] == [True, False] + [True] * 7,
    ),
    ("training", "yourself-question", "three of its features die, and it ends at 5.7", lambda: len(fires(trained(start=starts()[1], updates=3000).models[-1])) == 3 and near(sum(trained(start=starts()[1], updates=3000).losses[-1]), to=5.7, within=0.05)),
    ("training", "sparse-question", "Fuji has no feature at all", lambda: not features(-1)[:, FUJI].any()),
]


@pytest.mark.parametrize(("notebook", "name", "words", "holds"), CLAIMS)
def test_what_the_prose_claims_of_the_numbers_holds(notebook, name, words, holds):
    assert words in cell(notebook, name).source
    assert holds()


@pytest.mark.parametrize(("name", "count"), [("autoencoder", 2), ("sparse_autoencoder", 2), ("backpropagation", 2), ("variants", 4)])
def test_every_preset_that_the_prose_names_is_in_the_list(name, count):
    prose = "\n".join(cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown")
    plans = {
        "autoencoder": autoencoder_plan,
        "sparse_autoencoder": sparse_autoencoder_plan,
        "backpropagation": autoencoder_plan,
        "variants": variants_plan,
    }
    plan = plans[name]()
    named = re.findall(r"hoose “([^”]+)”", prose)
    assert len(named) == count
    assert set(named) <= set(plan.presets)
