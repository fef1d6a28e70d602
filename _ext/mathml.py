"""Sphinx extension: write every formula as MathML while the book is built, so that pages need no script for it.

Set `html_math_renderer = "mathml"`. LaTeX that cannot be read is a warning at its place in the text.
"""

import re
from html import escape
from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
PRIMES = {"′", "″", "‴"}


def mathml(latex, display):
    """Return the `<math>` element of a formula; raise ValueError if it holds LaTeX that cannot be read."""
    braces = re.findall(r"(?<!\\)[{}]", latex.replace(r"\\", ""))
    if braces.count("{") != braces.count("}"):
        raise ValueError("braces do not pair up")
    # The converter knows align, whose rows and columns are those of aligned and split.
    source = re.sub(r"\\(begin|end)\{(aligned|split)\}", r"\\\1{align*}", latex.strip())
    try:
        tree = ElementTree.fromstring(convert(source, display="block" if display else "inline"))
    except Exception as error:  # the converter's errors share no base class
        raise ValueError(str(error) or type(error).__name__) from error
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
        # What the converter does not know it passes on as it stands, or leaves half done.
        if element.tag != "mtext" and "\\" in (element.text or ""):
            raise ValueError(f"unknown command {element.text}")
        if len(element) != CHILDREN.get(element.tag, len(element)):
            raise ValueError(f"{element.tag} has {len(element)} part(s), not {CHILDREN[element.tag]}")
    for element in list(tree.iter()):
        set_as_tex_does(element)
    return ElementTree.tostring(tree, encoding="unicode")


def set_as_tex_does(element):
    """Spell out what browsers do not infer: unstretched bars, close primes and functions, aligned columns."""
    text = element.text or ""
    if element.tag == "mo" and text in "‖|" and text:
        element.attrib.setdefault("stretchy", "false")
    elif element.tag == "mo" and len(text) > 1 and text.isalpha():
        element.tag = "mi"
    elif element.tag == "mover" and element[1].text == "^":
        element[1].text = "ˆ"
    elif element.tag == "msup" and "".join(element[1].itertext()) in PRIMES:
        element.tag = "mrow"
        prime = ElementTree.Element("mo", lspace="0", rspace="0")
        prime.text = "".join(element[1].itertext())
        element[1] = prime
    elif element.tag == "mtable":
        columns = element.attrib.pop("columnalign", "").split()
        for row in element:
            for cell, default in zip(row, columns + [""] * len(row)):
                side = cell.attrib.pop("columnalign", default)
                if side:
                    gap = ";padding-inline:0" if "columnspacing" in element.attrib else ""
                    cell.set("style", f"text-align:{side}{gap}")


def rendered(node, display):
    """Return a math node's HTML: MathML, or, with a warning, the LaTeX as it was written."""
    try:
        return mathml(node.astext(), display)
    except ValueError as error:
        logger.warning("LaTeX %r: %s", node.astext(), error, location=node, type="mathml")
        return f"<code>{escape(node.astext())}</code>"


def visit_inline(self, node):
    self.body.append(rendered(node, display=False))
    raise nodes.SkipNode


def visit_block(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({node["number"]})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(rendered(node, display=True) + "</div>\n")
    raise nodes.SkipNode


class KeepTogether(SphinxPostTransform):
    """Put a formula and the signs that touch it into one box: a browser would begin a line with the full stop."""

    default_priority = 500
    builders = ("html",)

    def run(self, **keywords):
        for formula in list(self.document.findall(nodes.math)):
            parent, at = formula.parent, formula.parent.index(formula)
            around = [parent[i] if 0 <= i < len(parent) else None for i in (at - 1, at + 1)]
            before, after = (one.astext() if isinstance(one, nodes.Text) else "" for one in around)
            lead, tail = re.search(r"\S*$", before)[0], re.match(r"\S*", after)[0]
            if not lead + tail:
                continue
            together = nodes.inline("", "", *(nodes.Text(lead),) * bool(lead), formula.deepcopy(), *(nodes.Text(tail),) * bool(tail))
            together["classes"].append("together")
            if tail:
                parent[at + 1] = nodes.Text(after[len(tail) :])
            parent[at] = together
            if lead:
                parent[at - 1] = nodes.Text(before[: len(before) - len(lead)])


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.add_post_transform(KeepTogether)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
