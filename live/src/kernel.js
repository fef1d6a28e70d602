const RUNTIME = 'pyodide.asm.wasm';
// How long a widget's function may take before the reader is offered to stop it, in milliseconds.
const PATIENCE = 3000;
// How long a start may go on without a step forward.
const SILENCE = 90_000;

const UTF8 = new TextDecoder();

let runtime;

// Pyodide's runtime is compiled here, while the worker starts and reads its scripts, and once for all workers.
function compileRuntime() {
  runtime ??= compile(new URL(RUNTIME, import.meta.url)).catch((error) => {
    runtime = undefined; // so that another try asks for it anew
    throw error;
  });
  return runtime;
}

async function compile(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${RUNTIME}: the server answered ${response.status}`);
  const isNamed = response.headers.get('content-type')?.startsWith('application/wasm');
  return isNamed ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

// The page's end of the worker: starts it, speaks to it, ends it.
export class Kernel {
  #worker;
  #pending = new Map();
  #asked = new Map();
  #unanswered = new Map();
  #counter = 0;
  #ended = false;

  // `on` has a function for each kind of message that is not an answer: progress, messages, failed; and `stuck`,
  // told the first widget whose message is not answered for long, and null when all are.
  constructor(on) {
    this.on = on;
  }

  // Returns what the worker says of itself when it is ready for cells.
  start(models, tellState) {
    return new Promise((resolve, reject) => {
      const patience = { left: undefined };
      const wait = () => {
        clearTimeout(patience.left);
        patience.left = setTimeout(() => reject(new Error('nothing came for a minute and a half')), SILENCE);
      };
      const fail = (error) => {
        clearTimeout(patience.left);
        reject(error);
        this.on.failed(error);
      };
      this.#worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
      this.#worker.onerror = (event) => fail(new Error(event.message || 'worker.js could not be fetched'));
      this.#worker.onmessage = ({ data }) => {
        if (this.#ended || data.kind === 'locked') return;
        if (data.kind === 'ready') {
          clearTimeout(patience.left);
          resolve(data.marks);
        } else if (data.kind === 'failed') fail(new Error(data.error));
        else if (data.kind === 'messages') this.#deliver(data);
        else if (data.kind === 'progress') {
          if (patience.left) wait();
          this.on.progress(data);
        } else this.#answer(data);
      };
      const lock = `live ${Math.random()}`;
      const worker = this.#worker;
      worker.postMessage({ kind: 'boot', models, tellState, lock });
      compileRuntime().then(
        (module) => worker.postMessage({ kind: 'runtime', module }),
        (error) => worker.postMessage({ kind: 'runtime', error: error.message }),
      );
      this.#worker.addEventListener('message', ({ data }) => data.kind === 'locked' && this.#watch(lock, fail));
      wait();
    });
  }

  // The worker holds a lock as long as it lives; a browser that ends it tells nobody, but gives the lock away.
  #watch(lock, fail) {
    navigator.locks.request(lock, () => this.#ended || fail(new Error('the browser has ended it')));
  }

  // Returns { ok, made, in_step }, or undefined if the worker was ended meanwhile. Errors name the cell by its label.
  run(cell, source, label) {
    return this.#ask({ kind: 'run', cell, source, label });
  }

  // Returns the numbers of the later cells that use what a cell binds.
  followers(cell, sources) {
    return this.#ask({ kind: 'followers', cell, sources });
  }

  // All cells are about to be run afresh; all have been.
  begin() {
    return this.#ask({ kind: 'begin' });
  }
  finish() {
    return this.#ask({ kind: 'end' });
  }

  // Ends the adoption of the page's widgets; tells whether each has found its twin.
  close() {
    return this.#ask({ kind: 'close' });
  }

  // Sends one comm message; `done` is called when the kernel has answered all that follows from it.
  comm(type, content, metadata, buffers, done) {
    const id = String(++this.#counter);
    this.#pending.set(id, done ?? (() => {}));
    this.#unanswered.set(id, content.comm_id);
    setTimeout(() => this.#unanswered.has(id) && !this.#asked.size && this.on.stuck?.(this.#unanswered.values().next().value), PATIENCE);
    const text = JSON.stringify({ header: { msg_id: id }, content, metadata: metadata ?? {} });
    this.#worker.postMessage({ kind: 'comm', id, type, text, buffers });
    return id;
  }

  end() {
    this.#ended = true;
    this.#worker?.terminate();
    const waiting = [...this.#asked.values()];
    this.#asked.clear();
    this.#pending.clear();
    this.#unanswered.clear();
    this.on.stuck?.(null);
    for (const resolve of waiting) resolve(undefined);
  }

  #ask(message) {
    const id = String(++this.#counter);
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#worker.postMessage({ ...message, id });
    });
  }

  #answer({ id, ok }) {
    const resolve = this.#asked.get(id) ?? this.#pending.get(id);
    this.#asked.delete(id);
    this.#pending.delete(id);
    this.#unanswered.delete(id);
    resolve?.(ok);
    if (!this.#unanswered.size) this.on.stuck?.(null);
  }

  #deliver({ bytes, buffers }) {
    let next = 0;
    for (const message of JSON.parse(UTF8.decode(bytes))) {
      const own = buffers.slice(next, (next += message.buffers));
      message.buffers = own.map((b) => new DataView(b.buffer, b.byteOffset, b.byteLength));
      this.on.message(message);
    }
  }
}
