// Says at the foot of the window what becomes of the start, and in the line below the title whether the page is live.
import { announceChanges } from './announce.js';

const PHASES = {
  download: ['Fetching Python', 0.05],
  python: ['Starting Python', 0.45],
  libraries: ['Loading numpy', 0.6],
  cells: ['Running the page’s cells', 0.75],
};

const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

export class Status {
  // `start` is called when the reader asks for Python, `retry` after it failed.
  constructor({ start, retry }) {
    this.line = document.querySelector('.live-line');
    this.text = element('span', {});
    this.text.setAttribute('role', 'status');
    this.button = element('button', { type: 'button', textContent: 'Make live', onclick: start });
    this.line?.append(this.text, this.button);
    this.bar = element('progress', { max: 1, value: 0 });
    this.bar.setAttribute('aria-label', 'Start of Python');
    this.phase = element('span', {});
    this.again = element('button', { type: 'button', textContent: 'Try again', onclick: retry });
    this.shut = element('button', { type: 'button', textContent: '✕', title: 'Close', onclick: () => this.#show(false) });
    this.shut.setAttribute('aria-label', 'Close');
    this.box = element('div', { className: 'live-progress', hidden: true }, this.bar, this.phase, this.again, this.shut);
    document.body.append(this.box);
    announceChanges();
  }

  // Nothing has been started.
  idle() {
    this.text.textContent = 'Move a slider, or ';
    this.button.hidden = false;
  }

  // Python cannot be had in this browser.
  impossible(why) {
    this.text.textContent = `${why} The page shows the book’s own numbers.`;
    this.button.hidden = true;
  }

  progress({ phase, share = 0 }) {
    const [text, from] = PHASES[phase] ?? [];
    if (!text) return;
    this.box.classList.remove('live-failed');
    this.box.removeAttribute('role');
    this.phase.textContent = `${text}…`;
    this.bar.hidden = false;
    this.bar.value = Math.max(this.bar.value, from + 0.4 * share * (phase === 'download'));
    this.again.hidden = this.shut.hidden = true;
    this.button.hidden = true;
    this.text.textContent = 'Python is starting.';
    this.#show(true);
  }

  live() {
    this.text.textContent = 'Live: every number follows the sliders.';
    this.button.hidden = true;
    this.bar.value = 0;
    this.#show(false);
  }

  fail(error) {
    this.text.textContent = 'Python did not start.';
    this.bar.hidden = true;
    this.bar.value = 0;
    this.phase.textContent = `Python could not be started: ${error.message}. The page stays as it is.`;
    this.box.classList.add('live-failed');
    this.box.setAttribute('role', 'alert');
    this.again.hidden = this.shut.hidden = false;
    this.#show(true);
  }

  #show(shown) {
    clearTimeout(this.soon);
    // A start of a blink's length needs no bar.
    if (shown && this.box.hidden && !this.box.classList.contains('live-failed')) this.soon = setTimeout(() => (this.box.hidden = false), 200);
    else this.box.hidden = !shown;
  }
}
