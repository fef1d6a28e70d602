"""The kernel of a live page: it answers the page's widgets and runs the reader's cells.

The worker calls `start`, `run_cell` and `comm_message`; everything that the page must hear goes out
through the one function that `start` was given, gathered so that one answer is one message.
"""

import asyncio
import functools
import gc
import json
import linecache
import logging
import os
import sys
import time
import traceback
from itertools import compress, count
from operator import ne

# A start makes much and drops little: nobody need look for what was dropped until `end_of_page`.
gc.disable()
# The page never waits for an echo of its own edit; without echoes half of the messages are left.
os.environ["JUPYTER_WIDGETS_ECHO"] = "0"
# Figures are sent as pictures when a cell ends; no backend that looks for a page is wanted.
os.environ["MPLBACKEND"] = "module://live_figures"
# The page says itself what takes time.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

import comm  # noqa: E402
import traitlets.traitlets  # noqa: E402
from comm.base_comm import BaseComm, CommManager  # noqa: E402
from IPython import display  # noqa: E402
from IPython.core.interactiveshell import InteractiveShell  # noqa: E402
from live_cells import without_magics  # noqa: E402
from live_comm import Adoption  # noqa: E402

_manager = CommManager()
_adoption = Adoption([])
_namespace = {}
_cell, _callback = None, None
"""The cell that runs, or whose widget is being answered; then the number of that message too."""
_made = []
"""Id and model name of each widget that the running cell made."""
_capturing = []
_former = {}
_outbox, _buffers = [], []
_post = None


# ------------------------------------------------------------------------------ messages to the page


def send(message, buffers=()):
    """Put one message for the page into the outbox."""
    # A callback's messages go out when it ends; those of a task, which goes on after it, as soon as it pauses.
    if not _outbox and _callback is None:
        asyncio.get_running_loop().call_soon(flush)
    message["buffers"] = len(buffers)
    _outbox.append(message)
    _buffers.extend(buffers)


def flush():
    """Post what the outbox holds, as one message."""
    if not _outbox:
        return
    text = as_bytes(_outbox)
    buffers = [bytes(buffer) for buffer in _buffers]
    _outbox.clear()
    _buffers.clear()
    _post(text, buffers)


def as_bytes(messages):
    """Write messages as JSON; in bytes, since Pyodide would hand over a text letter by letter."""
    return json.dumps(messages, default=str).encode()


class PageComm(BaseComm):
    """A comm whose other end is a widget model in the page."""

    CELL_END = "</td>"
    """A figure's text is sent in pieces, each up to the end of a matrix's cell."""

    def __init__(self, *args, model_name=None, adopted=False, **kwargs):
        self.model_name = model_name
        self._pieces = ()
        self.adopted, self._silent = adopted, adopted and not _adoption.tell_state
        self.cell = _cell
        super().__init__(*args, **kwargs)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        # The page already shows the widget that it gives its id to, in this very state.
        if msg_type == "comm_open" and self._silent:
            return
        if msg_type == "comm_msg":
            data = self.in_pieces(data or {})
        content = {"comm_id": self.comm_id, "data": data or {}}
        if msg_type == "comm_open":
            content["target_name"] = self.target_name
        send({"type": msg_type, "content": content, "metadata": metadata or {}}, buffers or ())

    def in_pieces(self, data):
        """Put in the place of a figure's text those pieces that differ from what was sent last."""
        state = data.get("state", {})
        if self.model_name != "HTMLModel" or "value" not in state:
            return data
        former, self._pieces = self._pieces, state["value"].split(self.CELL_END)
        if len(former) != len(self._pieces):
            return data
        changed = [(index, self._pieces[index]) for index in compress(count(), map(ne, former, self._pieces))]
        return {**data, "state": {**{name: value for name, value in state.items() if name != "value"}, "pieces": changed}}


def _create_comm(*args, comm_id=None, data=None, **kwargs):
    name = (data or {}).get("state", {}).get("_model_name")
    adopted = _adoption.next(name) if comm_id is None and name else None
    made = PageComm(*args, comm_id=adopted or comm_id, data=data, model_name=name, adopted=adopted is not None, **kwargs)
    if name:
        _made.append([made.comm_id, name])
    return made


