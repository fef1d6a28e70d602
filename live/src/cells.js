// The page's code cells: the reader edits, runs and stops them, and goes back to the book's text.
import './cells.css';
import { OutputList } from './outputs.js';

const BUTTONS = [
  ['edit', 'Edit', 'Edit this cell'],
  ['done', 'Done', 'Close the editor'],
  ['run', 'Run', 'Run this cell and what follows from it (Shift+Enter in the editor)'],
  ['stop', 'Stop', 'Stop Python; your numbers stay'],
  ['runAll', 'Run all', 'Run every cell of this page afresh'],
  ['restart', 'Restart', 'Start Python anew, with the book’s numbers'],
  ['back', 'Book’s text', 'Back to the book’s text'],
];

let editing;
const editor = () => (editing ??= import('./editor.js'));

// The reader's own texts, kept in this browser under the page's address and the cell's name.
const kept = {
  key: (id) => `live-cell ${location.pathname.replace(/(index)?(\.html)?$/, '')} ${id}`,
  read(id) {
    try {
      return localStorage.getItem(this.key(id));
    } catch {
      return null;
    }
  },
  // Returns whether the browser keeps it.
  write(id, text) {
    try {
      if (text === null) localStorage.removeItem(this.key(id));
      else localStorage.setItem(this.key(id), text);
      return true;
    } catch {
      return false;
    }
  },
};

class Cell {
  #editor = null;

  constructor(notebook, index, { id, source }, place, label) {
    Object.assign(this, { notebook, index, id, label, place });
    this.book = source;
    this.text = source;
    // What Python last ran of this cell without an error, and the widgets that this made.
    this.ran = source;
    this.made = [];
    this.outputs = null;
    this.late = null;
    if (place) this.#build();
  }

  get edited() {
    return this.text !== this.book;
  }

