import { StoreError } from '@sealkv/core';
import { storeError } from './dom-errors.ts';

/** The one object store. Its keys are out of line: WebKit at times fails to inject a key into a value. */
export const RECORDS = 'records';

const VERSION = 1;

export interface OpenOptions {
  /** The default is the global `indexedDB`, looked up when it is needed. */
  readonly indexedDB?: IDBFactory | undefined;
  /** How long the storage may answer nothing at all before what waits for it is given up: 30,000 by default. */
  readonly timeoutMs?: number | undefined;
  /** The timer: calls after so many milliseconds, unless what it returned was called before. `setTimeout` by default. */
  readonly after?: ((ms: number, call: () => void) => () => void) | undefined;
}

/**
 * Opens a database, making it if it is not there. The connection gives way by itself if another tab wants to delete or upgrade the database;
 * `onLost` tells that it is of no use any more, whatever the reason. (idb's own `openDB` knows the global `indexedDB` only.)
 * @throws StoreError
 */
export async function openDatabase(name: string, options: OpenOptions, onLost: () => void): Promise<IDBDatabase> {
  try {
    const request = factoryOf(options).open(name, VERSION);
    request.onupgradeneeded = ({ oldVersion }) => {
      if (oldVersion < 1) request.result.createObjectStore(RECORDS);
    };
    const db = await answered(request, options);
    db.onversionchange = () => {
      db.close();
      onLost();
    };
    db.onclose = onLost;
    return db;
  } catch (cause) {
    throw storeError(cause);
  }
}

/** @throws StoreError where there is none: on servers, and where the user's settings forbid storage */
export function factoryOf({ indexedDB = globalThis.indexedDB }: OpenOptions): IDBFactory {
  if (!indexedDB) throw new StoreError('FAILED', 'there is no IndexedDB here');
  return indexedDB;
}

/**
 * What a request to open or delete a database answers, if it does in time. If it does not, a tab holds the database open and does not give way; or the
 * browser hangs, as Safari did at times.
 */
export function answered<T>(request: IDBRequest<T>, options: OpenOptions, applied?: 'unknown'): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timer(options, () => {
      request.onsuccess = () => (request.result as Partial<IDBDatabase> | undefined)?.close?.();
      reject(new StoreError('TIMED_OUT', 'IndexedDB does not answer, or another tab holds the database open', { applied }));
    });
    request.onsuccess = () => {
      cancel();
      resolve(request.result);
    };
    request.onerror = () => {
      cancel();
      reject(request.error);
    };
  });
}

/** Has `call` called after the time that the storage may take, unless what this returns was called before. */
export function timer({ timeoutMs = 30_000, after = afterTimeout }: OpenOptions, call: () => void): () => void {
  return after(timeoutMs, call);
}

function afterTimeout(ms: number, call: () => void): () => void {
  const id = setTimeout(call, ms);
  return () => clearTimeout(id);
}
