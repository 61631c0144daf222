import type {
  CommitListener,
  Durability,
  Entry,
  KeyRange,
  KvStore,
  ReadTx,
  StoredValue,
  StoreKey,
  TxOptions,
  Write,
  WriteOutcome,
} from '@sealkv/core';
import { checkWrites, compareKeys, isSealKvError, runBody, StoreError, touchedBy } from '@sealkv/core';
import type { IDBPCursor, IDBPObjectStore } from 'idb';
import { wrap } from 'idb';
import type { Revision } from './commits.ts';
import { compare, listen, tell } from './commits.ts';
import { commitError, isLost, requestError, storeError } from './dom-errors.ts';
import type { OpenOptions } from './open.ts';
import { openDatabase, RECORDS, timer } from './open.ts';

export interface IdbStoreOptions extends OpenOptions {
  /**
   * When a commit counts as done, unless the operation says otherwise: `'strict'`, the default, once it is on the disk; `'relaxed'` once the
   * operating system has it. Neither loses one to a killed tab or browser; a power failure may take the last relaxed ones. A strict commit costs
   * two to four relaxed ones, and an application writes a secret rarely.
   */
  readonly durability?: Durability | undefined;
}

/**
 * A store in the IndexedDB database `name`, which all tabs and workers of the origin share. Opens on first use. What the browser gave up before
 * its commit was requested (Safari loses connections and transactions of pages that slept) is done once more, on a new connection. What does not
 * answer is `TIMED_OUT`, or `COMMIT_UNKNOWN` from the commit request on.
 */
export function idbStore(name: string, options: IdbStoreOptions = {}): KvStore {
  return new IdbStore(name, options);
}

class IdbStore implements KvStore {
  readonly #name: string;
  readonly #options: IdbStoreOptions;
  readonly #running = new Set<Promise<unknown>>();
  readonly #listening = new Map<() => void, CommitListener>();
  #connection: Promise<IDBDatabase> | undefined;
  #closed = false;
  /** A connection was lost, and nobody has compared revisions since. */
  #missing = false;
  /** Counts what the storage has answered. */
  #answers = 0;

  constructor(name: string, options: IdbStoreOptions) {
    this.#name = name;
    this.#options = options;
  }

  read<T>(body: (tx: ReadTx) => Promise<T>, options: TxOptions = {}): Promise<T> {
    return this.#track(() => this.#transact('readonly', options, (tx) => runBody(this.#bodysView(tx), body, options.signal)));
  }

