"""Time how fast a page of the built book goes live, beside a stock Pyodide in the same run.

    python bench/live.py [--rounds 7]

Writes bench/live-results.md.  All times are taken by the page's own clock in headless Chromium, at the
sparse autoencoder's chapter with its ten steps.  Cold is a browser profile that has never seen the book, warm one
that has gone live before, for some seconds; in both the first touch comes as soon as the sliders can be reached, so
that nothing was prefetched.  The other chapter is the autoencoder's, opened after the first cold visit in the same
browser.  The p95 of the table is that of a visit, the median of all visits: one that falls into a stretch in which the
machine has others to serve counts for one.  Stock is `loadPyodide()` with the files of npm, then `import numpy,
ipywidgets` from the released wheels (with the kernel's stand-in for IPython: the real one would take seconds longer), in
a worker too.
"""

import argparse
import gzip
import json
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import browser  # noqa: E402
import build  # noqa: E402
import serve  # noqa: E402

PAGE = "chapters/sparse_autoencoder.html"
NEXT = "chapters/autoencoder.html"
KEYS = 60
STRETCH = 10
"""Presses in one direction, to and fro: those of the first stretch lead to numbers that were not there before."""
PAUSE = 150
"""Milliseconds from one press to the next."""
STAY = 8000
"""Milliseconds that the first visit goes on after its last key."""
MUST = {"cold": (0.5, 0.25), "warm": (0.4, 0.2), "key": (25, 10), "live": (10, 7), "page": (700, 350), "LCP": (1.2, 0.7), "CLS": (0.02, 0)}

# Notes when a key goes down and when a matrix's cell last and first changed after it; LCP and layout shifts.
WATCH = """
window.bench = { touch: 0, key: 0, first: 0, last: 0, lcp: 0, shift: 0, shiftAfterInput: 0 };
// A start counts from the touch, which comes a moment before the key.
addEventListener('focusin', (event) => (bench.touch ||= event.timeStamp), true);
addEventListener('keydown', (event) => Object.assign(bench, { key: event.timeStamp, first: 0, last: 0 }), true);
const isCell = ({ target }) => (target.nodeType === 1 ? target : target.parentElement)?.closest('.ae table');
const watch = () => new MutationObserver((records) => {
  if (!bench.key || !records.some(isCell)) return;
  bench.last = performance.now();
  bench.first ||= bench.last;
}).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
document.readyState === 'loading' ? addEventListener('DOMContentLoaded', watch) : watch();
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (bench.lcp = entry.startTime)))
  .observe({ type: 'largest-contentful-paint', buffered: true });
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  bench[entry.hadRecentInput ? 'shiftAfterInput' : 'shift'] += entry.value;
})).observe({ type: 'layout-shift', buffered: true });
"""

STOCK_PAGE = """<!doctype html><meta charset="utf-8"><title>stock</title><script>
const begun = performance.now();
const worker = new Worker('worker.js', { type: 'module' });
worker.onmessage = ({ data }) => { window.took = performance.now() - begun; window.said = data; };
</script>"""
STOCK_WORKER = """
import { loadPyodide } from './pyodide.mjs';
const python = await loadPyodide({ packages: ['numpy', ...WHEELS.map((name) => new URL(name, self.location).href)] });
python.FS.mkdirTree('/standin');
python.unpackArchive(await (await fetch('standin.zip')).arrayBuffer(), 'zip', { extractDir: '/standin' });
self.postMessage(await python.runPythonAsync(
  'import sys; sys.path.append("/standin"); import numpy, ipywidgets; numpy.__version__ + " " + ipywidgets.__version__'));
"""


