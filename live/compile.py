"""Runs inside Pyodide, for `compile.mjs`: `.pyc` files for all of /tree, and lists of what `warm_up` loads."""

import importlib._bootstrap_external as importer
import json
import sys
from pathlib import Path

from pyodide.code import eval_code_async

tree, out = Path("/tree"), Path("/out")
for path in sorted(tree.rglob("*.py")):
    name = path.relative_to(tree)
    code = compile(path.read_bytes(), f"/lib/python312.zip/{name}", "exec", dont_inherit=True, optimize=0)
    target = out / name.with_suffix(".pyc")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Unchecked: no source lies beside it that it could be compared with.
    target.write_bytes(importer._code_to_hash_pyc(code, b"\0" * 8, checked=False))

sys.path.append("/tree")
stdout, stderr = sys.stdout, sys.stderr
namespace = {"__name__": "__main__"}
await eval_code_async(warm_up, namespace, filename="warm_up.py")  # noqa: F704, F821
sys.stdout, sys.stderr = stdout, stderr


def loaded():
    """Give the files of all modules that are loaded by now."""
    return {file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}


lists = {"core.zip": loaded()}
for archive, code in namespace["LATER"].items():
    before = loaded()
    exec(code, namespace)
    lists[archive] = loaded() - before
(out / "loaded.json").write_text(json.dumps({archive: sorted(files) for archive, files in lists.items()}, indent=1))
