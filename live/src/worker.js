// Python's side of a live page: Pyodide with the thin kernel of `kernel/`.
//
// The page sends { kind: 'boot' | 'runtime' | 'run' | 'comm_open' | 'comm_msg' | 'comm_close', … }, one at a time in order;
// it hears { kind: 'locked' | 'progress' | 'ready' | 'messages' | 'ran' | 'idle' | 'failed', … }.
import { loadPyodide } from 'pyodide';

const here = new URL('.', self.location).href;
const SITE = '/lib/python3.12/site-packages';
const marks = {};
const mark = (name) => (marks[name] = Math.round(performance.now()));

let python;
let kernel;
let cellTexts;

async function fetchBytes(name) {
  const response = await fetch(here + name);
  if (!response.ok) throw new Error(`${name}: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

// The page compiles Pyodide's runtime and sends it, so Pyodide need neither fetch nor compile it.
const RUNTIME = 'pyodide.asm.wasm';
let tellRuntime;
const runtime = new Promise((resolve, reject) => {
  tellRuntime = ({ module, error }) => (module ? resolve(module) : reject(new Error(error)));
});
runtime.catch(() => {});
const fetchElse = self.fetch;
self.fetch = (address, ...more) => (address === here + RUNTIME ? Promise.resolve(RUNTIME) : fetchElse(address, ...more));
WebAssembly.instantiateStreaming = async (_response, imports) => {
  const module = await runtime;
  return { module, instance: await WebAssembly.instantiate(module, imports) };
};

// Tells the page how much of what a start needs has come.
function countDownloads() {
  const { start } = MANIFEST;
  const all = Object.values(start).reduce((sum, size) => sum + size);
  let come = 0;
  const count = (names) => {
    for (const name of names) come += start[name] ?? 0;
    self.postMessage({ kind: 'progress', phase: come < all ? 'download' : 'python', share: come / all });
  };
  new PerformanceObserver((list) => count(list.getEntries().map(({ name }) => name.slice(here.length)))).observe({ type: 'resource' });
  runtime.then(() => count([RUNTIME]), () => {});
}

// A module is wanted in the middle of an import statement, which cannot wait for a promise.
function fetchBytesNow(name) {
  const request = new XMLHttpRequest();
  request.open('GET', here + name, false);
  request.responseType = 'arraybuffer';
  request.send();
  if (request.status !== 200) throw new Error(`${name}: the server answered ${request.status}`);
  return new Uint8Array(request.response);
}

function install(archive) {
  self.postMessage({ kind: 'progress', phase: 'package', detail: archive });
  python.unpackArchive(fetchBytesNow(archive), archive.endsWith('.whl') ? 'wheel' : 'zip', { extractDir: SITE });
}

async function boot({ models, tellState, lock }) {
  // Where a policy forbids WebAssembly, Pyodide would wait for ever; an empty module fails at once.
  new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  navigator.locks?.request(lock, () => {
    self.postMessage({ kind: 'locked' });
    return new Promise(() => {});
  });
  countDownloads();
  // Every download begins now, beside that of the runtime.
  const extensions = MANIFEST.extensions.map((name) => [name, fetchBytes(`extensions/${name}`)]);
  const project = fetchBytes('project.zip');
  // A failure of theirs is told when they are wanted.
  for (const promise of [project, ...extensions.map(([, data]) => data)]) promise.catch(() => {});
  // Of a runtime that did not come Pyodide would tell the console only, and wait for ever.
  [, python] = await Promise.all([runtime, loadPyodide({
    indexURL: here,
    stdLibURL: `${here}core.zip`,
    lockFileURL: `${here}pyodide-lock.json`,
  })]);
  mark('python');
  self.postMessage({ kind: 'progress', phase: 'libraries' });
  for (const [name, data] of extensions) {
    const path = `${SITE}/${name}`;
    python.FS.mkdirTree(path.slice(0, path.lastIndexOf('/')));
    python.FS.writeFile(path, await data, { canOwn: true });
  }
  mark('extensions');
  python.unpackArchive(await project, 'zip', { extractDir: SITE });
  mark('project');
  python.pyimport('live_imports').install(python.toPy(MANIFEST.later), python.toPy(MANIFEST.packages), install);
  mark('imports');
  kernel = python.pyimport('live_kernel');
  mark('kernel');
  kernel.start(
    (text, buffers) => self.postMessage({ kind: 'messages', text, buffers: buffers.toJs() }),
    JSON.stringify(models),
    tellState,
  );
  self.postMessage({ kind: 'ready', marks });
}

const answers = {
  boot,
  async run({ id, cell, source, label }) {
    const ok = JSON.parse(await kernel.run_cell(cell, source, label));
    self.postMessage({ kind: 'ran', id, ok });
  },
  // Which later cells follow from a cell.
  followers({ id, cell, sources }) {
    cellTexts ??= python.pyimport('live_cells');
    const found = cellTexts.followers(cell, python.toPy(sources));
    self.postMessage({ kind: 'ran', id, ok: found.toJs() });
    found.destroy();
  },
  // Before and after all cells are run afresh.
  begin({ id }) {
    self.postMessage({ kind: 'ran', id, ok: kernel.begin_again() ?? true });
  },
  end({ id }) {
    self.postMessage({ kind: 'ran', id, ok: kernel.end_again() ?? true });
  },
  close({ id }) {
    self.postMessage({ kind: 'ran', id, ok: kernel.end_of_page() });
  },
  comm({ id, type, text, buffers }) {
    kernel.comm_message(type, text, buffers);
    self.postMessage({ kind: 'idle', id });
  },
};

// One after the other: a cell that awaits must not be overtaken by the next message.
let last = Promise.resolve();
self.onmessage = ({ data }) => {
  // What the start waits for.
  if (data.kind === 'runtime') {
    tellRuntime(data);
    return;
  }
  last = last.then(() => answers[data.kind](data)).catch((error) => {
    self.postMessage({ kind: 'failed', error: String(error?.message ?? error) });
  });
};