  #build() {
    this.input = this.place.querySelector('.cell_input');
    this.code = this.input.querySelector('.highlight pre');
    this.bookCode = [...this.code.childNodes];
    this.bar = document.createElement('div');
    this.bar.className = 'live-bar';
    this.bar.setAttribute('role', 'group');
    this.bar.setAttribute('aria-label', this.label);
    const name = document.createElement('span');
    name.className = 'live-label';
    name.textContent = this.label;
    this.bar.append(name);
    this.buttons = {};
    for (const [action, text, title] of BUTTONS) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = text;
      button.title = title;
      button.setAttribute('aria-label', `${text}: ${this.label}`);
      button.addEventListener('click', () => this[action]());
      this.buttons[action] = button;
      this.bar.append(button);
    }
    this.keeps = document.createElement('span');
    this.keeps.className = 'live-kept';
    this.bar.append(this.keeps);
    this.status = document.createElement('span');
    this.status.className = 'live-note';
    this.status.setAttribute('role', 'status');
    this.bar.append(this.status);
    this.input.append(this.bar);
    const mine = kept.read(this.id);
    if (mine !== null && mine !== this.book) {
      this.text = mine;
      this.code.textContent = mine;
      this.paint();
      this.#tellKept(true);
      this.note('Run shows what it does.');
    }
    this.refresh();
  }

  // Shows the buttons that have something to do.
  refresh() {
    if (!this.place) return;
    const { running } = this.notebook;
    const open = this.#editor || this.edited || this.outputs || running?.cell === this;
    const shown = {
      edit: !this.#editor,
      done: this.#editor,
      run: running?.cell !== this,
      stop: running?.cell === this,
      runAll: open,
      restart: open,
      back: this.edited,
    };
    for (const [action, button] of Object.entries(this.buttons)) {
      button.hidden = !shown[action];
      if (['run', 'runAll', 'restart'].includes(action)) button.disabled = Boolean(running);
    }
    this.place.classList.toggle('live-edited', this.edited);
    this.place.classList.toggle('live-running', running?.cell === this);
  }

  note(text) {
    if (this.status) this.status.textContent = text;
  }

  // ---------------------------------------------------------------------------------------- the text

  async edit() {
    if (this.#editor) return this.#editor.focus();
    let module;
    try {
      module = await editor();
    } catch {
      editing = undefined;
      return this.note('The editor could not be fetched. Try again.');
    }
    const host = document.createElement('div');
    host.className = 'live-editor';
    this.code.hidden = true;
    this.code.after(host);
    this.#editor = new module.Editor({
      parent: host,
      text: this.text,
      label: this.label,
      onChange: (text) => this.#change(text),
      onRun: () => this.run(),
      onLeave: () => this.done(),
    });
    this.refresh();
    this.#editor.focus();
  }

  #change(text) {
    this.text = text;
    // The copy button takes it from here.
    this.code.textContent = text;
    this.#keep();
    this.refresh();
  }

  #keep() {
    this.#tellKept(kept.write(this.id, this.edited ? this.text : null));
  }

  #tellKept(done) {
    if (!this.edited) this.keeps.textContent = '';
    else this.keeps.textContent = done ? 'Your text, kept in this browser.' : 'Your text, lost at a reload: this browser keeps nothing.';
  }

  async paint() {
    const { text } = this;
    if (!this.edited) return this.code.replaceChildren(...this.bookCode);
    const { coloured } = await editor();
    if (text === this.text) this.code.replaceChildren(coloured(text), '\n');
  }

  done() {
    if (!this.#editor) return;
    this.#editor.destroy();
    this.#editor = null;
    this.place.querySelector('.live-editor').remove();
    this.paint();
    this.code.hidden = false;
    this.refresh();
    this.buttons.edit.focus();
  }

  async back() {
    this.text = this.book;
    if (this.#editor) this.#editor.setText(this.book);
    else await this.paint();
    this.#keep();
    this.refresh();
    this.note(this.outputs ? 'The book’s text. Run shows what it does.' : 'The book’s text.');
    (this.#editor ?? this.buttons.edit).focus();
  }

  // ------------------------------------------------------------------------------------- the buttons

  run() {
    return this.notebook.run(this);
  }
  runAll() {
    return this.notebook.runAll(this);
  }
  stop() {
    return this.notebook.stop(this);
  }
  restart() {
    return this.notebook.restart(this);
  }

  // ------------------------------------------------------------------------------------- the outputs

  // What Python shows from now on takes the place of what is shown.
  expect() {
    this.#editor?.markLine(null);
    if (!this.place) return;
    if (!this.outputs) {
      let area = this.place.querySelector('.cell_output');
      if (!area) {
        area = document.createElement('div');
        area.className = 'cell_output docutils container';
        this.place.append(area);
      }
      this.area = area;
      this.bookOutput = null;
      const own = document.createElement('div');
      own.className = 'live-output';
      this.outputs = new OutputList(own, this.notebook.manager);
    }
    this.outputs.clear(true);
    this.hidBook = false;
    this.late?.clear();
  }

  // The run has ended: what was shown before goes, even if nothing came after it.
  settle() {
    if (this.outputs?.isStale) {
      this.#swap();
      this.outputs.clear();
    }
  }

  // The book's own output makes way; it is put aside with its sliders, for `showBook`.
  #swap() {
    if (!this.bookOutput) {
      this.bookOutput = [...this.area.childNodes];
      this.hidBook = true;
    }
    const { place } = this.outputs;
    if (this.area.childNodes.length !== 1 || this.area.firstChild !== place) this.area.replaceChildren(place);
  }

  // The run was stopped: what stood here before comes back, below what was said meanwhile.
  interrupt() {
    if (!this.outputs) return;
    this.outputs.keep();
    if (!this.bookOutput) this.outputs = null;
    else if (this.hidBook) this.area.append(...this.bookOutput);
  }

  showBook() {
    if (!this.outputs) return;
    this.outputs.clear();
    this.late?.clear();
    if (this.bookOutput) this.area.replaceChildren(...this.bookOutput);
    this.outputs = this.bookOutput = this.late = null;
  }

  output(output, callback) {
    if (!this.place) return;
    if (output.output_type === 'error') {
      output.label = this.label;
      if (!callback) this.#editor?.markLine(output.line);
    }
    if (callback) return this.#outputLate(output, callback);
    this.#swap();
    this.outputs.add(output);
  }

  // What a slider's or a button's function prints or raises: only what came last.
  #outputLate(output, callback) {
    if (!this.late) {
      const place = document.createElement('div');
      place.className = 'live-output live-late';
      this.late = new OutputList(place, this.notebook.manager);
    }
    if (!this.late.place.isConnected) this.place.append(this.late.place);
    if (this.late.callback !== callback) this.late.clear();
    this.late.callback = callback;
    this.late.add(output);
  }

  clear(wait, callback) {
    if (callback) this.late?.clear(wait);
    else if (this.outputs) {
      this.#swap();
      this.outputs.clear(wait);
    }
  }
}

export class Notebook {
  // What is under way: { cell }, the cell whose button asked for it.
  running = null;
  // The cell that Python runs.
  current = null;
  // While a new kernel makes again what the page shows, outputs wait here: by cell, then in order.
  #replay = null;

  // `python` starts and replaces the kernel: start(), replace({ keep }), both promise a Kernel.
  constructor(sources, manager, python) {
    this.manager = manager;
    this.python = python;
    const places = [...document.querySelectorAll('div.cell')];
    let shown = 0;
    this.cells = sources.map((source, index) => {
      const place = source.shown ? places[shown++] : null;
      return new Cell(this, index, source, place, place ? `Cell ${shown}` : 'Cell not shown');
    });
  }

  // ------------------------------------------------------------------------ a kernel that was started

