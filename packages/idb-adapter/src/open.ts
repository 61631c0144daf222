import { StoreError } from '@sealkv/core';
import { storeError } from './dom-errors.ts';

/** The one object store. Its keys are out of line: WebKit at times fails to inject a key into a value. */
export const RECORDS = 'records';

const VERSION = 1;

export interface OpenOptions {
  /** The default is the global `indexedDB`, looked up when it is needed. */
  readonly indexedDB?: IDBFactory | undefined;
}

/**
 * Opens a database, making it if it is not there. The connection gives way by itself if another tab wants to delete or upgrade the database;
 * `onLost` tells that it is of no use any more, whatever the reason. (idb's own `openDB` knows the global `indexedDB` only.)
 * @throws StoreError
 */
export async function openDatabase(name: string, { indexedDB = globalThis.indexedDB }: OpenOptions, onLost: () => void): Promise<IDBDatabase> {
  // Missing on servers, and where the user's settings forbid storage.
  if (!indexedDB) throw new StoreError('FAILED', 'there is no IndexedDB here');
  try {
    return await opened(indexedDB.open(name, VERSION), onLost);
  } catch (cause) {
    throw storeError(cause);
  }
}

function opened(request: IDBOpenDBRequest, onLost: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    request.onupgradeneeded = () => request.result.createObjectStore(RECORDS);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const db = request.result;
      db.onversionchange = () => {
        db.close();
        onLost();
      };
      db.onclose = onLost;
      resolve(db);
    };
    // Only an upgrade can be blocked, by a tab that holds an older version open and does not give way. Version 1 has none before it, so
    // this is never; if it should be, an error now is better than a wait for that tab without end.
    request.onblocked = () => {
      request.onsuccess = () => request.result.close();
      reject(new Error('another tab holds an older version of the database open'));
    };
  });
}
