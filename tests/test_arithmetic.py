"""Every line of arithmetic that the book shows, read back and worked out again."""

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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

# ------------------------------------------------------------------------------------ the strict parser

NUMBER = r"(?:0|[1-9]\d*)(?:\.\d*[1-9])?(?:e[+−]\d{2,3})?"
TOKEN = re.compile(rf"{NUMBER}| \+ | − | = | ≈ | > |, |max\(|√\(|[−·/²()]")


def rounding(text, exact):
    """Give how far a written number may be from the one it stands for."""
    value = abs(Fraction(text))
    if exact:
        return value / 10**12  # what `=` promises
    if "e" in text:
        return Fraction(10) ** (int(text.partition("e")[2]) - 2) / 2  # three significant digits
    decimals = len(text.partition(".")[2])
    return Fraction(1, 2 * 10 ** max(3, decimals))  # three decimals, or the small number's own


class Line:
    """A line ``left = right`` or ``left ≈ right``, evaluated in intervals (lowest, highest) of fractions.

    The grammar is what a person may write: a minus sign without brackets begins an expression, any other
    negative number stands in brackets, and a square belongs to one number or one bracket.
    """

    def __init__(self, text, radius=rounding):
        self.tokens = TOKEN.findall(text)
        assert "".join(self.tokens) == text, f"not arithmetic: {text}"
        self.exact = self.tokens.count(" = ") == 1
        self.radius = radius
        self.left = self.expression()
        self.take(" = " if self.exact else " ≈ ")
        self.written = "".join(self.tokens)
        self.right = self.signed_number()
        assert not self.tokens, f"left over in {text}: {self.tokens}"

    def next_is(self, *tokens):
        return bool(self.tokens) and self.tokens[0] in tokens

    def take(self, *tokens):
        assert self.next_is(*tokens), f"expected one of {tokens}, got {self.tokens}"
        return self.tokens.pop(0)

    def expression(self):
        low, high = self.term(self.signed_number() if self.next_is("−") else None)
        while self.next_is(" + ", " − "):
            minus = self.take(" + ", " − ") == " − "
            a, b = self.term()
            low, high = (low - b, high - a) if minus else (low + a, high + b)
        return low, high

    def term(self, first=None):
        value = self.factor() if first is None else first
        while self.next_is("·", "/"):
            divide = self.take("·", "/") == "/"
            a, b = self.factor()
            if divide:
                assert a > 0, "a divisor that may be zero"
                a, b = 1 / b, 1 / a
            corners = [v * w for v in value for w in (a, b)]
            value = min(corners), max(corners)
        return value

    def factor(self):
        if self.next_is("√("):
            low, high = self.bracket("√(")
            return square_root(max(low, Fraction(0)))[0], square_root(high)[1]
        if self.next_is("max("):
            self.take("max(")
            self.take("0")
            low, high = self.bracket(", ")
            return max(low, Fraction(0)), max(high, Fraction(0))
        value = self.bracket("(") if self.next_is("(") else self.number()
        if self.next_is("²"):
            self.take("²")
            squares = [v * v for v in value]
            value = Fraction(0) if value[0] < 0 < value[1] else min(squares), max(squares)
        return value

    def bracket(self, opening):
        self.take(opening)
        value = self.expression()
        if opening == "(" and self.next_is(" > "):
            self.take(" > ")
            self.take("0")
            truth = Fraction(value[0] + value[1] > 0)  # the number as it is written: rounding keeps its sign
            value = truth, truth
        self.take(")")
        return value

    def signed_number(self):
        if not self.next_is("−"):
            return self.number()
        self.take("−")
        low, high = self.number()
        return -high, -low

    def number(self):
        assert self.tokens and re.fullmatch(NUMBER, self.tokens[0]), f"expected a number, got {self.tokens}"
        text = self.tokens.pop(0).replace("−", "-")
        value, radius = Fraction(text), self.radius(text, self.exact)
        return value - radius, value + radius


def square_root(value):
    """Give two fractions around the root, both the root itself where it is rational."""
    above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if above**2 == value.numerator and below**2 == value.denominator:
        return (Fraction(above, below),) * 2
    root = Fraction(math.sqrt(value))
    return root * (1 - Fraction(1, 10**14)), root * (1 + Fraction(1, 10**14))


@pytest.mark.parametrize(
    "text, value",
    [
        ("1·2 + 0·(−1) + (−1)·2 + 1·1 + 1 = 2", 2),
        ("max(0, −1) = 0", 0),
        ("√(2² + (−1)² + 2²) = 3", 3),
        ("2·(0 − (−1)) = 2", 2),
        ("−6·(−1 > 0) = 0", 0),
        ("−1·(0.5 > 0) = −1", -1),
        ("3·(1 + 2)·(−4)/6 = −6", -6),
        ("1.5e−07·2e+20 = 30000000000000", 3 * 10**13),
    ],
)
def test_the_parser_reads_arithmetic(text, value):
    assert Line(text, radius=lambda text, exact: 0).left == (value, value)


