// Tells those who listen to the page, when the sliders rest, which steps have changed and what came out last.
const REST = 800;

export function announceChanges() {
  const region = document.createElement('div');
  region.className = 'live-spoken';
  region.setAttribute('aria-live', 'polite');
  document.body.append(region);
  const changed = new Set();
  let due = 0;
  addEventListener('live-changed', ({ target }) => {
    if (!changed.size) setTimeout(look, REST);
    changed.add(target);
    due = performance.now() + REST;
  });

  // To put off a timer at each change would cost more than to look at the clock when it goes off.
  function look() {
    const left = due - performance.now();
    if (left > 0) setTimeout(look, left);
    else tell();
  }

  function tell() {
    const names = [...changed].map((figure) => figure.querySelector('[aria-label]')?.getAttribute('aria-label')).filter(Boolean);
    changed.clear();
    if (!names.length) return;
    const steps = names.map((name) => [Number(/^Step (\d+)/.exec(name)?.[1] ?? 0), name]).sort(([a], [b]) => a - b);
    const outcome = steps.at(-1)[1].split('. ').at(-1);
    const numbers = steps.map(([number]) => number).filter(Boolean);
    const which = numbers.length ? `${numbers.length > 1 ? 'Steps' : 'Step'} ${numbers.join(', ')} changed. ` : '';
    region.textContent = which + outcome;
  }
}
