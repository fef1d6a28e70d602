// Python's side of a live page: Pyodide with the thin kernel of `kernel/`.
//
// The page sends { kind: 'boot' | 'runtime' | 'run' | 'comm_open' | 'comm_msg' | 'comm_close', … }, one at a time in order;
// it hears { kind: 'locked' | 'progress' | 'ready' | 'messages' | 'ran' | 'idle' | 'failed', … }.
import { loadPyodide } from 'pyodide';
import * as memory from './memory.js';

const here = new URL('.', self.location).href;
const SITE = '/lib/python3.12/site-packages';
const marks = {};
const mark = (name) => (marks[name] = Math.round(performance.now()));

// How long after the reader's last doing Python's memory is kept for the next start, in milliseconds.
const SETTLED = 3000;
let asked = 0;

// How many moves are rehearsed, and how long after the reader's last doing, in milliseconds.
const REHEARSALS = 40;
const QUIET = 40;

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

// Pyodide asks for the standard library late; it comes beside all else.
const CORE = 'core.zip';
let core = fetch(here + CORE);
core.catch(() => {});
const fetchElse = self.fetch;
self.fetch = (address, ...more) => {
  if (String(address) === here + RUNTIME) return Promise.resolve(RUNTIME);
  if (String(address) !== here + CORE || !core) return fetchElse(address, ...more);
  const coming = core;
  core = null; // a response can be read but once
  return coming;
};

// Pyodide would ask for its glue itself, but what it makes of it could not be prepared then.
let createModule;
const glue = import(`${here}pyodide.asm.js`).then(() => (createModule = self._createPyodideModule));
glue.catch(() => {});

let tellFailure;
WebAssembly.instantiateStreaming = async (_response, imports) => {
  const module = await runtime;
  try {
    return { module, instance: await WebAssembly.instantiate(module, imports) };
  } catch (error) {
    tellFailure(error);
    throw error;
  }
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
  new PerformanceObserver((list) => count(list.getEntries().map(({ name }) => name.slice(here.length)))).observe({ type: 'resource', buffered: true });
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
  const extensions = MANIFEST.extensions.map((name) => [`${SITE}/${name}`, fetchBytes(`extensions/${name}`)]);
  const project = fetchBytes('project.zip');
  // A failure of theirs is told when they are wanted.
  for (const promise of [project, ...extensions.map(([, data]) => data)]) promise.catch(() => {});
  const made = await startPython(project, extensions);
  mark('libraries');
  python.pyimport('live_imports').begin(install);
  kernel = python.pyimport('live_kernel');
  mark('kernel');
  kernel.start(
    (text, buffers) => {
      const bytes = text.toJs();
      self.postMessage({ kind: 'messages', bytes, buffers: buffers.toJs() }, [bytes.buffer]);
    },
    JSON.stringify(models),
    tellState,
  );
  self.postMessage({ kind: 'ready', marks });
  // To write it all takes the processor for a moment that a reader who is moving something would notice.
  if (made) whenQuiet(SETTLED, () => memory.keep(made));
}

// Calls a function as soon as the reader has asked for nothing for so many milliseconds.
function whenQuiet(pause, act) {
  const left = asked + pause - performance.now();
  if (left > 0) setTimeout(whenQuiet, left, pause, act);
  else act();
}

// Rehearses move after move, and lets the reader's own come in between.
function rehearse(rehearsal, number = 0) {
  whenQuiet(QUIET, () => {
    try {
      rehearsal.rehearse(number);
    } catch (error) {
      // A reader's cell may have put something else in the place of what is rehearsed.
      console.debug(`Nothing is rehearsed: ${error.message}`);
      return;
    }
    if (number + 1 < REHEARSALS) setTimeout(rehearse, 0, rehearsal, number + 1);
  });
}

