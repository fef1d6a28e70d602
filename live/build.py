"""Build what makes the pages live: `python live/build.py` prints what it built and its size.

Fetches the parts by name and version (`fetch.py`), compiles and packs Python for the browser, and
bundles the scripts of `src`.  Everything lands in one folder, live-<hash of all of it>: whatever changes gets
a new address, and a page never meets files of another version.

What it holds:

- `page.js`, `page.css`: for every page; the editor's chunks are asked for only when a cell is edited;
- `worker.js`: Python's side, started when a reader first touches a slider;
- `pyodide.asm.js`, `pyodide.asm.wasm`: Pyodide's runtime as released;
- `core.zip`: the modules that a page needs at its start, and `extensions/`: numpy's compiled parts;
- `random.zip`: numpy's random numbers and what else `LATER` of `warm_up.py` names, for pages that train;
- `rest.zip`: all other modules of the standard library and of numpy, for cells that import them;
- `fonts/`: the font of the formulas, which every page shows;
- `packages/`: matplotlib, pandas and what they need, as released;
- `project.zip`: the repository's own `ae_*.py`, byte by byte, compiled beside.
"""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import fetch
from font import write_font

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

PROJECT = ("ae_backprop.py", "ae_chart.py", "ae_compare.py", "ae_core.py", "ae_explore.py", "ae_planted.py", "ae_style.py", "ae_sweep.py", "ae_train.py", "ae_trainer.py", "ae_variant_steps.py", "ae_variant_widgets.py", "ae_variants.py", "ae_view.py", "ae_widgets.py")
START = ("pyodide.asm.js", "pyodide.asm.wasm", "core.zip", "project.zip")
"""What every start asks for, beside numpy's compiled parts."""
SITE = "lib/python3.12/site-packages"
FIRST = "live_kernel"
"""The module that makes ready what others find when they are imported."""
DROPPED_FOLDERS = {"tests", "test", "f2py", "distutils", "testing", "_pyinstaller", "idlelib", "turtledemo", "ensurepip", "lib2to3", "__pycache__"}


