import type { Entry, KeyRange, StoredValue, Write } from './store.ts';
import { compareKeys } from './store.ts';

const MAX_CHUNK = 128;
type Chunk = readonly Entry[];

/**
 * An immutable map ordered by UTF-8 bytes: a list of short sorted chunks, of which a change copies only those it touches.
 * A snapshot is a reference, so a reader keeps the state it started with whatever is committed meanwhile.
 */
export class SortedMap {
  readonly #chunks: readonly Chunk[];

  constructor(chunks: readonly Chunk[] = []) {
    this.#chunks = chunks;
  }

  get(key: string): StoredValue | undefined {
    const chunk = this.#chunks[chunkOf(this.#chunks, key)];
    const entry = chunk?.[lowerBound(chunk, key)];
    return entry?.key === key ? entry.value : undefined;
  }

  scan({ from, to, reverse = false, limit = Infinity }: KeyRange): Entry[] {
    const found: Entry[] = [];
    const step = reverse ? -1 : 1;
    for (let c = chunkOf(this.#chunks, reverse ? to : from); c >= 0 && c < this.#chunks.length; c += step) {
      const chunk = this.#chunks[c]!;
      const first = lowerBound(chunk, from);
      const end = lowerBound(chunk, to);
      for (let i = reverse ? end - 1 : first; i >= first && i < end; i += step) {
        found.push(chunk[i]!);
        if (found.length >= limit) return found;
      }
      if (reverse ? first > 0 : end < chunk.length) break;
    }
    return found;
  }

  /** A new map with the writes applied in their order; this one stays as it is. */
  with(writes: readonly Write[]): SortedMap {
    const chunks = [...this.#chunks];
    for (const write of writes) {
      // The constructor copies; `slice` of a subclass may not (that of Node's Buffer is a view).
      if (write.kind === 'put') put(chunks, { key: write.key, value: new Uint8Array(write.value) });
      else if (write.kind === 'delete') cut(chunks, write.key, undefined);
      else if (compareKeys(write.from, write.to) < 0) cut(chunks, write.from, write.to);
    }
    return new SortedMap(chunks);
  }
}

function put(chunks: Chunk[], entry: Entry): void {
  const c = chunkOf(chunks, entry.key);
  const chunk = chunks[c] ?? [];
  const i = lowerBound(chunk, entry.key);
  const next = [...chunk.slice(0, i), entry, ...chunk.slice(chunk[i]?.key === entry.key ? i + 1 : i)];
  const half = next.length >> 1;
  chunks.splice(c, 1, ...(next.length > MAX_CHUNK ? [next.slice(0, half), next.slice(half)] : [next]));
}

/** Removes the keys from `from` to `to`, or just `from`. */
function cut(chunks: Chunk[], from: string, to: string | undefined): void {
  const first = chunkOf(chunks, from);
  const last = to === undefined ? first : chunkOf(chunks, to);
  const kept: Chunk[] = [];
  for (const chunk of chunks.slice(first, last + 1)) {
    const start = lowerBound(chunk, from);
    const end = to === undefined ? (chunk[start]?.key === from ? start + 1 : start) : lowerBound(chunk, to);
    const rest = [...chunk.slice(0, start), ...chunk.slice(end)];
    if (rest.length > 0) kept.push(rest);
  }
  chunks.splice(first, last + 1 - first, ...kept);
}

/** The last chunk that starts at or before `key`; 0 if there is none. */
function chunkOf(chunks: readonly Chunk[], key: string): number {
  let low = 0;
  let high = chunks.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (compareKeys(chunks[middle]![0]!.key, key) <= 0) low = middle;
    else high = middle;
  }
  return low;
}

/** Where `key` is in the chunk, or would be. */
function lowerBound(chunk: Chunk, key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(chunk[middle]!.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
