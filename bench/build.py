"""Time a clean build of the book, aim 60 s; the book in `_build` is left alone."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import build  # noqa: E402

AIM = 60


def clean_build():
    """Build a copy of the sources; return the seconds it took, or None if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        for path in build.sources():
            copy = Path(folder) / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        if (ROOT / ".cache").exists():  # what was fetched from npm and PyPI stays fetched
            (Path(folder) / ".cache").symlink_to(ROOT / ".cache")
        begun = time.perf_counter()
        failed = build.build(Path(folder).resolve())
        return None if failed else time.perf_counter() - begun


if __name__ == "__main__":
    seconds = clean_build()
    if seconds is None:
        sys.exit("The book does not build.")
    print(f"clean build of the book: {seconds:.1f} s (aim {AIM} s)")
