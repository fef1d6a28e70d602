"""A stand-in for the few parts of IPython that ipywidgets and the book's cells touch.

The real package takes seconds to start in a browser.  Whoever imports anything else of it gets the
usual `ModuleNotFoundError`.
"""

from IPython import display  # noqa: F401  (`IPython.display` is reached as an attribute)
from IPython.core.getipython import get_ipython  # noqa: F401

version_info = (8, 0, 0)
__version__ = "8.0.0"
