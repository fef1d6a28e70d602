// Asks the browser to keep the book, once the page is there and idle. A metered connection is asked for nothing.
const idle = self.requestIdleCallback ?? ((work) => setTimeout(work, 2000));

async function keep() {
  try {
    await navigator.serviceWorker.register(new URL('service-worker.js', import.meta.url), { updateViaCache: 'none' });
  } catch (error) {
    // Private windows and plain addresses of a network have none: the book reads as well without.
    console.debug(`The book is not kept for reading offline: ${error.message}`);
  }
}

if ('serviceWorker' in navigator && !navigator.connection?.saveData) {
  if (document.readyState === 'complete') idle(keep);
  else addEventListener('load', () => idle(keep));
}
