"""What a cell's text says of itself: which names it binds and reads."""

import ast
import re

MAGIC = re.compile(r"^%(matplotlib|config)\b.*$", re.MULTILINE)


def without_magics(source):
    """Return the text without the notebook commands that mean nothing here; every line keeps its number."""
    return MAGIC.sub("", source)


def names(source):
    """Return the names that a cell binds or changes, and those that it reads.

    Changing an entry or an attribute of a name counts as changing the name; what a method does to its
    object is not seen.
    """
    bound, read = set(), set()
    try:
        tree = ast.parse(without_magics(source))
    except SyntaxError:
        return bound, read
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            while isinstance(node, (ast.Attribute, ast.Subscript)):
                node = node.value
            if isinstance(node, ast.Name):
                bound.add(node.id)
    return bound, read


def followers(number, sources):
    """Return the numbers of the later cells that follow from what cell `number` binds, in order."""
    changed, _ = names(sources[number])
    found = []
    for later in range(number + 1, len(sources)):
        bound, read = names(sources[later])
        if read & changed:
            found.append(later)
            changed |= bound
        else:
            changed -= bound
    return found
