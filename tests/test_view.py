"""The drawn steps: every number, sign and word of the HTML, and whether everybody can read it."""

import io
import itertools
import re
from html import escape

import numpy as np
import pytest
from lxml import html
from numpy.testing import assert_array_equal

import ae_core
from ae_core import (
    ROLES,
    TOKENS,
    Autoencoder,
    Computation,
    Matrix,
    SparseAutoencoder,
    Step,
    autoencoder_example,
    autoencoder_walkthrough,
    format_number,
    sparse_autoencoder_example,
    sparse_autoencoder_walkthrough,
)
from ae_style import CAPTION_SHARE, COLOURS, FAINTEST, INK, PAPER, SOFT, STRONGEST, mix, style_sheet
from ae_view import plot, rest_html, result_html, show, show_colours, step_html, summary, to_frame

AUTOENCODER = autoencoder_walkthrough(*autoencoder_example())
SPARSE = sparse_autoencoder_walkthrough(*sparse_autoencoder_example(), TOKENS)
STEPS = [pytest.param(step, id=f"{name}-{step.number}") for name, steps in (("ae", AUTOENCODER), ("sae", SPARSE)) for step in steps]


def switched():
    """Both walkthroughs with their switches the other way round."""
    model, x = autoencoder_example()
    yield from autoencoder_walkthrough(Autoencoder(model.weights, model.biases, output_relu=False), x)
    model, x, l1 = sparse_autoencoder_example()
    model = SparseAutoencoder(model.W_enc, model.b_enc, model.W_dec, model.b_dec, subtract_decoder_bias=True)
    yield from sparse_autoencoder_walkthrough(model, x, l1, TOKENS)


def odd():
    """Walkthroughs of numbers and names that the book does not have."""
    random = np.random.default_rng(12)
    square = random.integers(-99, 99, (12, 12))
    yield "1x1", autoencoder_walkthrough(Autoencoder([[[2]], [[-3]]], [[1], [0]]), [[5]])
    yield "12x12", autoencoder_walkthrough(Autoencoder([square, square.T], [square[0], square[1]]), square)
    for name, size in {"fractions": 1 / 7, "huge": 1e40, "overflowing": 1e200, "tiny": 1e-60}.items():
        model, x = autoencoder_example()
        with np.errstate(all="ignore"):
            yield name, autoencoder_walkthrough(Autoencoder([w * size for w in model.weights], model.biases), x / 3)
    model, x, l1 = sparse_autoencoder_example()
    names = ["<script>alert(1)</script>", "</table>", '"quoted" & so', "x<y>z", "’"]
    yield "names", sparse_autoencoder_walkthrough(model, x, l1, names)


ODD = [pytest.param(step, id=f"{name}-{step.number}") for name, steps in odd() for step in steps]
ALL = [*STEPS, *(pytest.param(step, id=f"switched-{k}") for k, step in enumerate(switched())), *ODD]


# ---------------------------------------------------------------------------------- reading a drawing


def plain(name):
    """A matrix's name as its caption's text has it, subscripts on the line."""
    return name.replace("_", "")


def number_of(cell):
    """What a cell says, without the struck number and the line of arithmetic inside it."""
    return (cell.text or "") + "".join(child.tail or "" for child in cell)


def rows_of(table):
    return [row.findall("td") for row in table.findall("tbody/tr")]


def caption_of(table):
    return table.find("caption/span/b").text_content()


def arithmetic_of(cell):
    return cell.find_class("ae-how")[0].text_content()


def results_of(drawing):
    """The tables of results, by name: those whose cells can be reached by keyboard."""
    return {caption_of(table): table for table in drawing.iter("table") if table.xpath(".//td[@tabindex]")}


def is_close(text, value):
    """Whether a cell's text gives a value as well as its room allows, and exactly if it has few digits."""
    exact = format_number(value)
    if len(exact) <= 5:
        return text == exact
    number = float(text.replace("−", "-").replace("∞", "inf"))
    near = pytest.approx(value, rel=0.5) if "e" in text else pytest.approx(value, rel=0.005, abs=0.001)
    return len(text) <= 7 and (number == near or text == "nan") and (number == 0) == (value == 0)


def held_at_0(computation):
    """Which entries of a result are hatched, and which of these show a struck number, which one."""
    shape, before = computation.result.values.shape, computation.inputs[0].values
    if computation.operation is ae_core.RELU:
        return before < 0, before
    if computation.operation is ae_core.RELU_GRADIENT:
        return computation.inputs[1].values <= 0, before
    if computation.operation is ae_core.CENTRAL_DIFFERENCE:
        return ~computation.inputs[3].values, np.zeros(shape)
    return np.zeros(shape, bool), np.zeros(shape)


