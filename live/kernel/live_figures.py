"""Matplotlib's backend of a live page: figures become pictures below the cell that drew them."""

import base64
import io

from IPython import display
from matplotlib import pyplot
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

SHARPNESS = 2
"""Dots of the picture for each dot of the page."""


class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManagerBase


def picture(figure):
    """Return a figure's picture with its own words as description, and its size in the page."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi * SHARPNESS, bbox_inches="tight")
    data = file.getvalue()
    # Width and height stand at a fixed place of every PNG.
    width, height = (int.from_bytes(data[start : start + 4], "big") // SHARPNESS for start in (16, 20))
    texts = [text for axes in figure.axes for text in (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) if text]
    bundle = {"image/png": base64.b64encode(data).decode(), "text/plain": ", ".join(["Figure", *texts])}
    return bundle, {"image/png": {"width": width, "height": height}}


def show(*ignored, **also_ignored):
    """Show every open figure and close it."""
    for number in pyplot.get_fignums():
        display.publish(*picture(pyplot.figure(number)))
    pyplot.close("all")
