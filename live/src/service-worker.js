// Keeps the whole book in the browser, so that it opens without a network. Built anew with every book: `BOOK` holds
// the address and sha256 of each file.
//
// A page comes from the network while there is one, so that nobody reads a stale book; and what belongs to a page comes
// from where the page came from, so that nobody reads half of each. Only the folder `live-…`, whose name is the
// hash of all that it holds, comes from here first.
import { PrecacheController } from 'workbox-precaching';

const { files, late, folder } = BOOK;
const scope = self.registration.scope;
const LATE = 'book-late';
const FORMER = 'book-former';

// A file is taken only if it is the very one that the book was built with: a book published in the middle of an
// installation cannot mix with this one.
const book = new PrecacheController({ cacheName: 'book' });
book.addToCacheList(files.map(([url, hash]) => ({
  url: scope + encodeURI(url),
  revision: url.startsWith(`${folder}/`) ? null : hash,
  integrity: `sha256-${hash}`,
})));

// The pages that were taken from here and not from the network.
const offline = new Set();

self.addEventListener('install', (event) => {
  event.waitUntil(book.install(event).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(keepFormer().then(() => book.activate(event)).then(() => self.clients.claim()));
});

const isLive = (url) => url.startsWith(`${scope}live-`);

// A tab that still shows the former book may yet go live: the folder that it will ask for stays until the next book.
async function keepFormer() {
  const precache = await caches.open('book');
  const gone = (await precache.keys()).filter(({ url }) => isLive(url) && !url.startsWith(scope + folder));
  if (gone.length) {
    await caches.delete(FORMER);
    const former = await caches.open(FORMER);
    for (const request of gone) await former.put(request, await precache.match(request));
  }
  const packages = await caches.open(LATE);
  for (const request of await packages.keys()) {
    if (!late.some((url) => request.url === scope + url)) await packages.delete(request);
  }
}

async function fromBook(request) {
  const url = new URL(request.url);
  url.search = url.hash = '';
  for (const candidate of [url.href, `${url.href.replace(/\/$/, '')}/index.html`, `${url.href}.html`]) {
    const found = await book.matchPrecache(candidate);
    if (found) return found;
  }
  return undefined;
}

// Files whose address says what they hold.
async function live(request) {
  const found = (await book.matchPrecache(request)) ?? (await caches.match(request));
  if (found) return found;
  const response = await fetch(request);
  if (response.ok && late.some((url) => request.url === scope + url)) {
    const copy = response.clone();
    await caches.open(LATE).then((cache) => cache.put(request, copy));
  }
  return response;
}

// A network that says nothing for so long is none.
const inTime = (response) => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error('The network does not answer')), 8000);
  response.then(resolve, reject);
});

async function answer(event) {
  const { request, clientId, resultingClientId } = event;
  if (offline.has(clientId)) {
    const found = await fromBook(request);
    if (found) return found;
  }
  try {
    return await (request.mode === 'navigate' ? inTime(fetch(request)) : fetch(request));
  } catch (error) {
    const found = await fromBook(request);
    if (!found) throw error;
    if (request.mode === 'navigate' && resultingClientId) offline.add(resultingClientId);
    return found;
  }
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(scope)) return;
  event.respondWith(isLive(request.url) ? live(request) : answer(event));
});
