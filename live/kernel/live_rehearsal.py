"""Moves that no reader made, drawn for nobody.

A browser runs WebAssembly slowly at first, and compiles well what has run often.  The worker therefore rehearses
while the reader looks at the first answer, so that the next ones come as fast as they can.
"""

import functools

import ae_view
import ae_widgets

_plan = functools.cache(ae_widgets.sparse_autoencoder_plan)


def rehearse(number):
    """Compute and draw the longest walkthrough with one entry of `X` moved, another one for each number."""
    book = _plan().book
    X = book["X"].copy()
    X.flat[number % X.size] += 1 + number // X.size
    return sum(len(ae_view.result_html(step, arithmetic=False)) for step in _plan().walkthrough({**book, "X": X}))
