"""Sphinx extension: keep the book for reading without a network, when everything else is written."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "live"))


def add_to_page(app, pagename, templatename, context, doctree):
    app.add_js_file("../offline.js", type="module", loading_method=None)


def write(app, exception):
    if exception is None and app.builder.format == "html":
        import offline_book

        offline_book.write(Path(app.outdir), app.live_folder.name)


def setup(app):
    app.connect("html-page-context", add_to_page)
    # After every other extension.
    app.connect("build-finished", write, priority=990)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
