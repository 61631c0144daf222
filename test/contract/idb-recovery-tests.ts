import type { KvStore, Touched } from '@sealkv/core';
import { isSealKvError, plaintextSealer, SecretEngine } from '@sealkv/core';
import { checkStore } from '@sealkv/core/check';
import { deleteIdbStore, deviceKey, idbStore } from '@sealkv/idb-adapter';
import type { FaultPlan } from '@sealkv/idb-adapter/testing';
import { faultyIndexedDB } from '@sealkv/idb-adapter/testing';
import { describe, expect, test } from 'vitest';
import { handTime } from './idb-fault-walk.ts';

/** What browsers do to databases, and what becomes of what is under way. A row of the table in docs/design/storage.md for each. */
export function idbRecoveryTests(): void {
  describe('a connection or transaction that the browser lost', () => {
    // As WebKit says it.
    const messages = [
      'Connection to Indexed Database server lost. Refresh the page to try again',
      'Attempt to get a record from database without an in-progress transaction',
    ];

    test.each(messages)('"%s": a read and a write are done once more, on a new connection', async (message) => {
      const lost = losing(message, 1);
      const store = idbStore(`once, ${message}`, lost);
      expect(await store.read((tx) => tx.get('a'))).toBeUndefined();
      expect(lost.seen).toEqual({ open: 2, get: 2 });

      const again = losing(message, 1);
      const writing = idbStore(`once, ${message}`, again);
      expect(await increment(writing)).toBe(1);
      expect(again.seen.open).toBe(2);
      expect(await increment(store)).toBe(2);
      await Promise.all([store.close(), writing.close()]);
    });

    test.each(messages)('"%s" again: a typed error that tells that nothing was done', async (message) => {
      const lost = losing(message, 2);
      const store = idbStore(`twice, ${message}`, lost);
      const error: unknown = await increment(store).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'FAILED', applied: 'no', cause: { name: 'UnknownError', message } });
      expect(lost.seen).toMatchObject({ open: 2, get: 2 });
      expect(await increment(store)).toBe(1);
      await store.close();
    });

    test('after the commit was requested: not known, and never repeated', async () => {
      const indexedDB = planned({ onEvent: (_, event) => (event === 'commit' ? 'refuse' : 'go'), error: unknownError(messages[0]!) });
      const store = idbStore('lost in the commit', { indexedDB });
      let runs = 0;
      const writing = store.write(async () => ({ result: void runs++, writes: [put('a', 1)] }));
      await expect(writing).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN', applied: 'unknown' });
      expect(runs).toBe(1);
      await store.close();
    });

    test('a cancelled operation is not done once more', async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      let runs = 0;
      const indexedDB = planned({
        onEvent(_, event) {
          if (event !== 'get') return 'go';
          controller.abort(reason);
          return 'abort';
        },
      });
      const store = idbStore('cancelled', { indexedDB });
      const reading = store.read((tx) => (runs++, tx.get('a')), { signal: controller.signal });
      await expect(reading).rejects.toBe(reason);
      expect(runs).toBe(1);
      await store.close();
    });

    test('closed by the browser (`close`): the next use opens it again', async () => {
      const connections: Connection[] = [];
      const store = idbStore('closed', { indexedDB: noting(connections) });
      expect(await increment(store)).toBe(1);
      lose(connections[0]!);
      expect(await increment(store)).toBe(2);
      connections.at(-1)!.db.close(); // and this time nobody is told
      expect(await increment(store)).toBe(3);
      expect(connections).toHaveLength(3);
      await store.close();
    });

    test('who listens looks at everything again, once the database opens again; and not for ever if it does not', async () => {
      let opens = 0;
      let isBroken = false;
      const connections: Connection[] = [];
      const plan: FaultPlan = { onEvent: (_, event) => (event === 'open' && (opens++, isBroken) ? 'throw' : 'go') };
      const store = idbStore('heard', { indexedDB: faultyIndexedDB(noting(connections), plan) });
      const other = idbStore('heard');
      const heard: (readonly Touched[] | undefined)[] = [];
      await increment(store);
      const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
      store.onCommit!((touched) => {
        heard.push(touched);
        if (touched === undefined) wake();
      });
      await store.read((tx) => tx.get('a'));

      // A commit whose message did not come: written past the adapter.
      await new Promise((resolve) => {
        const tx = connections[0]!.db.transaction('records', 'readwrite');
        tx.objectStore('records').put('another revision', 0);
        tx.oncomplete = resolve;
      });
      isBroken = true;
      opens = 0;
      lose(connections[0]!);
      await settle();
      expect(opens).toBe(2);
      expect(heard).toEqual([]);
      await expect(increment(store)).rejects.toMatchObject({ code: 'FAILED', applied: 'no' });
      isBroken = false;
      await store.read((tx) => tx.get('a'));
      await woken;
      await Promise.all([store.close(), other.close()]);
    });
  });

  describe('a storage that does not answer', () => {
    test('an open that hangs is TIMED_OUT, and not kept', async () => {
      let hangs = true;
      const indexedDB = planned({ onEvent: (_, event) => (event === 'open' && hangs ? 'hang' : 'go') });
      const time = handTime();
      const store = idbStore('open hangs', { indexedDB, after: time.after });
      await expect(time.passUntil(increment(store), () => true)).rejects.toMatchObject({ code: 'TIMED_OUT', applied: 'no' });
      hangs = false;
      expect(await increment(store)).toBe(1);
      await store.close();
    });

    test('an older tab that does not close is waited for, not for ever', async () => {
      await increment(idbStore('older tab'));
      const older = await opened(indexedDB.open('older tab')); // has no versionchange listener
      const time = handTime();
      const newer = idbStore('older tab', { indexedDB: newerRelease(), after: time.after });
      await expect(time.passUntil(increment(newer), () => true)).rejects.toMatchObject({ code: 'TIMED_OUT', applied: 'no' });
      older.close();
      expect(await increment(newer)).toBe(2);
      await newer.close();
    });

    test('a commit that is not answered is COMMIT_UNKNOWN; its connection is dropped, and who listens hears when it is', async () => {
      let hangs = true;
      const connections: Connection[] = [];
      const plan: FaultPlan = { onEvent: (_, event) => (event === 'complete' && hangs ? 'hang' : 'go') };
      const time = handTime();
      const store = idbStore('commit hangs', { indexedDB: faultyIndexedDB(noting(connections), plan), after: time.after });
      const heard: (readonly Touched[] | undefined)[] = [];
      store.onCommit!((touched) => heard.push(touched));
      await expect(time.passUntil(increment(store), () => true)).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN', applied: 'unknown' });
      expect(heard).toEqual([undefined]);
      hangs = false;
      expect(await increment(store)).toBe(2);
      expect(connections).toHaveLength(2);
      await store.close();
    });

    test('a queue that moves is waited for, however long it is', async () => {
      const time = handTime();
      const store = idbStore('queue', { after: time.after });
      const all = Promise.all(Array.from({ length: 500 }, () => increment(store)));
      expect(await time.passUntil(all, () => true)).toHaveLength(500);
      await store.close();
    });

    test('no timer is left behind', async () => {
      let timers = 0;
      const store = idbStore('timers', { after: () => (timers++, () => void timers--) });
      await increment(store);
      await expect(store.read(async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
      expect(timers).toBe(0);
      await store.close();
    });
  });

  describe('other tabs', () => {
    test('an upgrade by a newer release goes on at once; here it is NEWER_FORMAT from then on', async () => {
      const store = idbStore('upgraded');
      await increment(store);
      const upgrading = indexedDB.open('upgraded', 2);
      let blocked = false;
      upgrading.onblocked = () => (blocked = true);
      const newer = await opened(upgrading);
      expect(blocked).toBe(false);
      await expect(increment(store)).rejects.toMatchObject({ code: 'NEWER_FORMAT', applied: 'no' });
      newer.close();
      await store.close();
    });

    test('the database is deleted underneath: it is opened again, empty, and nothing of before comes back', async () => {
      const store = idbStore('deleted');
      const secrets = new SecretEngine({ store, sealer: plaintextSealer() });
      await secrets.put('a', { n: 1 });
      const held = await secrets.get('a');
      await deleted('deleted');
      expect(await secrets.get('a')).toBeUndefined();
      await expect(secrets.put('a', {}, { cas: held })).rejects.toMatchObject({ code: 'CAS_MISMATCH', currentVersion: 0 });
      expect(await secrets.put('a', { n: 2 })).toMatchObject({ version: 1 });
      expect((await checkStore(store)).problems).toEqual([]);
      await store.close();
    });

    test('deleted in the middle of a write: the write is done as a whole before, or once more after', async () => {
      const store = idbStore('deleted meanwhile');
      await increment(store);
      let deleting: Promise<void> | undefined;
      const n = await store.write(async (tx) => {
        deleting ??= deleted('deleted meanwhile');
        const found = await tx.get('a');
        const next = (found?.[0] ?? 0) + 1;
        return { result: next, writes: [put('a', next), put('b', next)] };
      });
      await deleting;
      expect([1, 2]).toContain(n);
      const left = await store.read((tx) => tx.scan({ from: 'a', to: 'c' }));
      expect(left.map(({ value }) => value[0])).toEqual(n === 2 ? [] : [1, 1]);
      await store.close();
    });
  });

  describe('deleteIdbStore', () => {
    test('forgets the data, and the key only if it is told to', async () => {
      const key = await deviceKey('forgotten');
      await increment(idbStore('forgotten'));
      await deleteIdbStore('forgotten');
      expect(await proofOf(await deviceKey('forgotten'))).toEqual(await proofOf(key));
      const store = idbStore('forgotten');
      expect(await increment(store)).toBe(1);
      await deleteIdbStore('forgotten', { deviceKey: true });
      expect(await proofOf(await deviceKey('forgotten'))).not.toEqual(await proofOf(key));
      expect(await increment(store)).toBe(1);
      await store.close();
    });

    test('of what is not there is fine', async () => {
      await deleteIdbStore('never made', { deviceKey: true });
    });

    test('who listens hears of it, and finds the store empty', async () => {
      const store = idbStore('listening to its end');
      const { promise: heard, resolve } = Promise.withResolvers<unknown>();
      await increment(store);
      store.onCommit!(resolve);
      await store.read((tx) => tx.get('a'));
      await deleteIdbStore('listening to its end');
      expect(await heard).toBeUndefined();
      expect(await store.read((tx) => tx.get('a'))).toBeUndefined();
      await store.close();
    });

    test('waits for a tab that does not give way, not for ever; deleted once it does', async () => {
      await increment(idbStore('held'));
      const holder = await opened(indexedDB.open('held'));
      const time = handTime();
      const deleting = time.passUntil(deleteIdbStore('held', { after: time.after }), () => true);
      await expect(deleting).rejects.toMatchObject({ code: 'TIMED_OUT', applied: 'unknown' });
      holder.close();
      expect(await increment(idbStore('held'))).toBe(1);
    });
  });

  describe('no space left', () => {
    const refusals = {
      QuotaExceededError: new DOMException('', 'QuotaExceededError'),
      "WebKit's UnknownError": unknownError('Unable to store record in object store'),
    };

    test.each(Object.entries(refusals))('%s at the commit is QUOTA_EXCEEDED, with nothing written and nothing repeated', async (name, error) => {
      let isFull = false;
      let commits = 0;
      const indexedDB = planned({ onEvent: (_, event) => (event === 'commit' && (commits++, isFull) ? 'refuse' : 'go'), error });
      const store = idbStore(`full, ${name}`, { indexedDB });
      await increment(store);
      isFull = true;
      commits = 0;
      const error_: unknown = await increment(store).catch((caught: unknown) => caught);
      expect(isSealKvError(error_, 'QUOTA_EXCEEDED') && error_.applied).toBe('no');
      expect(commits).toBe(1);
      isFull = false;
      expect(await increment(store)).toBe(2);
      await store.close();
    });

    test('deletes work in a database that refuses every put, and are told', async () => {
      const [store, full] = [idbStore('deletes'), idbStore('deletes', { indexedDB: fullForPuts() })];
      const heard: (readonly Touched[] | undefined)[] = [];
      await increment(store);
      store.onCommit!((touched) => heard.push(touched));
      await store.read((tx) => tx.get('a'));
      const writes = [{ kind: 'delete', key: 'a' }] as const;
      await full.write(async () => ({ result: undefined, writes }));
      expect(await store.read((tx) => tx.get('a'))).toBeUndefined();
      expect(heard).toEqual([writes]);
      // There is no revision to go by now: who listens looks at everything.
      expect(await increment(store)).toBe(1);
      expect(heard).toEqual([writes, undefined]);
      await expect(full.write(async () => ({ result: 0, writes: [...writes, put('a', 1)] }))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(await increment(store)).toBe(2);
      await Promise.all([store.close(), full.close()]);
    });
  });
}

/** Refuses every commit that comes with a put. */
function fullForPuts(): IDBFactory {
  let puts = 0;
  return planned({
    onEvent(_, event) {
      if (event === 'transaction') puts = 0;
      if (event === 'put') puts++;
      return event === 'commit' && puts > 0 ? 'refuse' : 'go';
    },
    error: new DOMException('', 'QuotaExceededError'),
  });
}

/** Loses the first `times` gets, with a message of WebKit's. Counts what it has seen. */
function losing(message: string, times: number): { readonly indexedDB: IDBFactory; readonly seen: Record<string, number> } {
  const seen: Record<string, number> = {};
  const onEvent: FaultPlan['onEvent'] = (_, event) => {
    if (event !== 'open' && event !== 'get') return 'go';
    seen[event] = (seen[event] ?? 0) + 1;
    return event === 'get' && seen[event] <= times ? 'abort' : 'go';
  };
  return { indexedDB: planned({ onEvent, error: unknownError(message) }), seen };
}

function planned(plan: FaultPlan): IDBFactory {
  return faultyIndexedDB(indexedDB, plan);
}

interface Connection {
  readonly db: IDBDatabase;
  /** fake-indexeddb has one of its own. */
  readonly ItsEvent: typeof Event;
}

/** As the browser closes it by itself. */
function lose({ db, ItsEvent }: Connection): void {
  db.close();
  db.dispatchEvent(new ItsEvent('close'));
}

/** IndexedDB that keeps the connections it hands out. */
function noting(connections: Connection[]): IDBFactory {
  return withOpen((name, version) => {
    const request = indexedDB.open(name, version);
    request.addEventListener('success', ({ constructor }) => connections.push({ db: request.result, ItsEvent: constructor as typeof Event }));
    return request;
  });
}

/** As a release opens it whose database has the next version. */
function newerRelease(): IDBFactory {
  return withOpen((name, version) => indexedDB.open(name, version! + 1));
}

function withOpen(open: IDBFactory['open']): IDBFactory {
  return new Proxy(indexedDB, { get: (target, name) => (name === 'open' ? open : Reflect.get(target, name, target)) });
}

function unknownError(message: string): DOMException {
  return new DOMException(message, 'UnknownError');
}

function opened(request: IDBOpenDBRequest): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function deleted(name: string): Promise<void> {
  await opened(indexedDB.deleteDatabase(name));
}

/** Tells keys apart that cannot be exported. */
async function proofOf(key: CryptoKey): Promise<Uint8Array> {
  const none = new Uint8Array(0);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: none, info: none }, key, 256));
}

/** Lets everything under way come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** A write that depends on what it reads: it tells if it was lost, or done twice. */
function increment(store: KvStore): Promise<number> {
  return store.write(async (tx) => {
    const n = ((await tx.get('a'))?.[0] ?? 0) + 1;
    return { result: n, writes: [put('a', n)] };
  });
}

function put(key: string, n: number): { kind: 'put'; key: string; value: Uint8Array } {
  return { kind: 'put', key, value: new Uint8Array([n]) };
}
