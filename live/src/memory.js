// A picture of Python's memory, kept in the browser from one start to the next: of Python with all that every page imports.
// It is only as good as the files that it was made of, whose folder is part of its address.
const NAME = 'live-memory';
const ADDRESS = new URL('memory', self.location).href;
// Which compiled libraries the memory speaks of.
const LIBRARIES = 'x-libraries';

// Plain addresses of a network have no cache.
export const canKeep = 'caches' in self;

export async function recall() {
  if (!canKeep) return undefined;
  try {
    const kept = await (await caches.open(NAME)).match(ADDRESS);
    const memory = kept && new Uint8Array(await kept.arrayBuffer());
    if (memory?.length !== Number(kept?.headers.get('content-length'))) return undefined;
    return { memory, libraries: JSON.parse(kept.headers.get(LIBRARIES)) };
  } catch {
    return undefined;
  }
}

// What is kept of another book goes.
export async function keep({ memory, libraries }) {
  try {
    await forget();
    const headers = { 'content-length': memory.length, 'content-type': 'application/octet-stream', [LIBRARIES]: JSON.stringify(libraries) };
    await (await caches.open(NAME)).put(ADDRESS, new Response(memory, { headers }));
  } catch (error) {
    // A full disk, or a private window: the next start takes as long as this one.
    console.debug(`Python's memory is not kept: ${error.message}`);
  }
}

export const forget = () => caches.delete(NAME);
