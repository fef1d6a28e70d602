"""What Python computes in the page is what it computes here, to twelve digits."""

import json
import random

import pytest
from livebook import Reader

import ae_widgets

CHAPTERS = {
    "chapters/autoencoder": ae_widgets.autoencoder_chapter,
    "chapters/sparse_autoencoder": ae_widgets.sparse_autoencoder_chapter,
}
STATES, MOVES, CLOSE = 200, 5, 1e-12

# Every matrix of every step, as the kernel of the page has it.
TELL = """
import json
print(json.dumps([[[m.values.tolist() for m in (*c.inputs, c.result)] for c in step.computations] for step in chapter.steps]))
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


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_page_computes_what_cpython_computes(chromium, address, chapter):
    here = CHAPTERS[chapter]()
    for number in range(1, len(here.steps) + 1):
        here.step(number)
    sliders = {entry.slider.description: entry.slider for entry in here.entries.values()}
    choose = random.Random(200)
    # The first state is the book's own.
    states = [{}]
    for _ in range(STATES):
        names = choose.sample(sorted(sliders), MOVES)
        states.append({n: _somewhere(choose, sliders[n]) for n in names})
    with Reader(chromium, address, chapter) as reader:
        reader.page.locator(".live-host [role=slider]").first.focus()
        reader.page.locator("html[data-live=yes]").wait_for()
        answers = reader.page.evaluate(DRIVE, [states, TELL])
        assert reader.complaints == []
    assert len(answers) == len(states)
    compared = 0
    for state, answer in zip(states, answers):
        for name, value in state.items():
            sliders[name].value = value
        there = json.loads(answer)
        assert len(there) == len(here.steps)
        for step, computations in zip(here.steps, there):
            assert len(computations) == len(step.computations)
            for computation, matrices in zip(step.computations, computations):
                for matrix, numbers in zip((*computation.inputs, computation.result), matrices, strict=True):
                    compared += _compare(matrix.values.tolist(), numbers, f"step {step.number}, {matrix.name}")
    assert compared > 100 * STATES


def _somewhere(choose, slider):
    return slider.min + slider.step * choose.randrange(round((slider.max - slider.min) / slider.step) + 1)


def _compare(one, other, place):
    """Compare two numbers, or two lists of lists of them; return how many were compared."""
    if isinstance(one, list):
        assert len(one) == len(other), place
        return sum(_compare(a, b, place) for a, b in zip(one, other))
    assert abs(one - other) <= CLOSE * max(1, abs(one)), (place, one, other)
    return 1
