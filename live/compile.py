"""Runs inside Pyodide, for `compile.mjs`: `.pyc` files for all of /tree, and the list of what `warm_up` loads."""

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
await eval_code_async(warm_up, {"__name__": "__main__"}, filename="warm_up.py")  # noqa: F704, F821
sys.stdout, sys.stderr = stdout, stderr
files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
(out / "loaded.json").write_text(json.dumps(sorted(filter(None, files)), indent=1))
