// An HTML widget that changes only the rows that differ: what is hovered, focused or unfolded stays so.
import { HTMLView } from '@jupyter-widgets/controls/lib/widget_string';
import morphdom from 'morphdom';
import { walkWithArrows } from './walk.js';

// Text before, in and after each table row, in turns.
const split = (html) => html.split(/(?=<tr[ >])|(?<=<\/tr>)/);
const LABEL = / aria-label="([^"]*)"/;
const isRow = (piece) => /^<tr[ >]/.test(piece);

export class FigureView extends HTMLView {
  update() {
    const value = this.model.get('value');
    if (this.shown === undefined) this.#first(value);
    else if (value !== this.shown) {
      if (!this.#updateRows(split(this.shown), split(value))) this.#morph(value);
      this.content.dispatchEvent(new CustomEvent('live-changed', { bubbles: true }));
    }
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

  // Returns false if more than rows and the figure's name has changed.
  #updateRows(before, after) {
    if (before.length !== after.length) return false;
    const changed = [];
    for (let i = 1; i < after.length; i++) {
      if (before[i] === after[i]) continue;
      if (!isRow(before[i]) || !isRow(after[i])) return false;
      changed.push(i);
    }
    if (before[0].replace(LABEL, '') !== after[0].replace(LABEL, '')) return false;
    const rows = this.content.querySelectorAll('tr');
    const numbers = new Map([...after.keys()].filter((i) => isRow(after[i])).map((i, number) => [i, number]));
    if (rows.length !== numbers.size) return false;
    const next = document.createElement('template');
    next.innerHTML = `<table><tbody>${changed.map((i) => after[i]).join('')}</tbody></table>`;
    const fresh = [...next.content.querySelectorAll('tr')];
    for (const [k, i] of changed.entries()) morph(rows[numbers.get(i)], fresh[k]);
    const label = document.createElement('textarea');
    label.innerHTML = LABEL.exec(after[0])?.[1] ?? '';
    this.content.querySelector('[aria-label]')?.setAttribute('aria-label', label.value);
    return true;
  }

  #morph(value) {
    const next = document.createElement('div');
    next.className = this.content.className;
    next.innerHTML = value;
    morph(this.content, next);
  }
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
