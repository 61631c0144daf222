import type { Entry, KeyRange, StoreKey, StoredValue, Write } from '@sealkv/core';
import { compareKeys } from '@sealkv/core';

// A few MB at most: objects share the 128 MB of an isolate.
const MAX_RECORDS = 200;
const MAX_RECORD_LENGTH = 16_384;
const MAX_RANGES = 16;
const MAX_RANGE_ENTRIES = 64;

/**
 * What was read last of the committed state: small records, the places where there is none, and short ranges. What every request looks at (its token,
 * policies, mount) is not asked of SQLite each time.
 *
 * For who has the storage to itself and makes one transaction after the other. What a transaction is about to write is forgotten before its first
 * statement, and remembered again by who reads it when that is over, whichever way it ended. So nothing is ever remembered that was not committed.
 * Values are copied on the way out, as every store does.
 */
export class RecordMemory {
  /** Undefined: there is no such record. What was used last comes last. */
  readonly #valueByKey = new Map<StoreKey, StoredValue | undefined>();
  readonly #ranges = new Map<string, { readonly range: KeyRange; readonly entries: readonly Entry[] }>();

  get(key: StoreKey, read: () => StoredValue | undefined): StoredValue | undefined {
    const isKnown = this.#valueByKey.has(key);
    const value = isKnown ? this.#valueByKey.get(key) : read();
    if (isKnown) this.#valueByKey.delete(key);
    else if (key.length + (value?.length ?? 0) > MAX_RECORD_LENGTH) return value;
    remember(this.#valueByKey, key, value, MAX_RECORDS);
    return value?.slice();
  }

  scan(range: KeyRange, read: () => readonly Entry[]): readonly Entry[] {
    const { from, to, reverse, limit } = range;
    const name = JSON.stringify([from, to, reverse, limit]);
    const known = this.#ranges.get(name);
    const entries = known?.entries ?? read();
    if (known !== undefined) this.#ranges.delete(name);
    else if (
      entries.length > MAX_RANGE_ENTRIES ||
      entries.reduce((sum, { key, value }) => sum + key.length + value.length, name.length) > MAX_RECORD_LENGTH
    )
      return entries;
    remember(this.#ranges, name, { range, entries }, MAX_RANGES);
    return entries.map(({ key, value }) => ({ key, value: value.slice() }));
  }

  /** What these writes are about to change. */
  forget(writes: readonly Write[]): void {
    for (const write of writes) {
      if (write.kind === 'deleteRange') this.#forgetRange(write.from, write.to);
      else {
        this.#valueByKey.delete(write.key);
        this.#forgetRangesThatMeet(write.key, `${write.key}\0`);
      }
    }
  }

  #forgetRange(from: StoreKey, to: StoreKey): void {
    // All that begin as every key of the range does: more than needed, and quicker than comparing each.
    const start = sharedStart(from, to);
    for (const key of this.#valueByKey.keys()) if (key.startsWith(start)) this.#valueByKey.delete(key);
    this.#forgetRangesThatMeet(from, to);
  }

  #forgetRangesThatMeet(from: StoreKey, to: StoreKey): void {
    for (const [name, { range }] of this.#ranges) if (compareKeys(from, range.to) < 0 && compareKeys(range.from, to) < 0) this.#ranges.delete(name);
  }
}

function remember<V>(known: Map<string, V>, key: string, value: V, most: number): void {
  if (known.size >= most) known.delete(known.keys().next().value!);
  known.set(key, value);
}

function sharedStart(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}
