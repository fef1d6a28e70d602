// Cells' outputs and the `Output` widget: text, HTML, SVG, pictures, errors, widgets.
import { DOMWidgetView } from '@jupyter-widgets/base';
import { OutputModel as BaseOutputModel } from '@jupyter-widgets/output';

const WIDGET = 'application/vnd.jupyter.widget-view+json';
const PICTURES = ['image/png', 'image/jpeg'];
// An endless loop of prints must not fill the page.
const LONGEST_STREAM = 20_000;

export class OutputModel extends BaseOutputModel {
  defaults() {
    return { ...super.defaults(), msg_id: '', outputs: [] };
  }
}

export class OutputView extends DOMWidgetView {
  render() {
    super.render();
    this.el.classList.add('widget-output');
    this.list = new OutputList(this.el, this.model.widget_manager);
    this.listenTo(this.model, 'change:outputs', this.draw);
    this.displayed.then(() => this.draw());
  }

  draw() {
    this.list.clear();
    for (const output of this.model.get('outputs')) this.list.add(output);
  }

  remove() {
    this.list.clear();
    super.remove();
  }
}

// The outputs in one place of the page, in their order.
export class OutputList {
  #views = [];
  #stale = false;
  #generation = 0;

  constructor(place, manager) {
    this.place = place;
    this.manager = manager;
  }

  // With `wait`, what is shown stays until something else comes: nothing jumps in between.
  clear(wait = false) {
    this.#stale = wait;
    if (wait) return;
    this.#generation += 1;
    for (const view of this.#views.splice(0)) view.remove();
    this.place.replaceChildren();
  }

  // What is shown stays after all.
  keep() {
    this.#stale = false;
  }

  get isStale() {
    return this.#stale;
  }

  add(output) {
    if (this.#stale) this.clear();
    const last = this.place.lastElementChild;
    if (output.output_type === 'stream' && last?.dataset.stream === output.name) return write(last, output.text);
    if (output.data?.[WIDGET]) return this.#widget(output.data);
    this.place.append(element(output));
  }

  async #widget(data) {
    const generation = this.#generation;
    const host = make('div', 'live-widget');
    this.place.append(host);
    const { model_id: id } = data[WIDGET];
    if (!this.manager.has_model(id)) return host.append(make('pre', 'live-text', 'This widget is closed.'));
    const view = await this.manager.show(await this.manager.get_model(id), host);
    if (generation === this.#generation) this.#views.push(view);
    else view.remove();
  }
}

function write(pre, text) {
  const whole = pre.textContent + text;
  pre.textContent = whole.length > LONGEST_STREAM ? `…${whole.slice(1 - LONGEST_STREAM)}` : whole;
}

function make(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function errorElement({ ename, evalue, traceback, line, label }) {
  const box = make('div', 'live-error');
  box.setAttribute('role', 'alert');
  const head = make('p', '');
  head.append(make('b', '', ename), evalue ? `: ${evalue}` : '');
  if (line) head.append(make('span', 'live-at', `${label ?? ''}, line ${line}`));
  const trace = make('pre', '', traceback.join('\n'));
  // It scrolls sideways, with the keyboard too.
  trace.tabIndex = 0;
  box.append(head, trace);
  return box;
}

// Returns an element that shows one output in the notebook format, other than a widget.
function element(output) {
  if (output.output_type === 'stream') {
    const pre = make('pre', `live-text live-${output.name}`);
    pre.dataset.stream = output.name;
    write(pre, output.text);
    return pre;
  }
  if (output.output_type === 'error') return errorElement(output);
  const { data, metadata = {} } = output;
  for (const type of ['text/html', 'image/svg+xml']) {
    if (data[type]) {
      const div = make('div', 'live-html');
      div.innerHTML = data[type];
      return div;
    }
  }
  for (const type of PICTURES) {
    if (data[type]) {
      const image = new Image(metadata[type]?.width, metadata[type]?.height);
      image.src = `data:${type};base64,${data[type].replaceAll('\n', '')}`;
      image.alt = data['text/plain'] ?? '';
      image.className = 'live-picture';
      return image;
    }
  }
  return make('pre', 'live-text', data['text/markdown'] ?? data['text/latex'] ?? data['text/plain'] ?? '');
}
