// Makes a page of the book live: draws its widgets at once, starts Python when the reader means to use them.
import '@lumino/widgets/style/index.css';
import '@jupyter-widgets/controls/css/labvariables.css';
import '@jupyter-widgets/controls/css/widgets-base.css';
import './page.css';
import { Notebook } from './cells.js';
import { Kernel } from './kernel.js';
import { PageManager } from './manager.js';

const json = (type) => JSON.parse(document.querySelector(`script[type="${type}"]`)?.textContent ?? 'null');

const state = json('application/vnd.jupyter.widget-state+json');
const cells = json('application/x-live-cells+json') ?? [];
const models = Object.entries(state?.state ?? {}).map(([id, { model_name: name }]) => [id, name]);
const manager = new PageManager();
const times = {};
const mark = (name) => (times[name] = performance.now());

async function draw() {
  await manager.set_state(state);
  await Promise.all([...document.querySelectorAll('.ae-live[data-model-id]')].map(async (place) => {
    const host = document.createElement('div');
    host.className = 'ae-live live-host';
    host.hidden = true;
    place.after(host);
    const view = await manager.show(await manager.get_model(place.dataset.modelId), host);
    await view.displayed;
    place.replaceWith(host);
    host.hidden = false;
  }));
  await manager.listen();
  mark('drawn');
}

let started = null;
let kernel = null;

function start() {
  started ??= boot();
  return started;
}

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

const notebook = new Notebook(cells, manager, { start, replace });

async function boot({ tellState = false } = {}) {
  mark('start');
  const made = (kernel = new Kernel({
    message: (message) => (message.type.startsWith('comm_') ? manager.receive(message) : notebook.receive(message)),
    progress: (data) => notebook.progress(data),
    failed: (error) => console.error(error),
    stuck: (widget) => notebook.stuck(widget),
  }));
  const known = notebook.models ?? models;
  times.worker = await made.start(known, tellState);
  mark('kernel');
  await notebook.play(made, known.length > 0);
  times.adopted = await made.close();
  mark('cells');
  manager.connect(made);
  mark('live');
  document.documentElement.dataset.live = 'yes';
  return made;
}

if (state) {
  mark('script');
  await draw();
  manager.onEdit = start;
  for (const host of document.querySelectorAll('.live-host')) {
    for (const event of ['pointerdown', 'focusin']) host.addEventListener(event, start, { once: true, passive: true });
  }
}
window.live = { manager, notebook, times, start };
