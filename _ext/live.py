"""Sphinx extension: put into a page what it needs to become live, and beside the pages what makes them so.

A page whose notebook shows widgets gets the bundle of `live/`, the state of its widgets without what the
page says already, and the sources of all its code cells, hidden ones too.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from sphinx.errors import ExtensionError
from sphinx.util import logging

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "live"))

import build  # noqa: E402  (of `live`)

logger = logging.getLogger(__name__)

STATE = "application/vnd.jupyter.widget-state+json"
CELLS = "application/x-live-cells+json"
# Filled by the script; its place is kept, so that nothing moves then.
LINE = """
<div class="live-line"><noscript>The sliders need scripts, which this browser does not run; the page shows the
book’s own numbers.</noscript></div>"""
HIDDEN = {"remove-cell", "remove_cell"}


def slim_state(state, body):
    """Return the widgets' state without values that are None, and without pictures and style sheets that the page has.

    The page's classes have the same defaults, `page.js` reads the pictures off the page, and a style sheet that is
    there twice doubles the work of every change.
    """
    models = {}
    for model_id, model in state["state"].items():
        kept = {name: value for name, value in model["state"].items() if value is not None and not name.endswith("_module_version")}
        picture = kept.get("value")
        if isinstance(picture, str) and (is_shown(picture, body) or picture.startswith("<style>") and picture in body):
            del kept["value"]
        models[model_id] = {**model, "state": kept}
    return {**state, "state": models}


def is_shown(picture, body):
    """Say whether a browser can read a picture off the page just as it was: not with a tag that closes itself, say."""
    return not re.search("/>|&#", picture) and f'<div class="ae-figure">{picture}</div>' in body


def gather_styles(body):
    """Return a page's style sheets, each once, and the page without them.

    Every output brings its own, for notebooks that keep outputs apart; here one serves all, outside of any cell's
    output, which the reader may change.
    """
    sheet = re.compile("<style>.*?</style>", re.DOTALL)
    return "".join(dict.fromkeys(sheet.findall(body))), sheet.sub("", body)


def shorten_ids(text, state):
    """Give widgets short names in place of their random ones, which no compression makes smaller."""
    short = {model_id: f"w{number}" for number, model_id in enumerate(state["state"])}
    return re.sub("[0-9a-f]{32}", lambda found: short.get(found[0], found[0]), text)


def code_cells(notebook):
    """Return each code cell's source and whether the page shows it, in order."""
    cells = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            tags = set(cell["metadata"].get("tags", ()))
            cells.append({"id": cell["id"], "source": "".join(cell["source"]), "shown": not HIDDEN & tags})
    return cells


def script(mime, data):
    """Return a script element that holds data; no text in it can end it."""
    return f'<script type="{mime}">{json.dumps(data, separators=(",", ":")).replace("<", chr(92) + "u003c")}</script>'


def add_to_page(app, pagename, templatename, context, doctree):
    """Add to a page with code cells its data and the bundle."""
    files = [file for file in context.get("script_files", ()) if STATE in str(getattr(file, "attributes", {}).get("type"))]
    for file in files:
        context["script_files"].remove(file)
        state = json.loads(file.attributes["body"].replace("\\u003c", "<"))
        styles, body = gather_styles(context["body"])
        body = body.replace("</h1>", f"</h1>{styles}{LINE}", 1)
        context["body"] = shorten_ids(body + script(STATE, slim_state(state, body)), state)
    notebook = Path(app.env.doc2path(pagename)) if pagename in app.env.found_docs else None
    if notebook is None or notebook.suffix != ".ipynb":
        return
    context["body"] += script(CELLS, code_cells(notebook))
    folder = app.live_folder.name
    app.add_js_file(f"../{folder}/page.js", type="module", loading_method=None)
    app.add_css_file(f"../{folder}/page.css")


def build_live(app):
    """Build the live side once, before the pages that will name its folder."""
    if app.builder.format == "html":
        try:
            app.live_folder = build.build()
        except (build.fetch.Unreachable, build.fetch.Untrusted) as error:
            raise ExtensionError(str(error)) from error


def copy_live(app, exception):
    """Lay the live side beside the pages, and the font where the style sheet looks for it."""
    if exception is None and app.builder.format == "html":
        out = Path(app.outdir)
        shutil.copytree(app.live_folder, out / app.live_folder.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("fonts"))
        shutil.copytree(app.live_folder / "fonts", out / "_static/fonts", dirs_exist_ok=True)


def setup(app):
    app.connect("builder-inited", build_live)
    # After myst_nb has added the widgets' state.
    app.connect("html-page-context", add_to_page, priority=900)
    app.connect("build-finished", copy_live)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