@pytest.mark.parametrize(
    "text",
    ["1·−2 = −2", "1 + −2 = −1", "1+2 = 3", "2·3", "2 = 2 = 2", "(1 = 1", "1) = 1", "-1 = −1", "1.50 = 1.5", "01 = 1"]
    + ["max(1, 2) = 2", "(2 > 1) = 1", "−2² = −4", "import os = 1", "∞ = ∞", "1 = (1)", "1/0 = 0", " = 1", "1 ="],
)
def test_the_parser_refuses_anything_else(text):
    with pytest.raises(AssertionError):
        Line(text)


# ---------------------------------------------------------------------------------------------- the lines


def lines(steps):
    """Every line of every entry of every computation: its text, the entry and the formula."""
    for step in steps:
        for computation in step.computations:
            for row, entries in enumerate(computation.result.entries):
                for column, entry in enumerate(entries):
                    yield computation.explain(row, column), entry, computation.formula


def check(steps):
    """Check that every line evaluates to its entry, and that its right side is the entry as written."""
    every = list(lines(steps))
    # A float's own rounding, at the scale of the largest number: numbers may cancel to nothing.
    slop = Fraction(max(abs(entry) for _, entry, _ in every)) / 10**12
    for text, entry, formula in every:
        line = Line(text)
        low, high = line.left
        assert low - slop <= Fraction(entry) <= high + slop, f"{formula}: {text}, but the entry is {entry}"
        assert line.written == format_number(entry), f"{formula}: {text}, but the entry is {entry}"
    return every


def check_exactly(steps):
    """Check that every line that says ``=`` holds without any tolerance."""
    for text, entry, formula in lines(steps):
        if " = " in text:
            line = Line(text, radius=lambda text, exact: 0)
            assert line.left == line.right, f"{formula}: {text}"
            assert entry == pytest.approx(float(line.right[0]), rel=1e-15), f"{formula}: {text}"


def examples():
    """Both examples with each switch off and on, of whole numbers."""
    model, x = autoencoder_example()
    for switch in (True, False):
        yield autoencoder_walkthrough(Autoencoder(model.weights, model.biases, switch), x)
    model, x, l1 = sparse_autoencoder_example()
    for switch in (True, False):
        shifted = SparseAutoencoder(model.W_enc, model.b_enc, model.W_dec, [1, 1, -2], switch)
        yield sparse_autoencoder_walkthrough(shifted, x, l1, TOKENS)
    yield sparse_autoencoder_walkthrough(model, x, l1)


EXAMPLES = list(examples())


@pytest.mark.parametrize("steps", EXAMPLES)
def test_every_line_of_the_examples(steps):
    check(steps)
    check_exactly(steps)


@pytest.mark.parametrize("steps", EXAMPLES[:2])
def test_whole_numbers_need_no_rounding(steps):
    assert not [text for text, _, _ in lines(steps) if "≈" in text or "." in text]


@pytest.mark.parametrize(
    "steps, step, name, place, text",
    [
        (EXAMPLES[0], 1, "Y′", (1, 0), "−1 = −1"),
        (EXAMPLES[0], 2, "Z1", (0, 0), "1·2 + 0·(−1) + (−1)·2 + 1·1 + 1 = 2"),
        (EXAMPLES[0], 2, "A1", (2, 1), "max(0, −1) = 0"),
        (EXAMPLES[0], 6, "dY", (1, 1), "2·(7 − 0) = 14"),
        (EXAMPLES[0], 6, "dZ4", (3, 1), "−4·(−1 > 0) = 0"),
        (EXAMPLES[0], 6, "db1", (0, 0), "0 + (−14) + 0 + (−10) = −24"),
        (EXAMPLES[4], 4, "norm", (0, 5), "√((−2)² + (−1)² + 2²) = 3"),
        (EXAMPLES[4], 4, "norm", (0, 0), "√(1² + 1² + 0²) ≈ 1.414"),
        (EXAMPLES[4], 6, "S", (5, 1), "−1·(2 > 0) = −1"),
        (EXAMPLES[4], 7, "S", (5, 0), "−1·(0 > 0) = 0"),
        (EXAMPLES[4], 8, "dS", (5, 1), "2·(−1)·3 = −6"),
        (EXAMPLES[4], 8, "dS", (0, 0), "2·0·1.414 = 0"),
        (EXAMPLES[4], 9, "MSE", (0, 0), "(−1)² + 1² = 2"),
        (EXAMPLES[4], 10, "P", (2, 5), "2·(2 + 1)·2/3 = 4"),
    ],
)
def test_lines_by_hand(steps, step, name, place, text):
    computation = next(c for c in steps[step - 1].computations if c.result.name == name)
    assert computation.explain(*place) == text


