// Asks the browser to keep the book, once the page is there and nothing else is under way. A metered connection is asked
// for nothing.
const LATER = 3000;
// A reader who never rests need not do without, in milliseconds after the page began.
const AT_LATEST = 60_000;
const idle = self.requestIdleCallback ?? ((work) => setTimeout(work));

// Whether the reader waits for Python, which comes first.
const isStarting = () => document.querySelector('.live-progress:not([hidden])');

// To keep it takes the processor, which those miss who are moving something.
let changed = -LATER;
addEventListener('live-changed', () => (changed = performance.now()));
const isMoving = () => performance.now() < Math.min(changed + LATER, AT_LATEST);

function soon() {
  setTimeout(() => (isStarting() || isMoving() ? soon() : idle(keep)), LATER);
}

async function keep() {
  try {
    await navigator.serviceWorker.register(new URL('service-worker.js', import.meta.url), { updateViaCache: 'none' });
  } catch (error) {
    // Private windows and plain addresses of a network have none: the book reads as well without.
    console.debug(`The book is not kept for reading offline: ${error.message}`);
  }
}

if ('serviceWorker' in navigator && !navigator.connection?.saveData) {
  if (document.readyState === 'complete') soon();
  else addEventListener('load', soon);
}