def check(drawing, step):
    """Compare a step's drawing with the step, number by number; return how many numbers were compared."""
    drawing, compared = html.fromstring(drawing), 0
    results = results_of(drawing)
    assert set(results) == {plain(computation.result.name) for computation in step.computations}
    for computation in step.computations:
        result = computation.result
        hatched, before = held_at_0(computation)
        for i, cells in enumerate(rows_of(results[plain(result.name)])):
            for j, cell in enumerate(cells):
                place, _, line = arithmetic_of(cell).partition(": ")
                assert cell.get("tabindex") == "0"
                assert re.split(r" \((?:ReLU|step|not compared)", line)[0] == computation.explain(i, j)
                assert place.startswith(plain(result.name))
                assert result.values.size == 1 or place.endswith(result.column_labels[j])
                struck = [s.text for s in cell.iter("s")]
                assert ("off" in cell.get("class").split()) == hatched[i, j]
                assert len(struck) == (hatched[i, j] and before[i, j] != 0)
                assert not struck or is_close(struck[0], before[i, j])
    matrices = {plain(m.name): m for c in step.computations for m in (*c.drawn_inputs, c.result)}
    gates = {plain(c.inputs[1].name) for c in step.computations if c.operation is ae_core.RELU_GRADIENT}
    drawn = set()
    for table in drawing.iter("table"):
        name, _, bias = caption_of(table).partition(" | ")
        columns = matrices[name].values
        if bias:
            columns = np.hstack([columns, matrices[bias].values])
        rows = rows_of(table)
        if len(rows) > len(columns):  # the row that the bias is multiplied with
            assert {cell.text for cell in rows.pop()} == {"1"}
        assert [len(row) for row in rows] == [columns.shape[1]] * len(columns)
        for cells, values in zip(rows, columns.tolist()):
            for cell, value in zip(cells, values):
                assert is_close(number_of(cell), value), (name, value)
                assert ("neg" in cell.get("class").split()) == (value < 0) == number_of(cell).startswith("−")
                assert ("--k:" in cell.get("style", "")) == (value != 0)
                assert name not in gates or ("off" in cell.get("class").split()) == (value <= 0)
                compared += 1
        drawn |= {name, bias} - {""}
    assert drawn == set(matrices)
    return compared


# ------------------------------------------------------------------------------------------- the tables


@pytest.mark.parametrize("step", ALL)
def test_every_number_sign_and_line_of_arithmetic_is_the_steps(step):
    assert check(step_html(step), step) >= step.result.values.size


def test_drawing_what_was_drawn_before_and_what_is_nearly_the_same():
    """Rows are kept from one drawing to the next: a change elsewhere in a product must still be seen."""
    model, x = autoencoder_example()
    for change in (0, 1, -1, 0):
        x = x.copy()
        x[3, 3] += change
        for step in autoencoder_walkthrough(model, x):
            check(step_html(step), step)


@pytest.mark.parametrize("step", ALL)
def test_every_matrix_is_a_table_with_caption_and_headings(step):
    for table in html.fromstring(step_html(step)).iter("table"):
        name, size, *_ = table.find("caption").text_content().replace(",", " ").split(" ")
        columns = table.findall("thead/tr/th")
        assert name and columns
        assert {th.get("scope") for th in columns} == {"col"}
        for row in table.findall("tbody/tr"):
            heading, *cells = row
            assert (heading.tag, heading.get("scope")) == ("th", "row")
            assert len(cells) == len(columns)
        assert any(colour.word in table.find("caption").text_content() for colour in COLOURS.values())


@pytest.mark.parametrize("step", ALL)
def test_a_step_says_itself_in_words(step):
    drawing = html.fromstring(result_html(step))
    assert drawing.get("role") == "group"
    assert drawing.get("aria-label") == summary(step) == repr(show(step))
    for part in (f"Step {step.number}, {step.title}:", step.formula, step.result.name):
        assert part in summary(step)
    link = drawing.find_class("ae-skip")[0].get("href")
    assert drawing.get_element_by_id(link.removeprefix("#")) is not None


def test_the_words_of_two_steps():
    assert summary(AUTOENCODER[2]) == (
        "Step 3, Encoder: layer 2 + ReLU: Z2 = W2 A1 + b2, A2 = max(0, Z2). From W2 (2×3), b2 (2×1), A1 (3×4). "
        "A2 (2×4) has 6 positive, 2 zero entries."
    )
    assert summary(SPARSE[8]).endswith("MSE = 2.")