def test_a_sum_of_fractions_is_not_called_rounded():
    line = autoencoder_walkthrough(Autoencoder([[[0.1]]], [[0.2]]), [[1]])[1].computations[0].explain(0, 0)
    assert line == "0.1·1 + 0.2 = 0.3"  # though the float is 0.30000000000000004


# ------------------------------------------------------------------------------------------ random models

whole = st.integers(-9, 9)
eighths = st.integers(-40, 40).map(lambda k: k / 8)
tenths = st.integers(-50, 50).map(lambda k: k / 10)
thirds = st.floats(-9, 9).map(lambda v: v if abs(v) > 1e-9 else 0.0)
any_size = st.builds(lambda v, k: v * 10.0**k, st.floats(-9, 9, width=32), st.sampled_from([-6, -3, 0, 4, 12]))
KINDS = {"whole": whole, "eighths": eighths, "tenths": tenths, "floats": thirds, "any size": any_size}

budget = settings(max_examples=60, deadline=None, derandomize=True)


def matrices(entry, rows, columns):
    return st.lists(st.lists(entry, min_size=columns, max_size=columns), min_size=rows, max_size=rows)


def vectors(entry, rows):
    return st.lists(entry, min_size=rows, max_size=rows)


def draw_autoencoder_steps(data, entry):
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    sizes.append(sizes[0])
    pairs = list(zip(sizes, sizes[1:], strict=False))
    weights = [data.draw(matrices(entry, fan_out, fan_in)) for fan_in, fan_out in pairs]
    biases = [data.draw(vectors(entry, fan_out)) for _, fan_out in pairs]
    x = data.draw(matrices(entry, sizes[0], data.draw(st.integers(1, 3))))
    return autoencoder_walkthrough(Autoencoder(weights, biases, data.draw(st.booleans())), x)


def draw_sparse_steps(data, entry):
    d, m, n = (data.draw(st.integers(1, 3)) for _ in range(3))
    model = SparseAutoencoder(
        data.draw(matrices(entry, m, d)),
        data.draw(vectors(entry, m)),
        data.draw(matrices(entry, d, m)),
        data.draw(vectors(entry, d)),
        data.draw(st.booleans()),
    )
    return sparse_autoencoder_walkthrough(model, data.draw(matrices(entry, d, n)), abs(data.draw(entry)))


@pytest.mark.parametrize("draw_steps", [draw_autoencoder_steps, draw_sparse_steps])
@pytest.mark.parametrize("kind", KINDS)
@budget
@given(data=st.data())
def test_every_line_of_random_models(kind, draw_steps, data):
    steps = draw_steps(data, KINDS[kind])
    check(steps)
    if kind == "whole":
        check_exactly(steps)


@pytest.mark.parametrize("scale", [1e-300, 1e-7, 1e-4, 1e14, 1e17, 1e60])
def test_very_small_and_very_large_numbers(scale):
    model, x = autoencoder_example()
    check(autoencoder_walkthrough(Autoencoder(model.weights, [b * scale for b in model.biases]), x * scale))


# -------------------------------------------------------------------------------------------- one number


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0"),
        (-0.0, "0"),
        (7, "7"),
        (-3, "−3"),
        (2.0, "2"),
        (-12.0, "−12"),
        (0.5, "0.5"),
        (-0.25, "−0.25"),
        (1.125, "1.125"),
        (1 / 3, "0.333"),
        (2 / 3, "0.667"),
        (2**0.5, "1.414"),
        (0.1 + 0.2, "0.3"),
        (0.9999, "1"),
        (-1.9996, "−2"),
        (0.0005, "0.001"),
        (0.00049, "0.00049"),
        (0.000123456, "0.000123"),
        (1.5e-7, "1.5e−07"),
        (-5e-324, "−4.94e−324"),
        (123456.789, "123456.789"),
        (999_999_999_999_999, "999999999999999"),
        (10**15, "1e+15"),
        (-(2**63), "−9.22e+18"),
        (1.7e308, "1.7e+308"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "nan"),
    ],
)
def test_format_number(value, text):
    assert format_number(value) == text


@budget
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_is_near_the_number_and_keeps_its_sign(value):
    text = format_number(value).replace("−", "-")
    radius = rounding(text, exact=False) if value else 0
    assert abs(Fraction(text) - Fraction(value)) <= radius * (1 + Fraction(1, 10**9))
    assert (Fraction(text) > 0) == (value > 0)
