"""Find a Chromium or Chrome for the tests, install one if there is none, and print its path.

    python tools/browser.py

The environment variable CHROMIUM names the browser to use, whatever else is there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "~/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "/snap/bin/chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find(playwright=None):
    """Return the path of an installed browser, or None; a running Playwright may be passed along."""
    if named := os.environ.get("CHROMIUM"):
        path = shutil.which(named)
        if path is None:
            raise SystemExit(f"CHROMIUM={named} is no program.")
        return path
    installed = [shutil.which(name) for name in NAMES] + [str(Path(place).expanduser()) for place in PLACES]
    return next(filter(starts, installed), None) or playwrights_own(playwright)


def playwrights_own(playwright=None):
    """Return the path of the Chromium that Playwright installed, or None."""
    if playwright is not None:
        path = playwright.chromium.executable_path
    else:
        try:
            from playwright.sync_api import sync_playwright
        except ImportError:
            return None
        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
    return path if starts(path) else None


def starts(path):
    """Say whether there is a browser that starts (a distribution's stand-in for a snap does not)."""
    if not path or not Path(path).is_file():
        return False
    if sys.platform == "win32":  # there the browser opens a window instead of printing its version
        return True
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install():
    """Install a Chromium: from the distribution where root may, else Playwright's own; return its path."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and shutil.which("apt-get"):
        print("Installing Chromium with apt-get", file=sys.stderr, flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "-qq", "update"], **quiet)
        subprocess.run(["apt-get", "-qq", "install", "--yes", "--no-install-recommends", "chromium"], **quiet)
        if path := find():
            return path
    print("Installing Playwright's Chromium", file=sys.stderr, flush=True)
    # With root's rights Playwright also installs the system libraries that Chromium needs.
    with_libraries = ["--with-deps"] if root and shutil.which("apt-get") else []
    subprocess.run([sys.executable, "-m", "playwright", "install", *with_libraries, "chromium"], stdout=sys.stderr)
    path = find()
    if path is None:
        raise SystemExit("No Chromium could be installed: install Chromium or Chrome, or set CHROMIUM to its path.")
    return path


def launch(playwright):
    """Start headless Chromium with a running Playwright; `make test` has installed one if there was none."""
    path = find(playwright)
    if path is None:
        raise FileNotFoundError("no Chromium: python tools/browser.py installs one")
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


if __name__ == "__main__":
    print(find() or install())