# A kernel is meant to replace these two.
comm.create_comm = _create_comm
comm.get_comm_manager = lambda: _manager

# ipywidgets compares this with the file that traitlets' code names; here they differ (`.pyc`, `.py`), and it would look
# for a reader to warn of old names, four times at the making of each class: two fifths of its import.
traitlets.traitlets.__file__ = traitlets.HasTraits.setup_instance.__code__.co_filename

import ipywidgets  # noqa: E402  (it asks for the comm manager at once)

ipywidgets.register_comm_target()


# ---------------------------------------------------------------------- widgets that the page has already


@functools.cache
def _synced(kind):
    """Return the names of a widget class's synced traits, and of those that may make a widget when first read."""
    traits = kind.class_traits(sync=True)
    return tuple(traits), tuple(name for name, trait in traits.items() if isinstance(trait, traitlets.Instance))


def _open(widget):
    """`Widget.open` for a widget whose twin the page shows: there is nothing to tell of its state.

    To gather that state all the same would take a third of the time until the page is live.
    """
    if widget.comm is None and widget._model_id is None and _adoption.in_step and not _adoption.tell_state:
        for name in _synced(type(widget))[1]:  # a layout of its own comes before the widget itself
            getattr(widget, name)
        model_name = widget._model_name
        adopted = _adoption.next(model_name)
        if adopted is not None:
            _made.append([adopted, model_name])
            widget.comm = PageComm(comm_id=adopted, model_name=model_name, adopted=True)
            return
    _open_anew(widget)


_open_anew = ipywidgets.Widget.open
ipywidgets.Widget.open = _open
# The list of names is the same for all widgets of a class; each makes its own, as it may add to it.
ipywidgets.Widget._trait_default_generators["keys"].func = lambda widget: list(_synced(type(widget))[0])

# ------------------------------------------------------------------------------------ cells' outputs


class _Stream:
    """`sys.stdout` or `sys.stderr`, sent in pieces so that a long loop's prints are seen while it runs."""

    encoding = "utf-8"

    def __init__(self, name):
        self.name = name
        self._pieces = []
        self._sent = 0.0

    def write(self, text):
        self._pieces.append(text)
        if time.monotonic() - self._sent > 0.2:
            self.flush()
            flush()
        return len(text)

    def flush(self):
        self._sent = time.monotonic()
        if self._pieces:
            text = "".join(self._pieces)
            self._pieces.clear()
            _output({"output_type": "stream", "name": self.name, "text": text})

    def isatty(self):
        return False

    def writable(self):
        return True


def _flush_streams():
    sys.stdout.flush()
    sys.stderr.flush()


def _output(output):
    if not _capturing:
        send({"type": "output", "cell": _cell, "callback": _callback, "output": output})
        return
    widget = _capturing[-1]
    shown = () if getattr(widget, "_clear_at_next", False) else widget.outputs
    widget._clear_at_next = False
    if output["output_type"] == "stream" and shown and shown[-1].get("name") == output["name"]:
        shown, output = shown[:-1], {**output, "text": shown[-1]["text"] + output["text"]}
    widget.outputs = (*shown, output)


def _publish(data, metadata, output_type="display_data"):
    _flush_streams()
    _output({"output_type": output_type, "data": data, "metadata": metadata})


def _clear(wait):
    _flush_streams()
    if not _capturing:
        send({"type": "clear", "cell": _cell, "callback": _callback, "wait": wait})
    elif wait:
        _capturing[-1]._clear_at_next = True
    else:
        _capturing[-1].outputs = ()


def _show_error(kind, error, trace):
    _flush_streams()
    # What lies above the reader's own lines is the machinery that called them.
    own, line = trace, None
    while own is not None and not own.tb_frame.f_code.co_filename.startswith("Cell "):
        own = own.tb_next
    if own is not None:
        line = traceback.extract_tb(own)[0].lineno
        trace = own
    elif isinstance(error, SyntaxError) and str(error.filename).startswith("Cell "):
        line, trace = error.lineno, None
    text = "".join(traceback.format_exception(kind, error, trace))
    _output({"output_type": "error", "ename": kind.__name__, "evalue": str(error), "traceback": [text], "line": line})


