"""Sphinx extension: write every formula as MathML while the book is built, so that pages need no script for it.

Set `html_math_renderer = "mathml"`. LaTeX that cannot be read is a warning at its place in the text.
"""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

logger = logging.getLogger(__name__)


def mathml(latex, display, node):
    """Return the `<math>` element of a formula, its LaTeX kept as the text to read where MathML is not understood."""
    try:
        return convert(latex, display="block" if display else "inline")
    except Exception as error:  # the parser's errors share no base class
        logger.warning("bad LaTeX %r: %s", latex, error or type(error).__name__, location=node, type="mathml")
        return f"<code>{nodes.unescape(latex)}</code>"


def visit_inline(self, node):
    self.body.append(mathml(node.astext(), False, node))
    raise nodes.SkipNode


def visit_block(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = self.node_equation_number(node) if hasattr(self, "node_equation_number") else node["number"]
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Permalink to this equation")
        self.body.append("</span>")
    self.body.append(mathml(node.astext(), True, node))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
