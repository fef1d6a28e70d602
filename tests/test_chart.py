"""Charts: every point where it belongs, read back from the drawing, and the same told in words and in a table."""

import re

import numpy as np
import pytest
from lxml import html

from ae_chart import POINTS, ROWS, SIZE, Arrow, Chart, Series, arrow_html
from ae_style import COLOURS, style_sheet

STEPS = np.arange(1, 11)
FALLING = Series("loss", STEPS, 100.0 / STEPS, "loss")
RISING = Series("EV", STEPS, STEPS / 10, "output")


def drawn(chart, mark=None):
    return html.fromstring(chart.html(mark))


def points(element):
    """The points of a path, in the chart's units."""
    return np.array([[float(x), float(y)] for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.get("d"))])


def lines(tree):
    return [points(path) for path in tree.xpath("//svg/g/path[starts-with(@class, 'ae-line')]")]


def ticks(tree, axis):
    """What is written at an axis, with its place in per cent."""
    return {i.text: float(re.search(r"(-?[\d.]+)%", i.get("style"))[1]) for i in tree.find_class(f"ae-tick-{axis}")}


def words_of(tree):
    """What a screen reader hears in the picture's place."""
    (picture,) = tree.xpath("//*[@role='img']")
    return picture.get("aria-label")


def number(text):
    return float(text.replace("−", "-"))


def test_points_stand_where_the_ticks_say():
    tree = drawn(Chart("c", (FALLING,)))
    (line,) = lines(tree)
    for axis, column, values in (("x", 0, STEPS), ("y", 1, 100 / STEPS)):
        places = sorted((number(text), place) for text, place in ticks(tree, axis).items())
        expected = np.interp(values, *zip(*places), left=np.nan, right=np.nan)
        known = np.isfinite(expected)
        assert known.sum() >= 5
        np.testing.assert_allclose(line[known, column] / SIZE * 100, expected[known], atol=0.15)


def test_a_logarithm_gives_each_decade_the_same_room():
    tree = drawn(Chart("c", (Series("s", [1, 10, 100], [1e-3, 1e-1, 1e1]),), x_scale="log", y_scale="log"))
    (line,) = lines(tree)
    np.testing.assert_allclose(line, [[0, SIZE], [SIZE / 2, SIZE / 2], [SIZE, 0]], atol=0.1)
    assert ticks(tree, "y") == {"0.001": 100, "0.01": 75, "0.1": 50, "1": 25, "10": 0}


def test_a_logarithm_from_0_has_room_for_the_first_of_many():
    tree = drawn(Chart("c", (Series("s", range(151), range(151)),), x_scale="log from 0"))
    (line,) = lines(tree)
    np.testing.assert_allclose(line[:, 0], np.log10(np.arange(151) + 1) / np.log10(151) * SIZE, atol=0.06)
    places = ticks(tree, "x")
    assert list(places) == ["0", "1", "2", "5", "10", "20", "50", "100"]
    np.testing.assert_allclose([line[int(text), 0] / SIZE * 100 for text in places], list(places.values()), atol=0.06)
    far = drawn(Chart("c", (Series("s", [-2, -1, 0, 9999], range(4)),), x_scale="log from 0"))
    assert ticks(far, "x") == {"0": 0, "1": pytest.approx(7.5), "10": pytest.approx(26, abs=0.1), "100": pytest.approx(50.1), "1000": pytest.approx(75)}
    assert len(lines(far)[0]) == 2  # what is not above −1 has no logarithm


def test_far_decades_are_written_as_powers():
    tree = drawn(Chart("c", (Series("s", [1, 2], [1e-9, 1e6]),), y_scale="log"))
    assert list(ticks(tree, "y")) == ["10⁻⁹", "10⁻⁶", "0.001", "1", "1000", "10⁶"]


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("seed", range(30))
def test_every_axis_has_a_few_ticks_that_differ_and_all_points_are_inside(scale, seed):
    rng = np.random.default_rng(seed)
    x, y = np.sort(10 ** rng.uniform(-6, 6, (2, 5)) if scale == "log" else rng.normal(size=(2, 5)) * 10 ** rng.uniform(-3, 5))
    tree = drawn(Chart("c", (Series("s", x, y),), x_scale=scale, y_scale=scale))
    for axis in "xy":
        found = ticks(tree, axis)
        assert 2 <= len(found) <= 8
        assert all(-0.05 <= place <= 100.05 for place in found.values())
    (line,) = lines(tree)
    assert line.min() >= -0.1 and line.max() <= SIZE + 0.1


def test_what_cannot_be_drawn_is_a_gap():
    tree = drawn(Chart("c", (Series("s", range(6), [1, np.nan, 3, 0, np.inf, 4]),), y_scale="log"))
    path = tree.find_class("ae-line-0")[1].get("d")
    assert re.sub(r"[-\d. ]+", "", path) == "MMM"
    assert "from 1 to 4" in words_of(tree)


def test_a_series_without_anything_to_draw():
    tree = drawn(Chart("c", (Series("s", [1, 2], [np.nan, np.nan]), FALLING)))
    assert "s: nothing to draw" in words_of(tree)
    drawn(Chart("c", (Series("s", [1, 2], [np.nan, np.nan]),)))


def test_a_single_value_is_drawn_in_the_middle():
    (line,) = lines(drawn(Chart("c", (Series("s", [5, 5], [2, 2]),))))
    assert np.all((line > 0) & (line < SIZE))


