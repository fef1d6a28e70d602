"""Sphinx extension: take from the theme's icon sets all but the icons that the pages show.

The theme brings every Font Awesome icon three times over: as a script, as fonts and as style rules, some 800 KB
compressed for about twenty icons. After the build the script goes, and fonts and rules keep the icons in use.
"""

import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

SCRIPT = re.compile(r"\s*(<!-- So that users can add custom icons -->\s*)?<script[^>]*/fontawesome\.js[^>]*></script>")
ICON = re.compile(r"\bfa-[a-z0-9-]+")
RULE = re.compile(r'(?:\.fa-[a-z0-9-]+:before,?)+\{content:"[^"]*"\}')
CODE = re.compile(r"\\([ef][0-9a-f]{3})\b|([\ue000-\uf8ff])")


def shown_icons(html):
    """Return the icon classes that the pages, or the scripts acting on them, name."""
    texts = [*html.rglob("*.html"), *html.glob("_static/**/*.js")]
    return {name for path in texts for name in ICON.findall(path.read_text(encoding="utf-8"))}


def slim_styles(path, icons):
    """Drop the rules of icons not shown; return the code points that the remaining rules use."""

    def kept(rule):
        return rule[0] if icons.intersection(ICON.findall(rule[0])) else ""

    text = RULE.sub(kept, path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    return {int(escaped, 16) if escaped else ord(literal) for escaped, literal in CODE.findall(text)}


def slim_font(path, codes):
    """Keep of a font the glyphs of these code points."""
    font = TTFont(path)
    subsetter = subset.Subsetter(subset.Options(layout_features=[], notdef_outline=True))
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(path)


def slim(app, exception):
    if exception or app.builder.format != "html":
        return
    html = Path(app.outdir)
    for script in html.glob("_static/scripts/fontawesome.js*"):
        script.unlink()
    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(SCRIPT.sub("", text), encoding="utf-8")
    codes = slim_styles(html / "_static/styles/pydata-sphinx-theme.css", shown_icons(html))
    for font in html.glob("_static/vendor/fontawesome/webfonts/*.woff2"):
        slim_font(font, codes)


def setup(app):
    app.connect("build-finished", slim)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
