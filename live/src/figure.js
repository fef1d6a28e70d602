// An HTML widget that changes only the cells that differ: what is hovered, focused or unfolded stays so.
import { HTMLModel, HTMLView } from '@jupyter-widgets/controls/lib/widget_string';
import morphdom from 'morphdom';
import { walkWithArrows } from './walk.js';

const LABEL = / aria-label="([^"]*)"/;
const CELL_END = '</td>';

// A cell with nothing in it but a number, before which another may be struck out, as all are while something moves.
const PLAIN = /^<td class="([^"]*)"(?: style="([^"]*)")?(?: tabindex="0")?>(?:<s>([^<&]*)<\/s>)?([^<&]*)$/;

// What stands before a piece's cell, and the cell itself; a text ends with a piece that has none.
function parts(piece) {
  const start = piece.lastIndexOf('<td');
  return start < 0 ? [piece, ''] : [piece.slice(0, start), piece.slice(start)];
}

// A figure of which nothing is in sight.
const FOLDED = ':scope > .ae:only-child > details:only-child:not([open])';
// How long after its last change such a figure is brought up to date, in milliseconds.
const REST = 400;

// A figure's text in pieces, up to a cell's end each. As a whole it is hardly ever asked for, and long.
class Text {
  constructor(pieces) {
    this.pieces = pieces;
  }

  toString() {
    return this.pieces.join(CELL_END);
  }
}

// Of a long text the kernel sends only those pieces that differ from what it sent last.
export class FigureModel extends HTMLModel {
  set_state({ pieces: sent, ...state }) {
    if (!sent && state.value === undefined) return super.set_state(state);
    const pieces = sent ? [...this.split()] : state.value.split(CELL_END);
    for (const [index, piece] of sent ?? []) pieces[index] = piece;
    this.pieces = pieces;
    super.set_state({ ...state, value: new Text(pieces) });
  }

  split() {
    return (this.pieces ??= this.get('value').split(CELL_END));
  }
}

export class FigureView extends HTMLView {
  update() {
    if (!this.shown) this.#first();
    else if (this.shown !== this.model.split()) this.#follow();
    // Not HTMLView's, which would write the HTML afresh.
    return Object.getPrototypeOf(HTMLView.prototype).update.call(this);
  }

  remove() {
    clearTimeout(this.timer);
    return super.remove();
  }

  // The page shows the figure already: it moves in as it is.
  #first() {
    const drawn = this.model.drawn?.deref();
    this.model.drawn = null;
    if (drawn) this.content.replaceChildren(...drawn.childNodes);
    else this.content.innerHTML = this.model.get('value');
    this.shown = this.model.split();
    walkWithArrows(this.content);
  }

  // What is folded away need not follow each move.
  #follow() {
    clearTimeout(this.timer);
    const folded = this.content.querySelector(FOLDED);
    if (!folded) return this.#change();
    this.timer = setTimeout(() => this.#change(), REST);
    folded.ontoggle = () => this.#follow();
  }

  #change() {
    const before = this.shown;
    this.shown = this.model.split();
    if (!this.#updateCells(before, this.shown)) this.#morph();
    this.content.dispatchEvent(new CustomEvent('live-changed', { bubbles: true }));
  }

  // Returns false if more than cells and the figure's name has changed.
  #updateCells(before, after) {
    this.cells ??= this.content.querySelectorAll('td');
    if (before.length !== after.length || this.cells.length !== after.length - 1) return false;
    const others = [];
    let label = null;
    for (let i = 0; i < after.length; i++) {
      if (before[i] === after[i]) continue;
      const [oldAhead] = parts(before[i]);
      const [ahead, text] = parts(after[i]);
      if (oldAhead !== ahead) {
        if (i || oldAhead.replace(LABEL, '') !== ahead.replace(LABEL, '')) return false;
        label = LABEL.exec(ahead)?.[1] ?? '';
      }
      if (text && !writeNumber(this.cells[i], text)) others.push([this.cells[i], text]);
    }
    if (others.length) {
      const next = document.createElement('template');
      next.innerHTML = `<table><tbody><tr>${others.map(([, text]) => text + CELL_END).join('')}</tr></tbody></table>`;
      const fresh = next.content.querySelectorAll('td');
      for (const [k, [cell]] of others.entries()) renew(cell, fresh[k]);
    }
    if (label !== null) this.#rename(label);
    return true;
  }

  #rename(escaped) {
    const label = document.createElement('textarea');
    label.innerHTML = escaped;
    this.content.querySelector('[aria-label]')?.setAttribute('aria-label', label.value);
  }

  #morph() {
    const next = document.createElement('div');
    next.className = this.content.className;
    next.innerHTML = this.model.get('value');
    morph(this.content, next);
    this.cells = undefined;
  }
}

// As `renew`, without a parser, if a cell's HTML is that of a plain number; else returns false.
function writeNumber(cell, html) {
  const [, look, style, struck, number] = PLAIN.exec(html) ?? [];
  if (number === undefined) return false;
  if (cell.className !== look) cell.className = look;
  if (style !== undefined) cell.style.cssText = style;
  else cell.removeAttribute('style');
  const { firstChild } = cell;
  if (struck !== undefined) cell.replaceChildren(Object.assign(document.createElement('s'), { textContent: struck }), number);
  else if (firstChild?.nodeType === Node.TEXT_NODE && firstChild === cell.lastChild) firstChild.data = number;
  else cell.textContent = number;
  return true;
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
