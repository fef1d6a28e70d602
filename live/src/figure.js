// An HTML widget that changes only the cells that differ: what is hovered, focused or unfolded stays so.
import { HTMLView } from '@jupyter-widgets/controls/lib/widget_string';
import morphdom from 'morphdom';

export class FigureView extends HTMLView {
  update() {
    const value = this.model.get('value');
    if (this.shown === undefined) this.content.innerHTML = value;
    else if (value !== this.shown) this.#morph(value);
    this.shown = value;
    // Not HTMLView's, which would write the HTML afresh.
    return Object.getPrototypeOf(HTMLView.prototype).update.call(this);
  }

  #morph(value) {
    const next = document.createElement('div');
    next.className = this.content.className;
    next.innerHTML = value;
    morphdom(this.content, next, {
      onBeforeElUpdated(from, to) {
        if (from.isEqualNode(to)) return false;
        // The reader unfolded it, not the kernel.
        if (from.localName === 'details') to.open = from.open;
        return true;
      },
    });
  }
}
