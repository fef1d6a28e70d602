// Makes a page of the book live: draws its widgets at once, starts Python when the reader means to use them.
import '@lumino/widgets/style/index.css';
import '@jupyter-widgets/controls/css/labvariables.css';
import '@jupyter-widgets/controls/css/widgets-base.css';
import './page.css';
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

function start() {
  started ??= boot();
  return started;
}

async function boot() {
  mark('start');
  const kernel = new Kernel({
    message: (message) => (message.type.startsWith('comm_') ? manager.receive(message) : console.log(message)),
    progress: (data) => console.debug(data),
    failed: (error) => console.error(error),
  });
  times.worker = await kernel.start(models, false);
  mark('kernel');
  for (const [cell, { source }] of cells.entries()) await kernel.run(cell, source);
  times.adopted = await kernel.close();
  mark('cells');
  manager.connect(kernel);
  mark('live');
  document.documentElement.dataset.live = 'yes';
}

if (state) {
  mark('script');
  await draw();
  manager.onEdit = start;
  for (const host of document.querySelectorAll('.live-host')) {
    for (const event of ['pointerdown', 'focusin']) host.addEventListener(event, start, { once: true, passive: true });
  }
}
window.live = { manager, times, start };
