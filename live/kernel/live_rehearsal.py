"""Moves that no reader made, drawn for nobody.

A browser runs WebAssembly slowly at first, and compiles well what has run often.  The worker therefore rehearses
while the reader looks at the first answer, so that the next ones come as fast as they can.
"""

import functools
import json

import ipywidgets
import live_kernel

import ae_view
import ae_widgets


class _Nowhere(live_kernel.PageComm):
    """A comm without a page: what goes out is made ready to be sent, and forgotten."""

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        live_kernel.as_bytes([self.in_pieces(data or {})])


def _widget(kind):
    """Make a widget that is not among those which a reader's cell may count or close."""
    widget = kind(comm=_Nowhere(primary=False, model_name=kind.__name__ + "Model"))
    del ipywidgets.widgets.widget._instances[widget.model_id]
    return widget


@functools.cache
def _slider():
    """Give a slider that moves an entry of the longest walkthrough, another one for each number."""
    plan = ae_widgets.sparse_autoencoder_plan()
    figures = [_widget(ipywidgets.HTML) for _ in plan.walkthrough(plan.book)]

    def draw(change):
        number = int(change.new) - 1
        X = plan.book["X"].copy()
        X.flat[number % X.size] += 1 + number // X.size
        for figure, step in zip(figures, plan.walkthrough({**plan.book, "X": X})):
            figure.value = ae_view.result_html(step, arithmetic=False)

    slider = _widget(ipywidgets.FloatSlider)
    slider.observe(draw, "value")
    return slider


def rehearse(number):
    """Go the whole way of a move, from the message that tells of it to those that answer it."""
    message = json.dumps({"content": {"data": {"method": "update", "state": {"value": number + 1}}}})
    # Not the widget's own handler, which would tell the reader of an error.
    _slider().set_state(json.loads(message)["content"]["data"]["state"])