display.publish, display.clear = _publish, _clear
InteractiveShell.show_error = _show_error


def _enter_output(self):
    _flush_streams()
    _capturing.append(self)


def _exit_output(self, kind, error, trace):
    if kind is not None:
        _show_error(kind, error, trace)
    _flush_streams()
    _capturing.pop()
    return kind is not None


# ipywidgets' own versions ask IPython's kernel for the message that is being answered.
ipywidgets.Output.__enter__, ipywidgets.Output.__exit__ = _enter_output, _exit_output


# --------------------------------------------------------------------------- what the worker calls


def start(post, models, tell_state):
    """Begin an empty notebook.

    Parameters
    ----------
    post : function of (bytes, list of bytes)
        Takes messages for the page, as a JSON list in UTF-8, and the binary buffers that belong to them.
    models : str
        JSON list of [id, model name] of the widgets that the page shows, in their order of creation.
    tell_state : bool
        Whether to send the state of these widgets too: the page may have changed since it was built.
    """
    global _post, _adoption
    _post = post
    _adoption = Adoption(json.loads(models), tell_state)
    _namespace.clear()
    _namespace["__name__"] = "__main__"
    sys.stdout, sys.stderr = _Stream("stdout"), _Stream("stderr")


def end_of_page():
    """Say whether every widget of the page found its twin; from here on new widgets get ids of their own."""
    # What the start has made stays: nobody need look through it again.
    gc.freeze()
    gc.enable()
    return _adoption.close()


async def run_cell(number, source, label=None):
    """Run one cell.

    Returns
    -------
    str
        JSON: ``ok``, whether it ended well; ``made``, id and model name of each widget that it made;
        ``in_step``, whether these are, so far, the widgets that the page already shows.
    """
    global _cell
    from pyodide.code import eval_code_async

    _cell, ok = number, False
    _made.clear()
    name = label or f"Cell {number + 1}"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        value = await eval_code_async(without_magics(source), _namespace, filename=name)
        if value is not None:
            _namespace["_"] = value
            # What the page's own cells show stands in the page; to draw it anew would double the start.
            if not _adoption.in_step:
                _publish(display.mime_bundle(value), {}, "execute_result")
        _show_figures()
        ok = True
    except BaseException as error:  # a reader's `sys.exit()` must not end the worker
        _show_error(type(error), error, error.__traceback__)
    finally:
        _flush_streams()
        flush()
        _cell = None
    return json.dumps({"ok": ok, "made": _made, "in_step": _adoption.in_step})


def begin_again():
    """Forget every name; the widgets stay until `end_again`, so that the page never stands empty."""
    _namespace.clear()
    _namespace["__name__"] = "__main__"
    # The page puts its own widgets aside, for a restart.
    _former.update((name, comm) for name, comm in _manager.comms.items() if not getattr(comm, "adopted", False))


def end_again():
    """Close the widgets that were there when everything began again."""
    for comm_id in _former:
        widget = ipywidgets.widgets.widget._instances.get(comm_id)
        if widget is not None:
            widget.close()
    _former.clear()
    flush()


def comm_message(kind, text, buffers=None):
    """Hand one message of the page to the widget that it is for."""
    global _cell, _callback
    message = json.loads(text)
    message["buffers"] = [memoryview(buffer.to_py()) for buffer in buffers] if buffers else []
    comm_of_widget = _manager.comms.get(message["content"]["comm_id"])
    _cell, _callback = getattr(comm_of_widget, "cell", None), message.get("header", {}).get("msg_id")
    try:
        getattr(_manager, kind)(None, None, message)
        _show_figures()
    finally:
        _flush_streams()
        flush()
        _cell, _callback = None, None


def _show_figures():
    """Show what a cell has drawn and not shown, as a notebook does."""
    figures = sys.modules.get("live_figures")
    if figures is not None:
        figures.show()
