"""The chapters' notebooks: how they are kept, that they run, and that their answers are right."""

import re
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from ae_core import (
    TOKENS,
    Autoencoder,
    SparseAutoencoder,
    autoencoder_example,
    autoencoder_walkthrough,
    sparse_autoencoder_example,
    sparse_autoencoder_walkthrough,
)
from ae_train import Diverged, unit_deaths
from ae_widgets import autoencoder_plan, sparse_autoencoder_plan

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in sorted(CHAPTERS.glob("*.ipynb"))}
STEPS = {
    "autoencoder": autoencoder_walkthrough(*autoencoder_example()),
    "sparse_autoencoder": sparse_autoencoder_walkthrough(*sparse_autoencoder_example(), TOKENS),
}
NUMBERED = [pytest.param(name, step, id=f"{name}-{step.number}") for name, steps in STEPS.items() for step in steps]


def cell(notebook, name):
    return next(cell for cell in NOTEBOOKS[notebook].cells if cell.id == name)


# ---------------------------------------------------------------------------------- how they are kept


def test_there_are_these_notebooks_and_no_other():
    assert set(NOTEBOOKS) == {"intro", *STEPS, "training"}


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
    assert code.source == f"chapter.step({step.number})"
    parts = re.fullmatch(r"<details><summary>(.+)</summary>\n\n(.+)\n\n</details>", question.source, re.DOTALL)
    assert "?" in parts[1] and "<" not in parts[2]


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
    assert len(set(sides)) == 1


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


def equals(result, expected):
    return np.array_equal(result, expected)


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
]


@cache
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
    return training()["fast_run"].snapshots[updates][1].forward(EXAMPLES).pre_activations[layer - 1]


def weights_moved(layer, row):
    (_, before), (_, after) = training()["fast_run"].snapshots[:2]
    return np.abs(after.weights[layer - 1] - before.weights[layer - 1])[row - 1], np.abs(after.biases[layer - 1] - before.biases[layer - 1])[row - 1]


def features(place):
    return training()["sparse_run"].snapshots[place][1].forward(WORDS).features


def sparse_loss(place):
    return training()["sparse_run"].snapshots[place][1].loss(WORDS, L1)


def dead_from(feature):
    """Give the first snapshot from which on no word activates a feature."""
    on = [features(place)[feature - 1].any() for place in range(len(training()["sparse_run"].snapshots))]
    return len(on) - on[::-1].index(True) if any(on) else 0


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
    ("training", "deaths-look", "Two units die with the very first update", lambda: [death for layer in unit_deaths(training()["fast_run"].snapshots, EXAMPLES) for death in layer].count(1) == 2),
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
    ("training", "sparse-question", "Fuji has no feature at all", lambda: not features(-1)[:, FUJI].any()),
]


@pytest.mark.parametrize(("notebook", "name", "words", "holds"), CLAIMS)
def test_what_the_prose_claims_of_the_numbers_holds(notebook, name, words, holds):
    assert words in cell(notebook, name).source
    assert holds()


@pytest.mark.parametrize("name", STEPS)
def test_every_preset_that_the_prose_names_is_in_the_list(name):
    prose = "\n".join(cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown")
    plan = {"autoencoder": autoencoder_plan, "sparse_autoencoder": sparse_autoencoder_plan}[name]()
    named = re.findall(r"hoose “([^”]+)”", prose)
    assert len(named) == 2
    assert set(named) <= set(plan.presets)