@pytest.mark.parametrize("step", ALL)
def test_no_script_no_other_host_no_name_taken_for_markup(step):
    page = show(step)._repr_html_()
    drawing = html.fromstring(f"<div>{page}</div>")
    assert not re.search(r"<script|<iframe|<img|<link|javascript:|@import|url\(|//", page)
    assert not [name for element in drawing.iter() for name in element.attrib if name.startswith("on")]
    words = {label.partition(" ")[2] for m in step.inputs for label in m.column_labels} - {""}
    assert words <= {span.text for span in drawing.iterfind(".//th/span")}


@pytest.mark.parametrize("step", STEPS)
def test_a_larger_number_has_a_stronger_shade(step):
    for table in html.fromstring(step_html(step)).iter("table"):
        for cells in ("[not(contains(@class, 'ae-bias'))]", "[contains(@class, 'ae-bias')]"):
            shades = []
            for cell in table.xpath(f".//td[@style]{cells}"):
                size = abs(float(number_of(cell).replace("−", "-")))
                shades.append((size, float(re.search(r"--k:(\d+)%", cell.get("style"))[1])))
            assert [shade for _, shade in sorted(shades)] == sorted(shade for _, shade in shades)
            assert all(100 * FAINTEST <= shade <= 100 * STRONGEST + 1 for _, shade in shades)


def test_step_6_leaves_open_what_step_7_fills_in():
    def states(number, state):
        table = results_of(html.fromstring(step_html(SPARSE[number - 1])))["S"]
        return np.array([[state in cell.get("class").split() for cell in row] for row in rows_of(table)])

    assert_array_equal(states(6, "open"), SPARSE[1].result.values == 0)
    assert not states(7, "open").any()
    assert "step 7 fills it in" in step_html(SPARSE[5])


@pytest.mark.parametrize(("step", "folded"), [(AUTOENCODER[5], 15), (SPARSE[9], 8), (SPARSE[0], 0)])
def test_the_rest_of_a_backward_pass_is_folded_away(step, folded):
    drawing = html.fromstring(step_html(step))
    inside = [name for details in drawing.iter("details") for name in results_of(details)]
    assert len(inside) == folded == len(step.computations) - 1
    assert all(name in drawing.find(".//summary").text_content() for name in inside) if folded else True


@pytest.mark.parametrize("step", ALL)
@pytest.mark.parametrize("draw", [result_html, rest_html])
def test_a_drawing_in_haste_lacks_only_the_arithmetic_and_what_came_out_in_words(step, draw):
    title = escape(f"Step {step.number}, {step.title}")
    in_haste = draw(step, arithmetic=False)
    assert f'aria-label="{title}"' in in_haste or draw is rest_html
    assert in_haste.replace(title, escape(summary(step)), 1) == re.sub('<span class="ae-how">.*?</span>', "", draw(step))


@pytest.mark.parametrize(("value", "text"), [(-0.033486, "−0.033"), (-0.0124996, "−0.012")])
def test_a_cell_rounds_once_as_its_arithmetic_does(value, text):
    one = Matrix("X", "input", [[value]], ("1",), ("1",))
    two = Matrix("Y′", "target", [[value]], ("1",), ("1",))
    step = Step(1, "Auto", "Y′ = X", (Computation(ae_core.COPY, (one,), two, "Y′ = X"),), two)
    cell = results_of(html.fromstring(step_html(step)))["Y′"].find(".//td[@tabindex]")
    assert (number_of(cell), arithmetic_of(cell)) == (text, f"Y′: {text} ≈ {text}")


def test_the_legend_has_every_role():
    legend = html.fromstring(f"<div>{show_colours()._repr_html_()}</div>")
    assert [item.text_content() for item in legend.iter("li")] == [COLOURS[role].word for role in ROLES]


def test_a_hand_made_step_with_markup_for_names():
    one = Matrix('<X&"', "input", [[1]], ("<r>",), ("<c> <d>",))
    two = Matrix("</caption>", "target", [[1]], ("<r>",), ("<c> <d>",))
    step = Step(1, "<b>title</b>", 'Z "=" a < b', (Computation(ae_core.COPY, (one,), two, "a < b"),), two)
    drawing = html.fromstring(step_html(step))
    assert [caption_of(table) for table in drawing.iter("table")] == ['<X&"', "</caption>"]
    assert drawing.get("aria-label") == summary(step)
    assert {th.text_content() for th in drawing.iter("th")} == {"<r>", "<c><d>"}


# ------------------------------------------------------------------------------------------- the colours

THEMES = ("light", "dark")
HOSTS = {"light": ["#ffffff", "#fafafa"], "dark": ["#111111", "#121212", "#1e1e1e", "#383838"]}
"""Papers of the book, JupyterLab, VS Code and Colab, on which captions and quiet text stand."""