  write<T>(body: (tx: ReadTx) => Promise<WriteOutcome<T>>, options: TxOptions = {}): Promise<T> {
    const { signal } = options;
    let deletesOnly = false;
    const attempt = (revision: Revision): Promise<T> =>
      this.#transact('readwrite', options, async (tx) => {
        const { result, writes } = await runBody(this.#bodysView(tx), body, signal);
        checkWrites(writes);
        signal?.throwIfAborted();
        deletesOnly = writes.every(({ kind }) => kind !== 'put');
        const from = await commit(tx, writes, revision);
        if (writes.length > 0) tell(this.#name, { from, to: revision ?? null, touched: touchedBy(writes) });
        return result;
      });
    return this.#track(async () => {
      try {
        return await attempt(crypto.getRandomValues(new Uint32Array(4)).join(''));
      } catch (error) {
        // In a full database Chromium refuses any put, so the revision's would be what stands in the way of making room.
        if (deletesOnly && isSealKvError(error, 'QUOTA_EXCEEDED')) return attempt(undefined);
        throw error;
      }
    });
  }

  /** In other tabs and workers where there is `BroadcastChannel`, which is in all current browsers; else their commits are found at the next look. */
  onCommit(listener: CommitListener): () => void {
    if (this.#closed) throw closed();
    const unlisten = listen(this.#name, listener, () => this.#track(() => this.#transact('readonly', {}, loadRevision)));
    const end = (): void => {
      unlisten();
      this.#listening.delete(end);
    };
    this.#listening.set(end, listener);
    return end;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
    for (const [end, listener] of this.#listening) {
      end();
      listener(undefined);
    }
    const connection = this.#connection;
    this.#connection = undefined;
    (await connection)?.close();
  }

  async #track<T>(start: () => Promise<T>): Promise<T> {
    if (this.#closed) throw closed();
    const running = start();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #transact<T>(mode: IDBTransactionMode, { signal, durability }: TxOptions, run: (tx: IDBTransaction) => Promise<T>): Promise<T> {
    for (let isRetry = false; ; isRetry = true) {
      signal?.throwIfAborted();
      const connection = (this.#connection ??= this.#connect());
      let tx: IDBTransaction | undefined;
      try {
        tx = begin(await connection, mode, durability ?? this.#options.durability ?? 'strict');
        const result = await this.#answered(tx, run(tx));
        if (this.#missing) compare(this.#name);
        this.#missing = false;
        return result;
      } catch (error) {
        const requested = tx !== undefined && COMMITTING.has(tx);
        abandon(tx);
        if (!isLost(error)) throw error;
        this.#drop(connection);
        if (requested) tell(this.#name, { from: null, to: null });
        // Once more, only if the commit was certainly not requested; and what did not answer will not.
        if (requested || isRetry || error.code === 'TIMED_OUT') throw error;
      } finally {
        this.#answers++;
      }
    }
  }

  /** Rejects once the storage has answered nothing at all, in this transaction or another, for as long as it may take. */
  #answered<T>(tx: IDBTransaction, outcome: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let cancel: () => void;
      const wait = (): void => {
        const answers = this.#answers;
        cancel = timer(this.#options, () => (answers === this.#answers ? reject(unanswered(tx)) : wait()));
      };
      wait();
      outcome.then(resolve, reject).finally(() => cancel());
    });
  }

  #bodysView(tx: IDBTransaction): ReadTx {
    return transactionOn(tx, () => this.#answers++);
  }

  #connect(): Promise<IDBDatabase> {
    const connection = openDatabase(this.#name, this.#options, () => {
      this.#forget(connection);
      compare(this.#name);
    });
    connection.catch(() => this.#forget(connection)); // a failure is not kept: the next use tries again
    return connection;
  }

  #drop(connection: Promise<IDBDatabase>): void {
    this.#missing = true;
    this.#forget(connection);
    connection.then(
      (db) => db.close(),
      () => undefined,
    );
  }

  #forget(connection: Promise<IDBDatabase>): void {
    if (this.#connection === connection) this.#connection = undefined;
  }
}

/** Those whose commit was requested: they are never run again, whatever becomes of them. */
const COMMITTING = new WeakSet<IDBTransaction>();

function begin(db: IDBDatabase, mode: IDBTransactionMode, durability: Durability): IDBTransaction {
  try {
    return db.transaction(RECORDS, mode, { durability });
  } catch (cause) {
    throw storeError(cause);
  }
}

function unanswered(tx: IDBTransaction): StoreError {
  return COMMITTING.has(tx) ? commitError(undefined) : new StoreError('TIMED_OUT', 'IndexedDB does not answer');
}

function transactionOn(tx: IDBTransaction, answered: () => void): ReadTx {
  const asking = async <T>(ask: (store: IDBPObjectStore) => Promise<T>): Promise<T> => {
    try {
      return await ask(wrap(tx.objectStore(RECORDS)));
    } catch (cause) {
      throw requestError(tx, cause);
    } finally {
      answered();
    }
  };
  return {
    get: (key) => asking((store) => store.get(encode(key)) as Promise<StoredValue | undefined>),
    scan: (range) =>
      asking(async (store) => {
        const { keys, values } = await scan(store, range, true);
        return keys.map((key, i): Entry => ({ key, value: values[i]! }));
      }),
    scanKeys: (range) => asking(async (store) => (await scan(store, range, false)).keys),
  };
}

// Bounds the memory that one answer takes; in WebKit 10,000 records in pages come three times as fast as in one go.
const PAGE = 500;

interface Scanned {
  readonly keys: StoreKey[];
  /** Empty unless asked for. */
  readonly values: StoredValue[];
}

async function scan(store: IDBPObjectStore, { from, to, reverse, limit = Infinity }: KeyRange, valuesToo: boolean): Promise<Scanned> {
  const scanned: Scanned = { keys: [], values: [] };
  const { keys, values } = scanned;
  if (compareKeys(from, to) >= 0) return scanned;
  let range = keyRange(encode(from), to);
  // Neither getAll nor getAllKeys goes backwards in every browser. Cursors do, at a round trip per record: worth it for the last few only.
  if (reverse && limit === Infinity) {
    const forwards = await scan(store, { from, to }, valuesToo);
    return { keys: forwards.keys.reverse(), values: forwards.values.reverse() };
  }
  if (reverse) {
    let cursor: IDBPCursor | null = await (valuesToo ? store.openCursor(range, 'prev') : store.openKeyCursor(range, 'prev'));
    while (cursor) {
      keys.push(decode(cursor.key));
      if ('value' in cursor) values.push(cursor.value as StoredValue);
      cursor = keys.length < limit ? await cursor.continue() : null;
    }
    return scanned;
  }
  for (;;) {
    const count = Math.min(PAGE, limit - keys.length);
    // Async, so that a second request that cannot be made does not leave the first one's promise to nobody.
    const askForValues = async (): Promise<StoredValue[]> => (valuesToo ? store.getAll(range, count) : []);
    const [pageKeys, pageValues] = await Promise.all([store.getAllKeys(range, count), askForValues()]);
    keys.push(...pageKeys.map(decode));
    values.push(...pageValues);
    if (pageKeys.length < count || keys.length >= limit) return scanned;
    range = keyRange(pageKeys.at(-1)!, to, true);
  }
}

/** Requests the writes and then the commit, which is the point of no return. Resolves once it is done, to the revision that it found. */
function commit(tx: IDBTransaction, writes: readonly Write[], revision: Revision): Promise<Revision> {
  let found: IDBRequest<Revision> | undefined;
  try {
    const store = tx.objectStore(RECORDS);
    if (writes.length > 0) {
      found = store.get(REVISION);
      if (revision) store.put(revision, REVISION);
      else store.delete(REVISION);
    }
    for (const write of writes) request(store, write);
    tx.commit();
    COMMITTING.add(tx);
  } catch (cause) {
    throw requestError(tx, cause);
  }
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve(found?.result);
    tx.onabort = () => reject(commitError(tx.error));
  });
}