// Starts Python and imports all that every page wants, which takes the most of a start; or takes it from where an
// earlier start came to. Returns a picture of the memory that the next can begin with, if this one had none.
async function startPython(project, extensions) {
  const kept = await memory.recall();
  if (kept) {
    mark('recalled');
    const compiled = Promise.all(extensions.map(async ([path, data]) => [path, await WebAssembly.compile(await data)]));
    compiled.catch(() => {});
    try {
      await load({ _loadSnapshot: kept.memory }, putBack(kept.libraries, compiled));
      python.unpackArchive(await project, 'zip', { extractDir: SITE });
      return null;
    } catch (error) {
      // A file that did not come is no fault of the memory's.
      await Promise.all([runtime, project, ...extensions.map(([, data]) => data)]);
      console.warn(`Python starts without the memory that was kept: ${error.message}`);
      await memory.forget();
    }
  }
  await load({ _makeSnapshot: memory.canKeep });
  self.postMessage({ kind: 'progress', phase: 'libraries' });
  python.unpackArchive(await project, 'zip', { extractDir: SITE });
  for (const [path, data] of extensions) {
    python.FS.mkdirTree(path.slice(0, path.lastIndexOf('/')));
    python.FS.writeFile(path, await data, { canOwn: true });
  }
  const { later, packages, preload } = MANIFEST;
  python.pyimport('live_imports').preload(python.toPy(preload), python.toPy(later), python.toPy(packages));
  return memory.canKeep ? { memory: python.makeMemorySnapshot(), libraries: libraries() } : null;
}

// numpy's compiled parts are outside of Python's memory, which points to their functions by their places in a table. So
// they must come back to the same places: Emscripten notes in the memory where each of them stands.
function libraries() {
  const { LDSO, wasmTable } = python._module;
  const loaded = Object.entries(LDSO.loadedLibsByHandle).map(([handle, { name, global }]) => ({ handle: Number(handle), name, global }));
  return { loaded: loaded.filter(({ handle }) => handle), places: wasmTable.length };
}

function putBack({ loaded, places }, compiled) {
  return async (module) => {
    const parts = new Map(await compiled);
    const { restoreSnapshot } = module.API;
    module.API.restoreSnapshot = (memory) => {
      restoreSnapshot(memory);
      for (const { handle, name, global } of loaded) {
        const flags = { global, nodelete: true, loadAsync: false };
        module.preloadedWasm[name] = module.loadWebAssemblyModule(parts.get(name), flags, name, {}, handle);
        module.loadDynamicLibrary(name, flags, {}, handle);
      }
      if (module.wasmTable.length !== places) throw new Error('the compiled parts stand elsewhere now');
      // They have set their variables to what they were at first.
      return restoreSnapshot(memory);
    };
  };
}

// Of a runtime that did not come, or did not fit, Pyodide would tell the console only, and wait for ever.
async function load(options, prepare = () => {}) {
  const failure = new Promise((_resolve, reject) => (tellFailure = reject));
  await glue;
  self._createPyodideModule = async (settings) => {
    const module = await createModule(settings);
    await prepare(module);
    return module;
  };
  const loaded = Promise.all([runtime, loadPyodide({
    indexURL: here,
    stdLibURL: here + CORE,
    lockFileURL: `${here}pyodide-lock.json`,
    ...options,
  })]);
  [, python] = await Promise.race([loaded, failure]);
  mark('python');
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
    // Earlier, it would come between the page's cells.
    rehearse(python.pyimport('live_rehearsal'));
  },
  comm({ id, type, text, buffers }) {
    kernel.comm_message(type, text, buffers);
    self.postMessage({ kind: 'idle', id });
  },
};

// One after the other: a cell that awaits must not be overtaken by the next message.
let last = Promise.resolve();
self.onmessage = ({ data }) => {
  asked = performance.now();
  // What the start waits for.
  if (data.kind === 'runtime') {
    tellRuntime(data);
    return;
  }
  last = last.then(() => answers[data.kind](data)).catch((error) => {
    self.postMessage({ kind: 'failed', error: String(error?.message ?? error) });
  });
};
