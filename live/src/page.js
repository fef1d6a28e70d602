// Makes a page of the book live: draws its widgets at once, starts Python when the reader means to use them.
import '@lumino/widgets/style/index.css';
import '@jupyter-widgets/controls/css/labvariables.css';
import '@jupyter-widgets/controls/css/widgets-base.css';
import './page.css';
import { Notebook } from './cells.js';
import { Kernel } from './kernel.js';
import { PageManager } from './manager.js';
import { Status } from './status.js';

const json = (type) => JSON.parse(document.querySelector(`script[type="${type}"]`)?.textContent ?? 'null');

const state = json('application/vnd.jupyter.widget-state+json');
const cells = json('application/x-live-cells+json') ?? [];
const models = Object.entries(state?.state ?? {}).map(([id, { model_name: name }]) => [id, name]);
const manager = new PageManager();
const times = {};
const mark = (name) => (times[name] = performance.now());

// How long the pointer rests on the sliders before that counts as an intention, in milliseconds.
const INTENT = 150;
// How long after they were drawn the figures have their size, in milliseconds.
const SETTLED = 300;
// So often in a row Python is started anew by itself when the browser has ended it.
const REVIVALS = 3;

const places = () => [...document.querySelectorAll('.ae-live[data-model-id]')];
const pictures = (place) => place.querySelectorAll(':scope > .ae-figure');
// Whose children these are: first the style sheet, then the figures in their order, perhaps with controls between.
const figuresOf = (children, name) => children.slice(1).filter((child) => name(child) === 'HTMLModel');

// A figure's HTML stands in the page, and is not said again in the state.
function readPictures() {
  for (const place of places()) {
    const children = state.state[place.dataset.modelId].state.children.map((child) => state.state[child.replace('IPY_MODEL_', '')]);
    const figures = figuresOf(children, (child) => child.model_name);
    for (const [i, picture] of pictures(place).entries()) figures[i].state.value ??= picture.innerHTML;
  }
}

// Each widget takes the place of its picture; the matrices move in as they are.
async function draw() {
  readPictures();
  await manager.set_state(state);
  await Promise.all(places().map(async (place) => {
    const host = document.createElement('div');
    host.className = 'ae-live live-host';
    host.hidden = true;
    place.after(host);
    const model = await manager.get_model(place.dataset.modelId);
    const figures = figuresOf(model.get('children') ?? [], (child) => child.get('_model_name'));
    for (const [i, picture] of pictures(place).entries()) if (figures[i]) figures[i].drawn = new WeakRef(picture);
    const view = await manager.show(model, host);
    await view.displayed;
    place.replaceWith(host);
    host.hidden = false;
  }));
  sparePainting();
  await manager.listen();
  mark('drawn');
}

// From now on figures and sliders out of sight are not laid out when something changes. All have been seen at their full height
// by then, which they keep.
const sparePainting = () => setTimeout(() => (document.documentElement.dataset.liveSpare = ''), SETTLED);

let started = null;
let kernel = null;
let revivals = 0;

function start() {
  started ??= boot();
  return started;
}

// As `start`, for those who need not know what becomes of it: the status line says so.
const wish = () => void start().catch(() => {});

// Another kernel for the one that runs, with the reader's values or with the book's.
async function replace({ keep }) {
  kernel?.end();
  if (!keep) {
    manager.edits.clear();
    await manager.keepOnly(new Set(models.map(([id]) => id)));
  }
  await manager.disconnectKernel();
  started = boot({ tellState: !keep });
  return started;
}

// The browser ended the worker, or Python broke: another takes over where it was.
async function revive(dead, error) {
  if (dead !== kernel) return;
  if (revivals++ < REVIVALS) await replace({ keep: true }).catch(() => {});
  else {
    kernel.end();
    await manager.disconnectKernel();
    started = null;
    status.fail(error);
  }
}

const notebook = new Notebook(cells, manager, { start, replace });
const status = new Status({ start: wish, retry: wish });

async function boot({ tellState = false } = {}) {
  mark('start');
  delete document.documentElement.dataset.live;
  status.progress({ phase: 'download' });
  let ready = false;
  const made = (kernel = new Kernel({
    message: (message) => (message.type.startsWith('comm_') ? manager.receive(message) : notebook.receive(message)),
    progress: (data) => (ready ? notebook : status).progress(data),
    failed: (error) => ready && revive(made, error),
    stuck: (widget) => notebook.stuck(widget),
  }));
  try {
    const known = notebook.models ?? models;
    times.worker = await made.start(known, tellState);
    mark('kernel');
    status.progress({ phase: 'cells' });
    await notebook.play(made, known.length > 0);
    times.adopted = await made.close();
    // Replaced meanwhile.
    if (made !== kernel) return started;
    mark('cells');
    ready = true;
    manager.connect(made);
  } catch (error) {
    made.end();
    if (made !== kernel) return started;
    started = null;
    status.fail(error);
    throw error;
  }
  mark('live');
  status.live();
  document.documentElement.dataset.live = 'yes';
  return made;
}

function startOnIntent(host) {
  let resting;
  for (const event of ['pointerdown', 'focusin']) host.addEventListener(event, wish, { passive: true });
  host.addEventListener('pointerover', ({ target }) => {
    clearTimeout(resting);
    if (!started && target.closest('.ae-controls')) resting = setTimeout(wish, INTENT);
  }, { passive: true });
  host.addEventListener('pointerleave', () => clearTimeout(resting), { passive: true });
}

if (typeof WebAssembly !== 'object' || typeof Worker !== 'function') {
  status.impossible('This browser cannot run Python (it has no WebAssembly).');
} else if (state) {
  mark('script');
  status.idle();
  await draw();
  manager.onEdit = wish;
  document.querySelectorAll('.live-host').forEach(startOnIntent);
}
window.live = { manager, notebook, times, start, get kernel() { return kernel; } };