function request(store: IDBObjectStore, write: Write): void {
  // A view is stored with all of the buffer below it, hence the copy.
  if (write.kind === 'put') store.put(new Uint8Array(write.value), encode(write.key));
  else if (write.kind === 'delete') store.delete(encode(write.key));
  else if (compareKeys(write.from, write.to) < 0) store.delete(keyRange(encode(write.from), write.to));
}

/** IndexedDB would commit what was written before an exception, and keep a transaction's place in the queue. */
function abandon(tx: IDBTransaction | undefined): void {
  try {
    tx?.abort();
  } catch {
    // It has ended by itself.
  }
}

/** Up to `to`, which is not included. IndexedDB throws if that is not above `lower`. */
function keyRange(lower: IDBValidKey, to: StoreKey, lowerOpen = false): IDBKeyRange {
  return IDBKeyRange.bound(lower, encode(to), lowerOpen, true);
}

// Not a binary key, so no range of records holds it.
const REVISION = 0;

const loadRevision = (tx: IDBTransaction): Promise<Revision> => wrap<Revision>(tx.objectStore(RECORDS).get(REVISION));

function closed(): StoreError {
  return new StoreError('CLOSED', 'the store is closed');
}

// Binary keys: IndexedDB orders strings by UTF-16 units, bytes by themselves.
function encode(key: StoreKey): ArrayBuffer {
  return new TextEncoder().encode(key).buffer;
}

function decode(key: IDBValidKey): StoreKey {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(key as ArrayBuffer);
}
