import type { Entry, KeyRange, ReadTx, StoredValue, StoreKey } from '@sealkv/core';

/**
 * Remembers what was read in a transaction, so that a later one can tell whether it is all still so. It compares the records' bytes: nobody has to
 * think of what a decision rests on, and a role that was deleted and made again the same is the same.
 */
export class WatchedTx implements ReadTx {
  readonly #tx: ReadTx;
  readonly #seen = new Map<StoreKey, StoredValue | undefined>();

  constructor(tx: ReadTx) {
    this.#tx = tx;
  }

  async get(key: StoreKey): Promise<StoredValue | undefined> {
    const value = await this.#tx.get(key);
    this.#seen.set(key, value);
    return value;
  }

  /** Ranges can't be watched. */
  scan(_: KeyRange): Promise<readonly Entry[]> {
    throw new TypeError('what is watched is read by its key');
  }

  scanKeys(_: KeyRange): Promise<readonly StoreKey[]> {
    throw new TypeError('what is watched is read by its key');
  }

  /** Whether all that was read is still so in another transaction. */
  async isUnchanged(tx: ReadTx): Promise<boolean> {
    const checks = Array.from(this.#seen, async ([key, before]) => isSame(before, await tx.get(key)));
    return (await Promise.all(checks)).every(Boolean);
  }
}

function isSame(a: StoredValue | undefined, b: StoredValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
