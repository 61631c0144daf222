import { SealError } from '@sealkv/core';
import { wrap } from 'idb';
import type { OpenOptions } from './open.ts';
import { openDatabase, RECORDS } from './open.ts';

export interface DeviceKeyOptions extends OpenOptions {}

/** Which of the records of its database the key is. */
const KEY = 'hkdf';

/**
 * This browser profile's own key, for the application `name`: made once, kept in the IndexedDB database `<name>:key`, and the same in all tabs
 * and workers of the origin. No script can read its bytes, and it cannot leave the device; who clears the site's data clears the key, and with
 * it what was sealed with it.
 *
 * A `CryptoKey` of algorithm HKDF, not extractable, usable for `deriveKey` and `deriveBits`.
 * @throws SealError `KEY_UNAVAILABLE` if the key cannot be made, kept, read back or used. There is never another key instead.
 */
export async function deviceKey(name: string, options: DeviceKeyOptions = {}): Promise<CryptoKey> {
  try {
    const db = await openDatabase(`${name}:key`, options, () => undefined);
    try {
      return await mustDerive((await load(db)) ?? (await keep(db)));
    } finally {
      db.close();
    }
  } catch (cause) {
    throw new SealError('KEY_UNAVAILABLE', 'the key of this device is not available', { cause });
  }
}

function load(db: IDBDatabase): Promise<CryptoKey | undefined> {
  return wrap<CryptoKey | undefined>(db.transaction(RECORDS).objectStore(RECORDS).get(KEY));
}

/** Keeps a new key unless another tab was first, and answers the one that is kept, as it is read back. */
async function keep(db: IDBDatabase): Promise<CryptoKey | undefined> {
  // Outside of the transaction: Firefox and Safari end one that awaits WebCrypto.
  const key = await newKey();
  // Strict: what will be sealed with it may outlive a power failure, so it must as well.
  const tx = db.transaction(RECORDS, 'readwrite', { durability: 'strict' });
  const store = tx.objectStore(RECORDS);
  const request = store.count(KEY);
  request.onsuccess = () => {
    if (request.result === 0) store.put(key, KEY);
  };
  await new Promise<void>((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error);
  });
  return load(db);
}

async function newKey(): Promise<CryptoKey> {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const key = await crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveKey', 'deriveBits']);
  bytes.fill(0);
  return key;
}

/** @throws if what was kept is no such key, or one that came back unusable */
async function mustDerive(key: CryptoKey | undefined): Promise<CryptoKey> {
  if (!key || key.extractable) throw new TypeError('what is stored is not a key that only this device can use');
  const none = new Uint8Array(0);
  await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: none, info: none }, key, 256);
  return key;
}
