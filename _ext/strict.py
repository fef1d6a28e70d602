"""Sphinx extension: leave no script inside a page, so that a host may forbid such scripts.

The theme writes a few lines of script and `onclick` into every page. After the build the lines are files of
their own, and the buttons name what they do, for `buttons.js`. `POLICY` is the Content Security Policy that the
built pages keep to.
"""

import hashlib
import os
import re
from pathlib import Path

from sphinx.errors import ExtensionError

POLICY = {
    "default-src": "'self'",
    # Python is WebAssembly.
    "script-src": "'self' 'wasm-unsafe-eval'",
    # Cells' colours, formulas and widgets carry styles of their own.
    "style-src": "'self' 'unsafe-inline'",
    # The theme's icons, and the figures that cells draw.
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
}

SCRIPT = re.compile(r"<script((?:\s+(?!src=)[\w-]+(?:=\"[^\"]*\")?)*)\s*>(.*?)</script>", re.DOTALL)
NEIGHBOURS = re.compile(r"(<script>[^<]*)</script>\s*<script>")
CLICK = re.compile(r'\sonclick="([^"]*)"')
FOLDER = "_static/page"
BUTTONS = """document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-click]");
  if (button?.dataset.click === "print") window.print();
  if (button?.dataset.click === "fullscreen") toggleFullScreen();
});
"""
CLICKS = {"window.print()": "print", "toggleFullScreen()": "fullscreen"}


def header():
    """Return the policy as a host sends it."""
    return "; ".join(f"{name} {value}" for name, value in POLICY.items())


def externalise(page, html):
    """Return a page's text without inline scripts; write what they hold beside it."""

    def to_file(text):
        name = f"{FOLDER}/{hashlib.sha256(text.encode()).hexdigest()[:12]}.js"
        target = html / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return os.path.relpath(target, page.parent).replace(os.sep, "/")

    def script(match):
        attributes, text = match.groups()
        kind = re.search(r'type="([^"]*)"', attributes)
        if (kind and kind[1] not in ("module", "text/javascript")) or not text.strip():
            return match[0]
        return f'<script{attributes} src="{to_file(text.strip() + chr(10))}"></script>'

    def click(match):
        if match[1] not in CLICKS:
            raise ExtensionError(f"{page.name}: a button does {match[1]!r}, which a strict policy forbids")
        return f' data-click="{CLICKS[match[1]]}"'

    text = NEIGHBOURS.sub(r"\1\n", page.read_text(encoding="utf-8"))
    text = CLICK.sub(click, SCRIPT.sub(script, text))
    if "data-click=" in text:
        text = text.replace("</head>", f'<script defer src="{to_file(BUTTONS)}"></script>\n</head>', 1)
    return text


def make_strict(app, exception):
    if exception is None and app.builder.format == "html":
        html = Path(app.outdir)
        for page in sorted(html.rglob("*.html")):
            if "_static" not in page.relative_to(html).parts:
                page.write_text(externalise(page, html), encoding="utf-8")


def setup(app):
    app.connect("build-finished", make_strict)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