  // Runs what makes the page's state, and shows of it only what the page does not show.
  async play(kernel, adopting) {
    this.#replay = this.cells.map(() => []);
    // All are asked for at once: the worker need not wait for the page between two cells.
    const results = this.cells.map((cell) => kernel.run(cell.index, cell.ran, cell.label));
    for (const [index, cell] of this.cells.entries()) {
      const result = await results[index];
      if (!result) break;
      if (result.ok) cell.made = result.made;
      if (result.in_step || !adopting) continue;
      cell.expect();
      for (const { output } of this.#replay[index]) cell.output(output);
      cell.settle();
    }
    this.#replay = null;
  }

  // The widgets of all cells, in the order in which `play` makes them; null before the first kernel.
  get models() {
    return this.cells.some((cell) => cell.made.length) ? this.cells.flatMap((cell) => cell.made) : null;
  }

  // A message of the kernel to a cell.
  receive({ type, cell: index, callback, output, wait }) {
    const cell = this.cells[index];
    if (!cell) return;
    if (this.#replay) {
      if (type === 'output') this.#replay[index].push({ output });
    } else if (type === 'output') cell.output(output, callback);
    else if (type === 'clear') cell.clear(wait, callback);
  }

  // What is being fetched for the cell that runs.
  progress({ phase, detail }) {
    if (phase !== 'package') return;
    const name = detail.startsWith('packages/') ? detail.replace(/^packages\//, '').replace(/-.*$/, '') : 'more of Python';
    this.running?.cell.note(`Fetching ${name}…`);
  }

  // ------------------------------------------------------------------------------------- the buttons

  async #during(cell, work) {
    if (this.running) return;
    const mine = (this.running = { cell });
    const begun = performance.now();
    this.#refresh();
    try {
      cell.note('Starting Python…');
      const kernel = await this.python.start();
      cell.note('Running…');
      const said = await work(kernel, mine);
      if (this.running === mine && said) cell.note(`${said} ${((performance.now() - begun) / 1000).toFixed(1)} s.`);
    } catch (error) {
      if (this.running === mine) cell.note(`Python could not be started: ${error.message}`);
    } finally {
      if (this.running === mine) this.running = null;
      this.#refresh();
    }
  }

  #refresh() {
    for (const cell of this.cells) cell.refresh();
  }

  // Returns whether the cell ended well; undefined if it was stopped.
  async #runOne(kernel, cell, text) {
    this.current = cell;
    cell.expect();
    const result = await kernel.run(cell.index, text, cell.label);
    if (!result) return undefined;
    this.current = null;
    cell.settle();
    if (result.ok) {
      cell.ran = text;
      if (result.made.length) cell.made = result.made;
    }
    return result.ok;
  }

  run(cell) {
    return this.#during(cell, async (kernel) => {
      const ok = await this.#runOne(kernel, cell, cell.text);
      if (ok === undefined) return '';
      if (!ok) return 'Ended with an error after';
      const texts = this.cells.map((each) => each.ran);
      const followers = await kernel.followers(cell.index, texts);
      for (const [count, index] of (followers ?? []).entries()) {
        cell.note(`Running what follows from it: ${count + 1} of ${followers.length}…`);
        const follower = this.cells[index];
        const done = await this.#runOne(kernel, follower, follower.ran);
        if (done === undefined) return '';
        if (!done) return `Ran; what follows from it failed in ${follower.label}, after`;
      }
      return followers?.length ? `Ran, with the ${followers.length} that follow from it, in` : 'Ran in';
    });
  }

  runAll(cell) {
    return this.#during(cell, async (kernel) => {
      if (!(await kernel.begin())) return '';
      for (const [count, each] of this.cells.entries()) {
        cell.note(`Running all: ${count + 1} of ${this.cells.length}…`);
        const ok = await this.#runOne(kernel, each, each.text);
        if (ok === undefined) return '';
        if (!ok) return `${each.label} ended with an error after`;
      }
      await kernel.finish();
      return 'All ran in';
    });
  }

  // The function of a widget, null for none, does not end: the reader may end it.
  stuck(id) {
    if (this.alarm) this.alarm.hidden = !id;
    if (!id) return;
    if (!this.alarm) {
      this.alarm = document.createElement('div');
      this.alarm.className = 'live-stuck';
      this.alarm.setAttribute('role', 'alert');
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = 'Stop';
      button.addEventListener('click', () => this.#giveUp());
      this.alarm.append('Python is still busy with the last move. ', button);
      document.body.append(this.alarm);
    }
    this.culprit = id;
  }

  // The move that never ended is not made again.
  async #giveUp() {
    this.alarm.hidden = true;
    this.manager.edits.delete(this.culprit);
    await this.python.replace({ keep: true });
  }

  // Ends Python, whatever it does, and lets another make what the page shows, with the reader's numbers.
  stop(cell) {
    return this.#again(cell, true, 'Stopped. Python is back with your numbers.');
  }

  restart(cell) {
    return this.#again(cell, false, 'Python was started anew, with the book’s numbers.');
  }

  async #again(cell, keep, said) {
    const mine = (this.running = { cell });
    this.#refresh();
    cell.note(keep ? 'Stopping…' : 'Starting Python anew…');
    this.current?.interrupt();
    this.current = null;
    if (!keep) {
      for (const each of this.cells) {
        each.showBook();
        each.ran = each.book;
        each.made = [];
      }
    }
    try {
      await this.python.replace({ keep });
      if (this.running === mine) cell.note(said);
    } catch (error) {
      if (this.running === mine) cell.note(`Python could not be started: ${error.message}`);
    } finally {
      if (this.running === mine) this.running = null;
      this.#refresh();
    }
  }
}
