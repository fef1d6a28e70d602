"""`display`, `clear_output` and the wrapper classes; the kernel sends on what they give."""

import base64

_METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "text/latex": "_repr_latex_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
}

# Set by the kernel: functions of (data, metadata) and of (wait).
publish = None
clear = None


def mime_bundle(value):
    """Return what `value` says of itself, as a dictionary from MIME type to text."""
    if not isinstance(value, type):
        whole = getattr(value, "_repr_mimebundle_", None)
        bundle = whole(include=None, exclude=None) if whole is not None else None
        if bundle is not None:
            return bundle[0] if isinstance(bundle, tuple) else bundle
    bundle = {"text/plain": repr(value)}
    if not isinstance(value, type):
        for mime, name in _METHODS.items():
            method = getattr(value, name, None)
            data = method() if method is not None else None
            if isinstance(data, tuple):
                data = data[0]
            if isinstance(data, bytes):
                data = base64.b64encode(data).decode()
            if data is not None:
                bundle[mime] = data
    return bundle


def display(*values, raw=False, metadata=None, **ignored):
    """Show each value below the running cell, or in the `Output` widget that is entered."""
    for value in values:
        publish(value if raw else mime_bundle(value), metadata or {})


def clear_output(wait=False):
    """Empty the output of the running cell, or of the `Output` widget that is entered."""
    clear(wait)


class DisplayObject:
    """Text of one MIME type."""

    mime = "text/plain"

    def __init__(self, data=None, **ignored):
        self.data = data

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.mime: self.data, "text/plain": repr(self)}


class HTML(DisplayObject):
    mime = "text/html"


class Markdown(DisplayObject):
    mime = "text/markdown"


class Latex(DisplayObject):
    mime = "text/latex"


class Math(Latex):
    def __init__(self, data=None, **ignored):
        super().__init__(f"$\\displaystyle {data}$")


class SVG(DisplayObject):
    mime = "image/svg+xml"


class Image(DisplayObject):
    """A PNG or JPEG given as bytes."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        mime = "image/jpeg" if self.data.startswith(b"\xff\xd8") else "image/png"
        return {mime: base64.b64encode(self.data).decode(), "text/plain": repr(self)}
