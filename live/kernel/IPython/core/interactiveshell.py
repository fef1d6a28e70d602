"""The shell: libraries ask it to show an error and tell it of events."""

import sys


class _Events:
    """Takes the events that ipywidgets triggers and the hooks that others register; nothing listens."""

    def trigger(self, event, *args, **kwargs):
        pass

    def register(self, event, function):
        pass

    def unregister(self, event, function):
        pass


class InteractiveShell:
    """What ipywidgets calls when an observer fails (`showtraceback`) or runs (`events`)."""

    _instance = None
    show_error = None
    """Set by the kernel: a function of (type, error, traceback)."""

    def __init__(self):
        self.events = _Events()

    @classmethod
    def instance(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    @classmethod
    def initialized(cls):
        return True

    def showtraceback(self, exc_tuple=None, **kwargs):
        InteractiveShell.show_error(*(exc_tuple or sys.exc_info()))
