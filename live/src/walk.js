// Arrow keys walk over a matrix's cells; the Tab key stops at each matrix once.
const CELL = '.ae-live td[tabindex]';
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

const cellsOf = (table) => [...table.querySelectorAll('td[tabindex]')];

function makeStop(cell) {
  for (const other of cellsOf(cell.closest('table'))) other.tabIndex = other === cell ? 0 : -1;
}

export function walkWithArrows(place) {
  for (const table of place.querySelectorAll('table')) {
    const [first] = cellsOf(table);
    if (first) makeStop(first);
  }
}

addEventListener('focusin', ({ target }) => target.matches?.(CELL) && makeStop(target));
addEventListener('keydown', (event) => {
  const step = STEPS[event.key];
  if (!step || !event.target.matches?.(CELL) || event.altKey || event.ctrlKey || event.metaKey) return;
  const row = event.target.parentElement;
  const index = [...row.children].indexOf(event.target);
  const next = row.parentElement.children[row.rowIndex - row.parentElement.rows[0].rowIndex + step[0]]?.children[index + step[1]];
  if (next?.matches('td[tabindex]')) {
    event.preventDefault();
    next.focus();
  }
});
