"""Build the book into `_build/html`: every page afresh, any warning an error.

python tools/build.py [--if-stale]
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
STAMP = ROOT / "_build" / "built"
SOURCES = ("_config.yml", "_toc.yml", "requirements.txt", "*.py", "_ext/**/*", "_root/**/*", "_static/**/*", "live/**/*", "chapters/**/*")
# Said by every kernel that a build starts: nothing leaves this computer.
KERNEL_NOISE = "Kernel is running over TCP without encryption"


def sources():
    """Return every file that the built pages depend on."""
    found = {path for pattern in SOURCES for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in found if not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts))


def is_stale():
    """Say whether the book is missing, or older than one of its sources."""
    return not STAMP.exists() or max(path.stat().st_mtime for path in sources()) > STAMP.stat().st_mtime


def build(source=ROOT):
    """Build the book at `source` from nothing; return the exit code."""
    output = source / "_build"
    shutil.rmtree(output, ignore_errors=True)
    begun, clock = time.time(), time.monotonic()
    command = [
        str(Path(sys.executable).with_name("jupyter-book")),
        "build",
        str(source),
        "-n",
        "-W",
        "--keep-going",
        "-q",
    ]
    print("Building the book (every chapter's cells are run)", flush=True)
    book = subprocess.run(
        command, cwd=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if book.returncode == 0:
        print(f"  done in {time.monotonic() - clock:.0f} s: {(output / 'html').relative_to(source)}", flush=True)
        stamp = output / STAMP.name
        stamp.touch()
        # A source saved while the build ran is newer than what was read.
        os.utime(stamp, (begun, begun))
    else:
        print("\n".join(line for line in book.stdout.splitlines() if KERNEL_NOISE not in line), file=sys.stderr)
    return book.returncode


if __name__ == "__main__":
    if "--if-stale" in sys.argv and not is_stale():
        print("The book is up to date.")
    else:
        sys.exit(build())
