"""What Python computes in the page is what it computes here, to twelve digits."""

import json
import random

import pytest
from livebook import Reader

import ae_variant_widgets
import ae_widgets
from ae_core import CENTRAL_DIFFERENCE, GREATEST_DIFFERENCE

# The names that a page's cells give to its chapters, with what makes each of them; how many states; how exact.
CHAPTERS = {
    "chapters/autoencoder": ({"chapter": ae_widgets.autoencoder_chapter}, 200),
    "chapters/sparse_autoencoder": ({"chapter": ae_widgets.sparse_autoencoder_chapter}, 200),
    "chapters/backpropagation": (
        {"chapter": ae_widgets.autoencoder_backpropagation_chapter, "sparse": ae_widgets.sparse_autoencoder_backpropagation_chapter},
        200,
    ),
    "chapters/variants": ({"chapter": ae_variant_widgets.variants_chapter}, 20),
}
MOVES, CLOSE = 5, 1e-12

# Every matrix of every step, as the kernel of the page has it.
TELL = """
import json
print(json.dumps([[[m.values.tolist() for m in (*c.inputs, c.result)] for c in step.computations] for chapter in (%s,) for step in chapter.steps]))
"""

# Moves sliders by name, state after state, and returns what the kernel then says.
DRIVE = """async ([states, source]) => {
  const models = await Promise.all(Object.values(live.manager._models));
  const sliders = new Map(models.filter((model) => model.get('_model_name') === 'FloatSliderModel').map((model) => [model.get('description'), model]));
  const { on } = live.kernel;
  const { message } = on;
  const said = [];
  on.message = (one) => (one.type === 'output' ? said.push(one.output.text ?? JSON.stringify(one.output)) : message(one));
  const all = [];
  for (const state of states) {
    for (const [name, value] of Object.entries(state)) {
      sliders.get(name).set('value', value);
      sliders.get(name).save_changes();
    }
    said.length = 0;
    await live.kernel.run(0, source, 'parity');
    all.push(said.join(''));
  }
  on.message = message;
  return all;
}"""


def opened(make):
    """A chapter with all its sliders."""
    chapter = make()
    if isinstance(chapter, ae_variant_widgets.VariantsChapter):
        chapter.shared()
        for number in range(1, len(ae_variant_widgets.SECTIONS) + 1):
            chapter.section(number)
    else:
        for step in chapter.steps:
            chapter.step(step.number)
    return chapter


@pytest.mark.parametrize("page", CHAPTERS)
def test_the_page_computes_what_cpython_computes(chromium, address, page):
    makers, count = CHAPTERS[page]
    here = [opened(make) for make in makers.values()]
    sliders = {entry.slider.description: entry.slider for chapter in here for entry in chapter.entries.values()}
    choose = random.Random(200)
    # The first state is the book's own.
    states = [{}]
    for _ in range(count):
        names = choose.sample(sorted(sliders), MOVES)
        states.append({n: _somewhere(choose, sliders[n]) for n in names})
    with Reader(chromium, address, page) as reader:
        reader.page.locator(".live-host [role=slider]").first.focus()
        reader.page.locator("html[data-live=yes]").wait_for()
        answers = reader.page.evaluate(DRIVE, [states, TELL % ", ".join(makers)])
        assert reader.complaints == []
    assert len(answers) == len(states)
    compared, verdicts = 0, []
    for state, answer in zip(states, answers):
        for name, value in state.items():
            sliders[name].value = value
        there, steps = json.loads(answer), [step for chapter in here for step in chapter.steps]
        assert len(there) == len(steps)
        for step, computations in zip(steps, there):
            assert len(computations) == len(step.computations)
            close = _measured(step)
            for computation, matrices in zip(step.computations, computations):
                for matrix, numbers in zip((*computation.inputs, computation.result), matrices, strict=True):
                    if matrix.values.dtype == bool:
                        verdicts += (matrix.values == numbers).ravel().tolist()
                        continue
                    place = f"step {step.number}, {matrix.name}"
                    compared += _compare(matrix.values.tolist(), numbers, place, close.get(id(matrix), CLOSE))
    assert compared > 100 * count
    # Whether a nudge switches a ReLU can hang on the last digit, where it brings a number to 0: 1 − 0.1 · 10.
    assert verdicts.count(False) <= len(verdicts) / 10_000


def _somewhere(choose, slider):
    return slider.min + slider.step * choose.randrange(round((slider.max - slider.min) / slider.step) + 1)


def _measured(step):
    """How close measured slopes come: they are differences of losses, over 2h, and losses are as close as all else."""
    close = {}
    for computation in step.computations:
        if computation.operation is CENTRAL_DIFFERENCE:
            _, above, below, _, k = computation.inputs
            losses = max(1, above.values.max(), below.values.max())
            close[id(computation.result)] = CLOSE * losses * 10.0 ** k.values.item()
        elif computation.operation is GREATEST_DIFFERENCE:
            close[id(computation.result)] = close[id(computation.inputs[1])]
    return close


def _compare(one, other, place, close):
    """Compare two numbers, or two lists of lists of them; return how many were compared."""
    if isinstance(one, list):
        assert len(one) == len(other), place
        return sum(_compare(a, b, place, close) for a, b in zip(one, other))
    assert abs(one - other) <= close * max(1, abs(one)), (place, one, other)
    return 1