def linear(colour):
    share = np.array(list(bytes.fromhex(colour[1:]))) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """Contrast of two colours, 1 to 21, as WCAG 2.2 defines it."""
    dark, light = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_known_colours():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("role", ROLES)
def test_ink_reads_on_every_shade_and_names_read_on_every_paper(role, theme):
    colour, ink, paper = (getattr(table, theme) for table in (COLOURS[role], INK, PAPER))
    for share in (0, *np.linspace(FAINTEST, STRONGEST, 25)):
        assert contrast(ink, mix(colour, paper, share)) >= 4.5
    for host in (paper, *HOSTS[theme]):
        assert contrast(mix(colour, ink, CAPTION_SHARE), host) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_quiet_text_reads_on_every_paper_and_on_hatching(theme):
    soft, paper = getattr(SOFT, theme), getattr(PAPER, theme)
    for host in (paper, *HOSTS[theme], mix(soft, paper, 0.2)):
        assert contrast(soft, host) >= 4.5
    assert "var(--ae-soft) 20%,transparent" in style_sheet()


# Machado, Oliveira and Fernandes 2009, doi 10.1109/TVCG.2009.113: severity 1, in linear RGB.
VISION = {
    "full": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
APART = 7
"""Three times the distance in CIELAB that can just be noticed, 2.3 (Mahy et al. 1994); names and places tell
the roles apart besides."""


def lab(linear_rgb):
    """CIELAB of linear sRGB, white D65."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.array(to_xyz) @ np.clip(linear_rgb, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISION)
def test_roles_in_one_step_are_told_apart_by_every_eye(vision, theme):
    steps = [{m.role for c in step.computations for m in (*c.inputs, c.result)} for step in (*AUTOENCODER, *SPARSE)]
    pairs = {pair for roles in steps for pair in itertools.combinations(sorted(roles), 2)}
    seen = {
        role: lab(VISION[vision] @ linear(mix(getattr(COLOURS[role], theme), getattr(PAPER, theme), STRONGEST)))
        for role in ROLES
    }
    assert len(pairs) > 30
    assert [pair for pair in sorted(pairs) if np.linalg.norm(seen[pair[0]] - seen[pair[1]]) < APART] == []


def test_every_role_has_its_colour_in_the_sheet():
    assert set(COLOURS) == set(ROLES)
    for role, colour in COLOURS.items():
        name = role.replace("_", "-")
        assert style_sheet().count(f"--ae-{name}:{colour.dark};") == 2  # asked for by the page, or by the system
        assert style_sheet().count(f"--ae-{name}:{colour.light};") == 2  # on the screen, and on any printed sheet


# ------------------------------------------------------------------------------------- slides and tables


@pytest.mark.parametrize("step", STEPS)
def test_a_figure_shows_the_result_and_what_it_comes_from(step):
    figure = plot(step)
    axes = figure.axes[0]
    made = next(c for c in step.computations if c.result is step.result)
    matrices = (*made.inputs, made.result)
    assert len(axes.patches) >= sum(m.values.size for m in matrices)
    words = [text.get_text() for text in axes.texts]
    assert all(any(name in word.split(" | ") for word in words) for name in (m.name for m in matrices))
    assert all(any(is_close(word, v) for word in words if re.match(r"−?\d", word)) for v in step.result.values.flat)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for patch in axes.patches:
        box = patch.get_bbox() if hasattr(patch, "get_bbox") else patch.get_extents()
        assert left <= box.x0 < box.x1 <= right
        assert top <= box.y0 < box.y1 <= bottom


@pytest.mark.parametrize("step", [AUTOENCODER[1], SPARSE[9]], ids=["crossing", "gradient"])
def test_a_figure_is_saved_with_ink_on_it(step):
    file = io.BytesIO()
    plot(step).savefig(file, format="svg")
    assert len(re.findall(rb"<path ", file.getvalue())) > step.result.values.size


@pytest.mark.parametrize("step", [*ODD[:6], *ODD[-2:]])
def test_odd_steps_have_figures_too(step):
    assert plot(step).axes[0].patches


@pytest.mark.parametrize("step", ALL)
def test_a_frame_has_the_values_and_the_labels(step):
    for matrix in (*step.inputs, step.result):
        frame = to_frame(matrix)
        assert_array_equal(frame.to_numpy(), matrix.values)
        assert frame.to_numpy().dtype == matrix.values.dtype
        assert (tuple(frame.index), tuple(frame.columns)) == (matrix.row_labels, matrix.column_labels)
        assert frame.index.name == matrix.name
