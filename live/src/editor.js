// The editor of code cells, asked for when the first cell is edited. It wears the colours of the book's own code.
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { python, pythonLanguage } from '@codemirror/lang-python';
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { EditorState, StateEffect, StateField } from '@codemirror/state';
import { Decoration, EditorView, drawSelection, keymap } from '@codemirror/view';
import { highlightCode, tagHighlighter, tags } from '@lezer/highlight';

// From CodeMirror's tags to the classes of the book's highlighted code.
const COLOURS = tagHighlighter([
  { tag: [tags.keyword, tags.controlKeyword, tags.definitionKeyword], class: 'k' },
  { tag: tags.moduleKeyword, class: 'kn' },
  { tag: tags.operatorKeyword, class: 'ow' },
  { tag: [tags.bool, tags.null, tags.self], class: 'kc' },
  { tag: [tags.string, tags.special(tags.string)], class: 's1' },
  { tag: tags.number, class: 'mi' },
  { tag: tags.comment, class: 'c1' },
  { tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className)], class: 'nf' },
  { tag: [tags.operator, tags.arithmeticOperator, tags.compareOperator, tags.definitionOperator], class: 'o' },
  { tag: [tags.punctuation, tags.separator, tags.paren, tags.squareBracket, tags.brace], class: 'p' },
  { tag: tags.variableName, class: 'n' },
]);

// Returns the text as coloured elements, for a cell that is shown and not edited.
export function coloured(text) {
  const nodes = new DocumentFragment();
  const put = (piece, classes) => {
    const span = document.createElement('span');
    span.className = classes;
    span.textContent = piece;
    nodes.append(span);
  };
  highlightCode(text, pythonLanguage.parser.parse(text), COLOURS, put, () => nodes.append('\n'));
  return nodes;
}

const setFault = StateEffect.define();
const faultLine = Decoration.line({ class: 'live-fault' });
// The line that failed stays marked until the text changes.
const fault = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(setFault)) continue;
      const { doc } = transaction.state;
      if (effect.value === null || effect.value > doc.lines) return Decoration.none;
      return Decoration.set([faultLine.range(doc.line(effect.value).from)]);
    }
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

export class Editor {
  constructor({ parent, text, label, onChange, onRun, onLeave }) {
    const run = () => {
      onRun();
      return true;
    };
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        doc: text,
        extensions: [
          keymap.of([
            { key: 'Shift-Enter', run },
            { key: 'Mod-Enter', run },
            { key: 'Mod-Escape', run: () => (onLeave(), true) },
            indentWithTab,
            ...defaultKeymap,
            ...historyKeymap,
          ]),
          history(),
          drawSelection(),
          python(),
          indentUnit.of('    '),
          indentOnInput(),
          bracketMatching(),
          syntaxHighlighting(COLOURS),
          fault,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': `${label}: Python. Shift and Enter run it; Escape, then Tab leaves it.` }),
          EditorView.updateListener.of((update) => update.docChanged && onChange(update.state.doc.toString())),
        ],
      }),
    });
  }

  focus() {
    this.view.focus();
  }

  setText(text) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  // Marks a line, the first being 1; null takes the mark away.
  markLine(line) {
    this.view.dispatch({ effects: setFault.of(line) });
  }

  destroy() {
    this.view.destroy();
  }
}
