"""Run `pip install`, showing one line of progress, and the whole log if it fails.

python tools/install.py NAME pip-install-arguments...
"""

import subprocess
import sys
import time
from pathlib import Path


def install(name, arguments):
    """Install with this environment's pip; return pip's exit code."""
    log = Path(sys.prefix) / "install.log"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        *arguments,
    ]
    live = sys.stdout.isatty()
    begun, packages = time.monotonic(), 0
    print(
        f"Installing {name} (log: {log.relative_to(Path.cwd()) if log.is_relative_to(Path.cwd()) else log})", flush=True
    )
    with log.open("w", encoding="utf-8") as record:
        pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        for line in pip.stdout:
            record.write(line)
            found = line.startswith(("Collecting ", "Processing "))
            packages += found
            if found and (live or packages % 25 == 0):
                print(f"  {packages} packages found", end="\r" if live else "\n", flush=True)
            elif line.startswith("Installing collected packages"):
                print(f"  unpacking {packages} packages  ", flush=True)
    if pip.wait() != 0:
        print(log.read_text(encoding="utf-8"), file=sys.stderr)
    else:
        print(f"  done in {time.monotonic() - begun:.0f} s", flush=True)
    return pip.returncode


if __name__ == "__main__":
    sys.exit(install(sys.argv[1], sys.argv[2:]))
