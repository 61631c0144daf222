import { StoreError } from './errors.ts';
import { SortedMap } from './sorted-map.ts';
import type { CommitListener, KvStore, ReadTx, TxOptions, WriteOutcome } from './store.ts';
import { checkWrites, runBody, touchedBy } from './store.ts';

/** What memory stores keep their records in. Two stores on one database see each other's commits; it outlives their `close()`. */
export class MemoryDatabase {
  /** The committed state: immutable, replaced as a whole by a commit. */
  committed: SortedMap = new SortedMap();
  /** The end of the queue of transactions. */
  queue: Promise<unknown> = Promise.resolve();
  readonly listeners: Set<CommitListener> = new Set();
}

/**
 * The reference adapter: keeps everything in memory. A transaction is staged beside the committed state and swapped in whole;
 * a store that mutated in place would lie about atomicity.
 */
export function memoryStore({ database = new MemoryDatabase() }: { readonly database?: MemoryDatabase | undefined } = {}): KvStore {
  return new MemoryStore(database);
}

class MemoryStore implements KvStore {
  readonly #database: MemoryDatabase;
  readonly #running = new Set<Promise<unknown>>();
  readonly #listening = new Map<CommitListener, () => void>();
  #closed = false;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  read<T>(body: (tx: ReadTx) => Promise<T>, { signal }: TxOptions = {}): Promise<T> {
    return this.#queued(() => runBody(transactionOn(this.#database.committed), body, signal));
  }

  write<T>(body: (tx: ReadTx) => Promise<WriteOutcome<T>>, { signal }: TxOptions = {}): Promise<T> {
    return this.#queued(async () => {
      const before = this.#database.committed;
      const { result, writes } = await runBody(transactionOn(before), body, signal);
      checkWrites(writes);
      const after = before.with(writes);
      signal?.throwIfAborted();
      this.#database.committed = after; // the commit
      if (writes.length > 0) for (const listener of this.#database.listeners) listener(touchedBy(writes));
      return result;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
    for (const [listener, unlisten] of this.#listening) {
      unlisten();
      listener(undefined);
    }
  }

  onCommit(listener: CommitListener): () => void {
    if (this.#closed) throw closed();
    const { listeners } = this.#database;
    const own: CommitListener = (touched) => listener(touched); // so that the same function can be added twice
    const unlisten = (): void => {
      listeners.delete(own);
      this.#listening.delete(own);
    };
    listeners.add(own);
    this.#listening.set(own, unlisten);
    return unlisten;
  }

  // Reads take their turn too: answered at once, a read awaited inside another transaction's body would look like a settled promise.
  async #queued<T>(transaction: () => Promise<T>): Promise<T> {
    if (this.#closed) throw closed();
    const turn = this.#database.queue.then(transaction);
    this.#database.queue = turn.then(ignore, ignore);
    this.#running.add(turn);
    try {
      return await turn;
    } finally {
      this.#running.delete(turn);
    }
  }
}

function closed(): StoreError {
  return new StoreError('CLOSED', 'the store is closed');
}

const ignore = (): void => {};

function transactionOn(state: SortedMap): ReadTx {
  return {
    get: async (key) => state.get(key)?.slice(),
    scan: async (range) => state.scan(range).map(({ key, value }) => ({ key, value: value.slice() })),
    scanKeys: async (range) => state.scan(range).map(({ key }) => key),
  };
}
