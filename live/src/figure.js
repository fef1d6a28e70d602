// An HTML widget that changes only the cells that differ: what is hovered, focused or unfolded stays so.
import { HTMLView } from '@jupyter-widgets/controls/lib/widget_string';
import morphdom from 'morphdom';
import { walkWithArrows } from './walk.js';

const LABEL = / aria-label="([^"]*)"/;
const CELL_END = '</td>';

// What stands before a piece's cell, and the cell itself; a text ends with a piece that has none.
function parts(piece) {
  const start = piece.lastIndexOf('<td');
  return start < 0 ? [piece, ''] : [piece.slice(0, start), piece.slice(start)];
}

export class FigureView extends HTMLView {
  update() {
    const value = this.model.get('value');
    if (this.shown === undefined) this.#first(value);
    else if (value !== this.shown) this.#change(value);
    this.shown = value;
    // Not HTMLView's, which would write the HTML afresh.
    return Object.getPrototypeOf(HTMLView.prototype).update.call(this);
  }

  // The page shows the figure already: it moves in as it is.
  #first(value) {
    const drawn = this.model.drawn?.deref();
    this.model.drawn = null;
    if (drawn) this.content.replaceChildren(...drawn.childNodes);
    else this.content.innerHTML = value;
    walkWithArrows(this.content);
  }

  // The pieces stay for the next change: to split a text twice is work for every key press.
  #change(value) {
    const before = this.pieces ?? this.shown.split(CELL_END);
    this.pieces = value.split(CELL_END);
    if (!this.#updateCells(before, this.pieces)) this.#morph(value);
    this.content.dispatchEvent(new CustomEvent('live-changed', { bubbles: true }));
  }

  // Returns false if more than cells and the figure's name has changed.
  #updateCells(before, after) {
    const cells = this.content.querySelectorAll('td');
    if (before.length !== after.length || cells.length !== after.length - 1) return false;
    const changed = [];
    let label = null;
    for (let i = 0; i < after.length; i++) {
      if (before[i] === after[i]) continue;
      const [oldAhead] = parts(before[i]);
      const [ahead, cell] = parts(after[i]);
      if (oldAhead !== ahead) {
        if (i || oldAhead.replace(LABEL, '') !== ahead.replace(LABEL, '')) return false;
        label = LABEL.exec(ahead)?.[1] ?? '';
      }
      if (cell) changed.push([cells[i], cell]);
    }
    const next = document.createElement('template');
    next.innerHTML = `<table><tbody><tr>${changed.map(([, cell]) => cell + CELL_END).join('')}</tr></tbody></table>`;
    const fresh = [...next.content.querySelectorAll('td')];
    for (const [k, [cell]] of changed.entries()) renew(cell, fresh[k]);
    if (label !== null) this.#rename(label);
    return true;
  }

  #rename(escaped) {
    const label = document.createElement('textarea');
    label.innerHTML = escaped;
    this.content.querySelector('[aria-label]')?.setAttribute('aria-label', label.value);
  }

  #morph(value) {
    const next = document.createElement('div');
    next.className = this.content.className;
    next.innerHTML = value;
    morph(this.content, next);
  }
}

// As `morph`, for a single cell: its texts are few, and need not be compared.
function renew(cell, fresh) {
  for (const name of cell.getAttributeNames()) if (!fresh.hasAttribute(name)) cell.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (cell.getAttribute(name) !== value && !(name === 'tabindex' && cell.hasAttribute(name))) cell.setAttribute(name, value);
  }
  cell.replaceChildren(...fresh.childNodes);
}

function morph(from, to) {
  morphdom(from, to, {
    onBeforeElUpdated(old, fresh) {
      // Which of a table's cells the Tab key reaches is the reader's doing, as is what is unfolded.
      if (old.hasAttribute('tabindex') && fresh.hasAttribute('tabindex')) fresh.setAttribute('tabindex', old.getAttribute('tabindex'));
      if (old.localName === 'details') fresh.open = old.open;
      return !old.isEqualNode(fresh);
    },
  });
}