def lay_out_stock(folder):
    """Lay npm's Pyodide, the released wheels and a page that starts them into a folder."""
    cache = ROOT / ".cache/live"
    for path in (cache / "node_modules/pyodide").iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    lock = json.loads((folder / "pyodide-lock.json").read_text())
    shutil.copy(cache / "wheels" / lock["packages"]["numpy"]["file_name"], folder)
    names = [line.split("==")[0] for line in (ROOT / "live/wheels.txt").read_text().splitlines()]
    wheels = [next((cache / "wheels").glob(f"{name}-*.whl")) for name in names]
    for wheel in wheels:
        shutil.copy(wheel, folder)
    standin = folder / "standin"
    shutil.copytree(ROOT / "live/kernel/IPython", standin / "IPython", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.make_archive(str(standin), "zip", standin)
    (folder / "index.html").write_text(STOCK_PAGE)
    (folder / "worker.js").write_text(STOCK_WORKER.replace("WHEELS", json.dumps([wheel.name for wheel in wheels])))


class Profile:
    """A browser with a profile of its own, kept from one visit to the next."""

    def __init__(self, playwright):
        self.folder = tempfile.mkdtemp()
        self.playwright = playwright

    def open(self):
        # Each visit is a new browser: what warms it lies on the disk.
        return self.playwright.chromium.launch_persistent_context(
            self.folder, executable_path=browser.find(self.playwright), args=list(browser.FLAGS), viewport={"width": 1280, "height": 900}
        )

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def go_live(context, address, keys=0, chapter=PAGE):
    """Visit the chapter, press a key at its first slider; give the page and milliseconds to the first changed cell."""
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(f"{address}/{chapter}", wait_until="load")
    handle = page.locator(".ae-controls [role=slider]").first
    handle.wait_for(state="visible")
    page.evaluate("document.querySelector('.ae-controls [role=slider]').focus({ preventScroll: true })")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("bench.first", timeout=60_000)
    marks = page.evaluate("({ took: bench.first - bench.touch, ...bench, times: window.live?.times })")
    latencies = []
    page.wait_for_timeout(500)
    for number in range(keys):
        page.keyboard.press("ArrowLeft" if number // STRETCH % 2 else "ArrowRight")
        page.wait_for_timeout(PAUSE)
        # To wait for an expression would have the page draw frames all the while, which no reader does.
        while not page.evaluate("bench.first"):
            page.wait_for_timeout(PAUSE)
        latencies.append(page.evaluate("bench.last - bench.key"))
    return page, marks, latencies


def stock(context, address):
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("window.took", timeout=120_000)
    return page.evaluate("took")


def serve_folder(folder):
    server = serve.open_server(folder, port=0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def live_bytes(address_folder, context, address):
    """Give the compressed bytes that a page asks for to go live, the worker's requests included."""
    asked = set()
    context.on("request", lambda request: asked.add(request.url))
    page, _, _ = go_live(context, address)
    page.wait_for_timeout(500)
    asked |= set(page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)"))
    for worker in page.workers:
        asked |= set(worker.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)"))
    live = {url for url in asked if "/live-" in url and not url.endswith((".css", "/page.js"))}
    return sum(len(gzip.compress((address_folder / url.removeprefix(address).lstrip("/")).read_bytes(), 9)) for url in live), sorted(live)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(rounds, keys):
    results = {"stock cold": [], "stock warm": [], "cold": [], "warm": [], "next": [], "keys": [], "LCP": [], "CLS": []}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        stock_folder = Path(folder)
        lay_out_stock(stock_folder)
        book, stocks = serve_folder(build.HTML), serve_folder(stock_folder)
        for number in range(rounds):
            for name, act in (
                ("stock", lambda context: stock(context, stocks)),
                ("", lambda context: go_live(context, book, keys)),
            ):
                profile = Profile(playwright)
                for state in ("cold", "warm"):
                    context = profile.open()
                    found = act(context)
                    if name:
                        results[f"stock {state}"].append(found)
                    else:
                        _, marks, latencies = found
                        results[state].append(marks["took"])
                        results["keys"].append(latencies)
                        results["LCP"].append(marks["lcp"])
                        results["CLS"].append(found[0].evaluate("bench.shift"))
                        times = {k: round(v) if isinstance(v, (int, float)) else v for k, v in (marks["times"] or {}).items()}
                        print(f"{state}: key press median {median(latencies):.1f}, p95 {percentile(latencies, 0.95):.1f}", json.dumps(times), flush=True)
                        if state == "cold":  # Python's memory is kept when the reader has done nothing for a while
                            found[0].wait_for_timeout(STAY)
                            results["next"].append(go_live(context, book, chapter=NEXT)[1]["took"])
                    context.close()
                profile.remove()
            print(f"round {number + 1}: " + ", ".join(f"{name} {values[-1]:.0f}" for name, values in results.items() if values and name != "keys"), flush=True)
        profile = Profile(playwright)
        context = profile.open()
        results["live bytes"], results["live files"] = live_bytes(build.HTML, context, book)
        context.close()
        results["page bytes"] = page_bytes(playwright, book)
        results["browser"] = context_version(playwright)
        profile.remove()
    return results


def page_bytes(playwright, address):
    """Give the compressed bytes that a page asks for while nobody touches it and nothing is prefetched."""
    with browser.launch(playwright) as chromium:
        page = chromium.new_page()
        responses = []
        page.on("response", lambda response: responses.append(response))
        page.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
        page.goto(f"{address}/{PAGE}", wait_until="networkidle")
        return sum({response.url: len(gzip.compress(response.body(), 9)) for response in responses if response.ok}.values())


def context_version(playwright):
    with browser.launch(playwright) as chromium:
        return chromium.version


def table(results):
    cold = median(results["cold"]) / median(results["stock cold"])
    warm = median(results["warm"]) / median(results["stock warm"])
    rows = [
        ("first touch → first changed cell, cold, over the stock boot", f"{cold:.2f}", *MUST["cold"]),
        ("the same, warm", f"{warm:.2f}", *MUST["warm"]),
        ("key press → last dependent cell changed, p95 (ms)", f"{median(percentile(keys, 0.95) for keys in results['keys']):.1f}", *MUST["key"]),
        ("compressed megabytes to go live", f"{results['live bytes'] / 1e6:.2f}", *MUST["live"]),
        ("compressed kilobytes of the page before that", f"{results['page bytes'] / 1e3:.0f}", *MUST["page"]),
        ("LCP, local server (s)", f"{median(results['LCP']) / 1000:.2f}", *MUST["LCP"]),
        ("CLS, from loading to being live", f"{max(results['CLS']):.4f}", *MUST["CLS"]),
    ]
    lines = ["| | measured | must | aim |", "|---|---:|---:|---:|"]
    return "\n".join(lines + [f"| {name} | {value} | ≤ {must} | ≤ {aim} |" for name, value, must, aim in rows])


def report(results, rounds):
    seconds = {name: f"{median(results[name]) / 1000:.2f} s" for name in ("cold", "warm", "next", "stock cold", "stock warm")}
    keys = [latency for visit in results["keys"] for latency in visit]
    lock = json.loads((ROOT / "live/package.json").read_text())["dependencies"]
    told = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next((line.split(":")[1].strip() for line in told if line.startswith("model name")), "")
    return f"""# How fast the pages go live

`make bench-live`, {time.strftime("%Y-%m-%d")}, {rounds} rounds.
{platform.system()} {platform.machine()}, {os.cpu_count()} cores{f" ({cpu})" if cpu else ""}, load {os.getloadavg()[0]:.1f} at the end.
Chromium {results["browser"]}, Pyodide {lock["pyodide"]}, ipywidgets {version("ipywidgets")}, numpy {version("numpy")} at the build.

{table(results)}

Medians: cold {seconds["cold"]} (stock {seconds["stock cold"]}), warm {seconds["warm"]} (stock {seconds["stock warm"]}), another chapter after the cold one {seconds["next"]};
key press median {median(keys):.1f} ms and p95 {percentile(keys, 0.95):.1f} ms over all {len(keys)} presses.

{__doc__.partition("Writes")[2].partition("All times")[2].join(["All times", ""]).strip()}
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keys", type=int, default=KEYS)
    parser.add_argument("--book", type=Path, default=build.HTML)
    parser.add_argument("--dry", action="store_true", help="print, do not write the results")
    arguments = parser.parse_args()
    build.HTML = arguments.book
    found = measure(arguments.rounds, arguments.keys)
    text = report(found, arguments.rounds)
    print(text)
    if not arguments.dry:
        (ROOT / "bench/live-results.md").write_text(text, encoding="utf-8")
