// The widgets of the page: drawn from the book's own state, and handed to the kernel when it is up.
import * as base from '@jupyter-widgets/base';
import { ManagerBase } from '@jupyter-widgets/base-manager';
import { Widget } from '@lumino/widgets';
import * as controls from './controls.js';
import * as output from './outputs.js';

const MODULES = { '@jupyter-widgets/base': base, '@jupyter-widgets/controls': controls, '@jupyter-widgets/output': output };

// The traits that say how a control stands, and the widgets that only show something.
const STANDS = new Set(['value', 'index', 'min', 'max']);
const DISPLAYS = new Set(['HTMLModel', 'HTMLMathModel', 'LabelModel', 'OutputModel', 'ButtonModel', 'TabModel', 'AccordionModel']);

// One end of a widget's line to the kernel. What is sent before there is a kernel waits for it: the model itself
// sends one message, then gathers what changes until that one is answered, so the last value is never lost.
class PageComm {
  constructor(manager, id, target) {
    this.manager = manager;
    this.comm_id = id;
    this.target_name = target;
    this.early = [];
  }
  open(data, callbacks, metadata, buffers) {
    return this.#send('comm_open', data, callbacks, metadata, buffers);
  }
  send(data, callbacks, metadata, buffers) {
    return this.#send('comm_msg', data, callbacks, metadata, buffers);
  }
  close(data, callbacks, metadata, buffers) {
    return this.#send('comm_close', data, callbacks, metadata, buffers);
  }
  on_msg(handler) {
    this.message = handler;
    for (const message of this.early.splice(0)) handler(message);
  }
  // A model is made over several turns; what the kernel says to it meanwhile waits here.
  deliver(message) {
    if (this.message) this.message(message);
    else this.early.push(message);
  }
  on_close(handler) {
    this.closed = handler;
  }
  #send(type, data, callbacks, metadata, buffers) {
    const content = { comm_id: this.comm_id, target_name: this.target_name, data };
    const idle = callbacks?.iopub?.status && (() => callbacks.iopub.status({ content: { execution_state: 'idle' } }));
    return this.manager.transmit(type, content, metadata, buffers, idle);
  }
}

export class PageManager extends ManagerBase {
  #comms = new Map();
  #waiting = [];
  // Of the messages that waited, whom those are for that the kernel has not answered yet; it is busy with the first.
  #unheard = [];
  #kernel = null;
  #names = new Map();
  // How the controls stand that have been moved, by the reader or, through another control, by Python: a kernel that
  // replaces this one is told so.
  edits = new Map();
  onEdit = () => {};

  async set_state(state) {
    for (const [id, { model_name: name }] of Object.entries(state.state)) this.#names.set(id, name);
    return super.set_state(state);
  }

  // The classes that the book's widgets are of; `window` is never asked for others.
  async loadClass(name, moduleName) {
    const found = MODULES[moduleName]?.[name];
    if (!found) throw new Error(`The live page has no widget ${name} of ${moduleName}`);
    return found;
  }

  async _get_comm_info() {
    return {};
  }

  async _create_comm(target, id) {
    return this.#commOf(id, target);
  }

  #commOf(id, target = 'jupyter.widget') {
    if (!this.#comms.has(id)) this.#comms.set(id, new PageComm(this, id, target));
    return this.#comms.get(id);
  }

  // Draws a model's view into an element that is in the page.
  async show(model, element) {
    const view = await this.create_view(model);
    Widget.attach(view.luminoWidget, element);
    return view;
  }

  // From now on what the reader does to these models is sent, or kept until there is a kernel. Before, while they
  // were drawn, the views of sliders wrote rounded copies of their own values, which are nobody's edits.
  async listen() {
    for (const model of await Promise.all(Object.values(this._models))) {
      const comm = this.#commOf(model.model_id);
      comm.on_close(model._handle_comm_closed.bind(model));
      comm.on_msg(model._handle_comm_msg.bind(model));
      model.comm = comm;
      model._buffered_state_diff = {};
      model.comm_live = true;
    }
  }

  transmit(type, content, metadata, buffers, idle) {
    if (content.data?.method === 'update') this.#remember(content);
    this.onEdit();
    if (this.#kernel) return this.#kernel.comm(type, content, metadata, buffers, idle);
    this.#waiting.push([type, content, metadata, buffers, idle]);
    return '';
  }

  #remember({ comm_id: id, data }) {
    if (DISPLAYS.has(this.#names.get(id))) return;
    const stands = Object.entries(data.state ?? {}).filter(([name]) => STANDS.has(name));
    if (!stands.length) return;
    const earlier = this.edits.get(id);
    this.edits.delete(id);
    this.edits.set(id, { ...earlier, ...Object.fromEntries(stands) });
  }

  // The kernel is up and knows the page's widgets: everything that waited goes out in its order.
  connect(kernel) {
    this.#kernel = kernel;
    for (const [type, content, metadata, buffers, idle] of this.#waiting.splice(0)) {
      this.#unheard.push(content.comm_id);
      kernel.comm(type, content, metadata, buffers, () => {
        this.#unheard.shift();
        idle?.();
      });
    }
  }

  // The kernel is gone; its successor hears of everything that the reader has set.
  async disconnectKernel() {
    this.#kernel = null;
    this.#waiting = [];
    this.#unheard = [];
    for (const model of await Promise.all(Object.values(this._models))) {
      // What gathered while the last message went unanswered is an edit too.
      if (model._msg_buffer) this.#remember({ comm_id: model.model_id, data: { state: model._msg_buffer } });
      model._pending_msgs = 0;
      model._msg_buffer = null;
      model._msg_buffer_callbacks = null;
    }
    // A list first: to choose from it may move other controls, which then go where they stood.
    const lists = ([id]) => 'index' in this.edits.get(id);
    const moved = [...this.edits];
    for (const [id, state] of [...moved.filter(lists), ...moved.filter((edit) => !lists(edit))]) {
      this.#waiting.push(['comm_msg', { comm_id: id, data: { method: 'update', state: { ...state }, buffer_paths: [] } }]);
    }
  }

  // Closes every widget but these.
  async keepOnly(ids) {
    for (const model of await Promise.all(Object.values(this._models))) {
      if (ids.has(model.model_id)) continue;
      this.#comms.delete(model.model_id);
      model.comm_live = false;
      await model.close(true);
    }
  }

  // A message of the kernel to a widget.
  receive({ type, content, metadata, buffers }) {
    const { comm_id: id } = content;
    if (type === 'comm_open') {
      this.#names.set(id, content.data.state?._model_name);
      if (this.has_model(id)) this.#update(id, { content: { data: { method: 'update', ...content.data } }, buffers });
      else this.handle_comm_open(this.#commOf(id, content.target_name), { content, metadata, buffers });
    } else if (type === 'comm_msg') {
      this.#update(id, { content, buffers });
    } else if (type === 'comm_close') {
      this.#comms.get(id)?.closed?.({ content });
      this.#comms.delete(id);
    }
  }

  #update(id, message) {
    // What the reader did later is still on its way; to show the kernel's earlier word would take it back.
    if (this.#unheard.includes(id, 1)) for (const name of STANDS) delete message.content.data.state?.[name];
    if (this.#kernel) this.#remember({ comm_id: id, data: message.content.data });
    this.#comms.get(id)?.deliver(message);
  }
}