def build(cache: Path = fetch.CACHE) -> Path:
    """Build into a folder of the cache and return it; what nothing has changed since is not built again."""
    fetch.fetch(cache)
    built = cache / "built"
    noted = built / f"{_inputs()}.txt"
    if noted.exists() and (built / noted.read_text()).is_dir():
        return built / noted.read_text()
    print("Building the live pages' Python and scripts", flush=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="work-") as folder:
        work = Path(folder)
        pack = work / "pack"
        pack.mkdir()
        pack_python(cache, work, pack)
        bundle_scripts(cache, pack)
        write_font(cache, pack / "fonts")
        digest = hashlib.sha256()
        for path in sorted(p for p in pack.rglob("*") if p.is_file()):
            digest.update(str(path.relative_to(pack)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        target = built / f"live-{digest.hexdigest()[:12]}"
        _forget_old(built)
        built.mkdir(exist_ok=True)
        if not target.exists():
            pack.rename(target)
    noted.write_text(target.name)
    return target


def _inputs() -> str:
    """Give a digest of all that a build is made from."""
    digest = hashlib.sha256()
    files = [p for p in HERE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    for path in sorted([*files, *(ROOT / name for name in PROJECT)]):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _forget_old(built: Path) -> None:
    """Keep of earlier builds the three latest."""
    folders = sorted((p for p in built.glob("live-*") if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for folder in folders[3:]:
        shutil.rmtree(folder)


# ---------------------------------------------------------------------------------------------- Python


def pack_python(cache: Path, work: Path, pack: Path) -> None:
    """Write Pyodide's runtime and the archives that the worker loads."""
    pyodide = cache / "node_modules/pyodide"
    for name in ("pyodide.asm.js", "pyodide.asm.wasm"):
        shutil.copyfile(pyodide / name, pack / name)

    tree, compiled = work / "tree", work / "compiled"
    gather_sources(cache, tree)
    compiled.mkdir()
    command = [fetch.node(cache), HERE / "compile.mjs", cache / "node_modules", tree, compiled]
    subprocess.run([str(part) for part in command], check=True)
    lists = {archive: set(files) for archive, files in json.loads((compiled / "loaded.json").read_text()).items()}
    archives = {archive: {} for archive in (*lists, "rest.zip")}
    extensions = {}

    def place(*paths: str) -> str:
        """Give the archive of a file, of which Pyodide may have loaded either copy."""
        return next((archive for archive, files in lists.items() if files & set(paths)), "rest.zip")

    own = {Path(name).with_suffix(".pyc").name for name in PROJECT}
    for path in sorted(compiled.rglob("*.pyc")):
        name = path.relative_to(compiled)
        if str(name) not in own:
            source = str(name.with_suffix(".py"))
            archives[place(f"/lib/python312.zip/{source}", f"/tree/{source}")][str(name)] = path.read_bytes()
    for path in sorted(tree.rglob("*.so")):
        name = str(path.relative_to(tree))
        archive = place(f"/tree/{name}")
        (extensions if archive == "core.zip" else archives[archive])[name] = path.read_bytes()

    for archive, files in archives.items():
        write_zip(pack / archive, files)
    for name, data in extensions.items():
        target = pack / "extensions" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    project = {}
    for name in PROJECT:
        project[name] = (ROOT / name).read_bytes()
        stem = Path(name).stem
        project[f"__pycache__/{stem}.cpython-312.pyc"] = (compiled / f"{stem}.pyc").read_bytes()
    write_zip(pack / "project.zip", project)

    packages = fetch.official_lock(cache)
    folder = pack / "packages"
    folder.mkdir()
    listing = {}
    for name in fetch.with_dependencies(fetch.PACKAGES, packages):
        if name != "numpy":
            entry = packages[name]
            shutil.copyfile(cache / "wheels" / entry["file_name"], folder / entry["file_name"])
            needs = [n for n in fetch.with_dependencies([name], packages) if n not in (name, "numpy")]
            listing[name] = {"file": entry["file_name"], "imports": entry["imports"], "needs": needs}
    # Pyodide insists on a lock; packages are installed by the kernel's own finder.
    lock = json.loads((pyodide / "pyodide-lock.json").read_text())
    (pack / "pyodide-lock.json").write_text(json.dumps({"info": lock["info"], "packages": {}}))
    files = [pack / name for name in START] + [p for p in (pack / "extensions").rglob("*") if p.is_file()]
    (pack / "manifest.json").write_text(json.dumps({
        "extensions": sorted(extensions),
        "later": {archive: sorted({module_name(name) for name in files}) for archive, files in archives.items() if archive != "core.zip"},
        "preload": preloaded(archives["core.zip"], lists["core.zip"]),
        "packages": listing,
        "start": {path.relative_to(pack).as_posix(): path.stat().st_size for path in files},
    }))  # fmt: skip


def preloaded(core: dict[str, bytes], loaded: set[str]) -> list[str]:
    """List what every start imports, in an order in which it can be: the project's own modules last."""
    libraries = {module_name(name) for name in core}
    project = {Path(name).stem for name in PROJECT if f"/tree/{name}" in loaded}
    return [*sorted(libraries, key=lambda name: (name != FIRST, name)), *sorted(project)]


def gather_sources(cache: Path, tree: Path) -> None:
    """Lay the standard library, numpy, the widget libraries, the kernel and the project into one folder."""
    wheels = [*(cache / "wheels").glob("numpy-*.whl")]
    wheels += [next((cache / "wheels").glob(f"{line.split('==')[0]}-*.whl")) for line in (HERE / "wheels.txt").read_text().splitlines()]
    for archive in (cache / "node_modules/pyodide/python_stdlib.zip", *wheels):
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                parts = Path(name).parts
                if name.endswith((".py", ".so")) and not DROPPED_FOLDERS & set(parts) and not parts[0].endswith((".data", ".dist-info")):
                    opened.extract(name, tree)
    shutil.copytree(HERE / "kernel", tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in PROJECT:
        shutil.copyfile(ROOT / name, tree / name)


def module_name(file_name: str) -> str:
    """Give the dotted name of the module in a file such as ``numpy/random/__init__.pyc``."""
    parts = list(Path(file_name).parts)
    parts[-1] = parts[-1].partition(".")[0]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """Write an archive that is the same whenever its files are; stored, since the host compresses in transit."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)


# --------------------------------------------------------------------------------------------- scripts


def bundle_scripts(cache: Path, pack: Path) -> None:
    """Bundle page and worker."""
    manifest = json.dumps(json.loads((pack / "manifest.json").read_text()))
    for script in ("page.js", "worker.js"):
        bundle(cache, pack, script, "--splitting", f"--define:MANIFEST={manifest}")


def bundle(cache: Path, out: Path, script: str, *options: str) -> None:
    """Bundle a script of `src` and all that it imports into a folder, with esbuild."""
    command = [
        fetch.node(cache), str(cache / "node_modules/esbuild/bin/esbuild"), str(HERE / "src" / script),
        "--bundle", "--minify", "--format=esm", "--target=es2022", "--log-level=warning", "--legal-comments=linked",
        f"--outdir={out}", f"--alias:sanitize-html={HERE / 'src/sanitize.js'}", *options,
        "--external:module", "--external:fs", "--external:path", "--external:url", "--external:vm", "--external:child_process",
        "--external:crypto", "--external:ws", "--external:node-fetch", "--external:node:*",
    ]  # fmt: skip
    environment = {"NODE_PATH": str(cache / "node_modules"), "PATH": str(Path(fetch.node(cache)).parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    if done.stderr:
        print(done.stderr)


def main() -> None:
    folder = build()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.parent.name != "packages"):
        data = path.read_bytes()
        print(f"{len(data):>10,} {len(gzip.compress(data, 9)):>10,} gzip  {path.relative_to(folder)}")
    print(folder)


if __name__ == "__main__":
    try:
        main()
    except (fetch.Unreachable, fetch.Untrusted) as error:
        sys.exit(str(error))
