// Cells' outputs and the `Output` widget: text, HTML, SVG, PNG, errors, widgets.
import { DOMWidgetView } from '@jupyter-widgets/base';
import { OutputModel as BaseOutputModel } from '@jupyter-widgets/output';

const WIDGET = 'application/vnd.jupyter.widget-view+json';

export class OutputModel extends BaseOutputModel {
  defaults() {
    return { ...super.defaults(), msg_id: '', outputs: [] };
  }
}

export class OutputView extends DOMWidgetView {
  render() {
    super.render();
    this.el.classList.add('widget-output');
    this.listenTo(this.model, 'change:outputs', this.draw);
    this.draw();
  }

  async draw() {
    const outputs = this.model.get('outputs');
    const drawn = await Promise.all(outputs.map((output) => element(output, this.model.widget_manager)));
    // A newer list may have come while widgets were fetched.
    if (outputs === this.model.get('outputs')) this.el.replaceChildren(...drawn);
  }
}

function preformatted(text, className) {
  const pre = document.createElement('pre');
  pre.className = className;
  pre.textContent = text;
  return pre;
}

function fragment(markup) {
  const div = document.createElement('div');
  div.innerHTML = markup;
  return div;
}

// Returns an element that shows one output in the notebook format.
export async function element(output, manager) {
  if (output.output_type === 'stream') return preformatted(output.text, `live-stream live-${output.name}`);
  if (output.output_type === 'error') return preformatted(output.traceback.join('\n'), 'live-error');
  const { data } = output;
  if (data[WIDGET]) {
    const div = document.createElement('div');
    const model = await manager.get_model(data[WIDGET].model_id);
    // Lumino attaches only to what is in the page.
    queueMicrotask(() => manager.show(model, div));
    return div;
  }
  if (data['text/html']) return fragment(data['text/html']);
  if (data['image/svg+xml']) return fragment(data['image/svg+xml']);
  for (const type of ['image/png', 'image/jpeg']) {
    if (data[type]) {
      const image = new Image();
      image.src = `data:${type};base64,${data[type]}`;
      image.alt = data['text/plain'] ?? '';
      return image;
    }
  }
  return preformatted(data['text/plain'] ?? '', 'live-text');
}