def test_a_long_line_is_thinned_evenly_and_keeps_its_ends():
    x = np.arange(1, 5001)
    for scale in ("linear", "log"):
        (line,) = lines(drawn(Chart("c", (Series("s", x, np.sin(x / 900) + 2),), x_scale=scale)))
        assert POINTS / 2 < len(line) <= POINTS
        assert (line[0, 0], line[-1, 0]) == (0, SIZE)
        assert np.diff(line[:, 0]).max() < SIZE / 10 if scale == "log" else SIZE / 100


def test_the_mark_stands_at_the_point_and_the_legend_tells_it():
    chart = Chart("c", (FALLING, RISING), x_label="steps")
    tree = drawn(chart, 4)
    line, *marked = (points(path)[0] for path in [*tree.find_class("ae-mark"), *tree.find_class("ae-marked")])
    for place, whole in zip(marked, lines(tree)):
        np.testing.assert_allclose(place, whole[4])
        assert line[0] == place[0]
    assert [b.text for b in tree.iter("b")] == ["20", "0.5"]
    assert "Marked: steps 5: loss 20, EV 0.5." in words_of(tree)
    assert not re.search("ae-mark|<b>", chart.html())


def test_a_mark_beyond_a_series_end_marks_the_others():
    tree = drawn(Chart("c", (Series("short", [1, 2], [5, 6]), FALLING)), 7)
    assert len(tree.find_class("ae-marked")) == 1
    assert not tree.find_class("ae-mark")  # their x differ
    assert [b.text for b in tree.iter("b")] == [None, "12.5"]


def test_the_table_tells_the_numbers_from_the_first_to_the_last():
    many = np.arange(100)
    for series, rows in (((FALLING, RISING), 10), ((Series("s", many, many),), ROWS)):
        (table,) = drawn(Chart("c", series, x_label="steps")).iter("table")
        body = [[number(cell.text) for cell in row] for row in table.findall("tbody/tr")]
        assert len(body) == rows
        assert body[0][0] == series[0].x[0] and body[-1][0] == series[0].x[-1]
        for x, *ys in body:
            i = list(series[0].x).index(x)
            assert ys == pytest.approx([s.y[i] for s in series], rel=0.01)
        assert [th.text for th in table.findall("thead/tr/th[@scope='col']")] == ["steps", *(s.name for s in series)]
        assert len(table.findall("tbody/tr/th[@scope='row']")) == rows


def test_series_with_their_own_x_have_their_own_tables():
    tree = drawn(Chart("c", (FALLING, Series("other", [1, 2], [3, 4]))))
    assert [caption.text for caption in tree.iter("caption")] == ["loss", "other"]


def test_lines_are_told_apart_without_colour():
    series = [Series(f"s{k}", STEPS, STEPS + k) for k in range(4)]
    classes = [path.get("class") for path in drawn(Chart("c", series)).xpath("//svg/g/path")]
    assert len(set(classes)) == 4
    assert all(f".{name}{{" in style_sheet() for name in classes[1:])


def test_names_cannot_break_the_page():
    name = '<script>"&'
    tree = drawn(Chart(name, (Series(name, [1, 2], [3, 4], labels=(name, "")),), x_label=name, y_label=name), 1)
    assert not list(tree.iter("script"))
    assert tree.find_class("ae-point")[0].text == name
    assert next(html.fromstring(arrow_html(name, [Arrow(name, 1, 0)])).iter("text")).text == name


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Chart("c", (Series("s", [1], [1, 2]),)), "s: expected as many y"),
        (lambda: Chart("c", (Series("s", [1, 2], [1, 2], labels=("a",)),)), "labels"),
        (lambda: Chart("c", (FALLING._replace(role="red"),)), "role"),
        (lambda: Chart("c", (FALLING._replace(kind="bars"),)), "kind"),
        (lambda: Chart("c", (FALLING,), y_scale="square"), "scale"),
    ],
)
def test_what_is_wrong_is_named(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


def test_shown_in_a_notebook_it_brings_its_style():
    shown = Chart("Loss", (FALLING,)).show(2)
    assert "<style>" in shown._repr_html_() and 'class="ae-plot"' in shown._repr_html_()
    assert repr(shown).startswith("Loss. loss: from 100 to 10")


ARROWS = [Arrow("d1", 1, 0), Arrow("d2", 0, 1), Arrow("f1", 0.6, -0.6, "activation", dashed=True), Arrow("none", 0, 0)]


def test_arrows_point_where_they_should():
    tree = html.fromstring(arrow_html("Directions", ARROWS))
    tips = [points(path)[0] for path in tree.find_class("ae-tip")]
    np.testing.assert_allclose(tips, [[1, 0], [0, -1], [0.6, 0.6]], atol=1e-3)
    assert [text.text for text in tree.iter("text")] == ["d1", "d2"]
    assert {path.getparent().get("class") for path in tree.find_class("ae-dashed")} == {"ae-activation"}
    assert words_of(tree).startswith("Directions. Arrows: d1 to (1, 0), d2 to (0, 1), f1 to (0.6, −0.6)")
    assert len(tree.xpath("//tbody/tr")) == 4


def test_the_picture_is_to_scale():
    box = [float(n) for n in html.fromstring(arrow_html("c", ARROWS, reach=2)).xpath("//svg")[0].get("viewbox").split()]
    assert box[2] == box[3] > 4
    assert box[0] == box[1] == -box[2] / 2


def test_every_role_has_its_class():
    for role in COLOURS:
        assert f".ae-{role.replace('_', '-')}{{--role" in style_sheet()
        Chart("c", (FALLING._replace(role=role),)).html()
