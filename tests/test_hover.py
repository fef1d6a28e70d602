"""Pointing at a result, in a browser with scripts off: its row, its column and its arithmetic."""

import pytest

STEP_2 = ".ae-live:has(#after-step-2)"


@pytest.fixture(params=["hover", "focus", "tap"])
def pointed(request, chromium, address):
    """Step 2 of the autoencoder, with Z1's row 3, X2 pointed at in one of three ways."""
    context = chromium.new_context(java_script_enabled=False, has_touch=request.param == "tap")
    page = context.new_page()
    page.goto(f"{address}/chapters/autoencoder.html")
    step = page.locator(STEP_2)
    getattr(step.locator(".ae-y0 td.r2.c1"), request.param)()
    yield step
    context.close()


def lit(table):
    """Say of each number of a table, row by row, whether it is lit."""
    cells = [cell for cell in table.locator("tbody td").all()]
    shadows = [cell.evaluate("cell => getComputedStyle(cell).boxShadow") for cell in cells]
    return [shadow.endswith("2px inset") for shadow in shadows]


def test_row_and_column_light_up(pointed):
    weights, inputs, result = (pointed.locator(f"table.{name}") for name in ("ae-left", "ae-top", "ae-result"))
    assert lit(weights) == [False] * 10 + [True] * 5
    assert lit(inputs) == [False, True, False, False] * 5
    assert not any(lit(result))


def test_the_arithmetic_shows(pointed):
    shown = [line for line in pointed.locator(".ae-how").all() if line.is_visible()]
    assert [line.inner_text() for line in shown] == ["Z1 row 3, X2: 1·(−1) + (−1)·0 + 0·1 + 0·2 + 0 = −1"]
    assert not pointed.locator(".ae-hint").is_visible()
    figure, line = pointed.locator(".ae-line").bounding_box(), shown[0].bounding_box()
    assert figure["y"] < line["y"] and line["y"] + line["height"] <= figure["y"] + figure["height"] + 1


def test_the_page_reads_without_scripts(chromium, address):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/chapters/sparse_autoencoder.html")
    assert page.locator("h2:has-text('Step ')").count() == 10
    assert page.locator(".ae-live table").first.is_visible()
    assert page.locator("math").first.is_visible()
    context.close()
