"""Make a built book readable without a network: write its service worker, which knows every file of it."""

import base64
import hashlib
import json
from pathlib import Path

import build

UNWANTED = ("_sources/", ".buildinfo", "objects.inv", "service-worker.js")
"""What no page asks for."""


def write(html: Path, folder: str, cache: Path = build.fetch.CACHE) -> None:
    """Write `offline.js`, which every page loads, and `service-worker.js` into the folder of the built pages."""
    build.bundle(cache, html, "offline.js")
    files, late = [], []
    for path in sorted(path for path in html.rglob("*") if path.is_file()):
        name = path.relative_to(html).as_posix()
        if name.startswith(f"{folder}/packages/"):
            late.append(name)
        elif not name.startswith(UNWANTED) and not name.endswith((".map", ".LEGAL.txt")):
            files.append([name, base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()])
    book = json.dumps({"files": files, "late": late, "folder": folder})
    build.bundle(
        cache, html, "service-worker.js", f"--define:BOOK={book}", '--define:process.env.NODE_ENV="production"'
    )
