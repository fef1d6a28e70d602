"""Which of the page's widgets a new widget is."""


class Adoption:
    """Hands the ids of the widgets that the page already shows to the same widgets, made again.

    A cell makes its widgets in the same order each time, so order tells which is which; the name of
    the model is compared to be safe.  At the first that differs the page and the kernel no longer
    tell the same story, and nothing more is handed out.
    """

    def __init__(self, models, tell_state=False):
        self.tell_state = tell_state
        self.in_step = bool(models)
        """Whether the cells that run are the page's own, and made the same widgets so far."""
        self._models = iter(models)
        self._left = len(models)

    def next(self, model_name):
        """Return the id for the widget that is being made, None if it is a new one."""
        if not self.in_step or not self._left:
            return None
        model_id, expected = next(self._models)
        self._left -= 1
        if model_name != expected:
            self.in_step = False
            return None
        return model_id

    def close(self):
        """Hand out no more; return whether all were handed out."""
        complete = self.in_step and not self._left
        self.in_step = False
        return complete
