import { abortAllDurableObjects } from 'cloudflare:test';
import type { KvStore, Write } from '@sealkv/core';
import { isSealKvError } from '@sealkv/core';
import { tornStore } from '@sealkv/core/testing';
import { durableStore } from '../../packages/worker/src/durable-store.ts';
import type { FaultPlan } from '../../packages/worker/src/testing.ts';
import { faultyStorage } from '../../packages/worker/src/testing.ts';
import { describe, expect, test, vi } from 'vitest';
import { inObject } from './in-object.ts';

const put = (key: string, value = key): Write => ({ kind: 'put', key, value: new TextEncoder().encode(value) });
const clear = (from: string, to: string): Write => ({ kind: 'deleteRange', from, to });
const commit = (store: KvStore, ...writes: Write[]): Promise<void> => store.write(async () => ({ result: undefined, writes }));
const keysIn = (store: KvStore): Promise<readonly string[]> => store.read((tx) => tx.scanKeys({ from: '', to: '\u{10ffff}' }));
const keysOf = (name: string): Promise<readonly string[]> => inObject(name, ({ storage }) => keysIn(durableStore(storage)));
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => error,
  );

describe('an object that nobody wrote to', () => {
  test('is left untouched by opening, reading, an empty write and a refused one', () =>
    inObject('untouched', async ({ storage }) => {
      const store = durableStore(storage);
      await keysIn(store);
      await commit(store);
      await rejection(commit(store, put('a'), put('\ud800')));
      await store.close();
      const tables = storage.sql.exec('SELECT name FROM sqlite_master').toArray();
      expect(tables).toEqual([]);
    }));

  test('has no table after its first write was rolled back, and the next write makes it', () =>
    inObject('rolled back', async (state) => {
      const storage = faultyStorage(state, { onEvent: (n) => (n === 4 ? 'throw' : 'go') });
      const store = durableStore(storage);
      expect(await rejection(commit(store, put('a')))).toMatchObject({ code: 'COMMIT_UNKNOWN' });
      expect(await keysIn(store)).toEqual([]);
      await commit(store, put('b'));
      expect(await keysIn(store)).toEqual(['b']);
    }));
});

test('transactions of several requests to one object take turns', async () => {
  const adds = Array.from({ length: 20 }, () =>
    inObject('requests', ({ storage }) =>
      durableStore(storage).write(async (tx) => {
        const keys = await tx.scanKeys({ from: '', to: 'z' });
        return { result: keys.length, writes: [put(`k${String(keys.length).padStart(2, '0')}`)] };
      }),
    ),
  );
  expect((await Promise.all(adds)).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

describe('a fault at an event', () => {
  const before = ['a', 'b1', 'b2', 'c'];
  const after = ['a', 'b3', 'c', 'd'];
  const operation = (store: KvStore): Promise<void> =>
    store.write(async (tx) => {
      await tx.get('a');
      return { result: undefined, writes: [clear('b', 'c'), put('b3'), put('d')] };
    });
  const eventNames = ['begin', 'SELECT', 'SELECT', 'DELETE', 'INSERT', 'INSERT', 'commit', 'committed'];

  const runWith = async (
    name: string,
    plan: FaultPlan,
    wrap = (store: KvStore): KvStore => store,
  ): Promise<{ outcome: unknown; keys: readonly string[] }> => {
    await inObject(name, ({ storage }) => commit(durableStore(storage), ...before.map((key) => put(key))));
    // A new instance, so that its store remembers nothing.
    await abortAllDurableObjects();
    const run = inObject(name, (state) => rejection(operation(wrap(durableStore(faultyStorage(state, plan))))));
    const outcome = await run.catch((error: unknown) => error); // an object that has ended answers nothing
    const keys = await keysOf(name);
    await inObject(name, ({ storage }) => commit(durableStore(storage), put('next')));
    expect(await keysOf(name)).toEqual([...keys, 'next']);
    return { outcome, keys };
  };
  const faultAt = (at: number, verdict: 'throw' | 'crash'): FaultPlan => ({ onEvent: (n) => (n === at ? verdict : 'go') });

  test('every statement, the begin, the commit and its answer are events', async () => {
    const names: string[] = [];
    const { keys } = await runWith('events', { onEvent: (_n, name) => (names.push(name), 'go') });
    expect(names).toEqual(eventNames);
    expect(keys).toEqual(after);
  });

  test.for(eventNames.map((name, n) => [n, name] as const))('throw at %i (%s): all or nothing, and the error says which', async ([n, name]) => {
    const { outcome, keys } = await runWith(`throw at ${n}`, faultAt(n, 'throw'));
    const committing = name.startsWith('commit');
    expect(outcome).toMatchObject(committing ? { code: 'COMMIT_UNKNOWN', applied: 'unknown' } : { code: 'FAILED', applied: 'no' });
    expect((outcome as Error).cause).toMatchObject({ message: `fault at event ${n} (${name})` });
    expect(keys).toEqual(name === 'committed' ? after : before);
  });

  test.for(eventNames.map((name, n) => [n, name] as const))('crash at %i (%s): all or nothing', async ([n, name]) => {
    const { outcome, keys } = await runWith(`crash at ${n}`, faultAt(n, 'crash'));
    expect(outcome).toMatchObject({ message: `fault at event ${n} (${name})` });
    expect(keys).toEqual(name === 'committed' ? after : before);
  });

  test('a store that commits write by write is torn by the same crashes', async () => {
    const torn: number[] = [];
    for (let n = 0; ; n++) {
      const { outcome, keys } = await runWith(`torn at ${n}`, faultAt(n, 'crash'), tornStore);
      if (outcome === 'resolved') break;
      if (String(keys) !== String(before) && String(keys) !== String(after)) torn.push(n);
    }
    expect(torn.length).toBeGreaterThan(0);
  });

  test('a body that shrugs off a failed request can write nothing', () =>
    inObject('shrug', async (state) => {
      await commit(durableStore(state.storage), put('a'));
      const store = durableStore(faultyStorage(state, faultAt(2, 'throw')));
      const write = store.write(async (tx) => {
        await tx.get('a').catch(() => undefined);
        return { result: undefined, writes: [put('b')] };
      });
      expect(await rejection(write)).toMatchObject({ code: 'FAILED' });
      expect(await keysIn(store)).toEqual(['a']);
    }));

  test('a full database is QUOTA_EXCEEDED, and nothing was written', () =>
    inObject('full', async (state) => {
      const store = durableStore(
        faultyStorage(state, {
          onEvent: (_n, name) => {
            if (name === 'INSERT') throw new Error('database or disk is full: SQLITE_FULL');
            return 'go';
          },
        }),
      );
      expect(await rejection(commit(store, put('a')))).toMatchObject({ code: 'QUOTA_EXCEEDED', applied: 'no' });
      expect(await keysIn(store)).toEqual([]);
    }));
});

describe('every object aborted in the middle of a large delete', () => {
  const folders = Array.from({ length: 10 }, (_, i) => `folder${i}/`);
  const rows = folders.flatMap((folder) => Array.from({ length: 300 }, (_, i) => put(`${folder}${i}`)));
  const deletes = folders.map((folder) => clear(folder, folder.replace('/', '0')));

  /** Stops for good inside the n-th transaction, when all of its statements have run, and tells. */
  const stoppingStorage = (storage: DurableObjectStorage, n: number, stopped: () => void): DurableObjectStorage => {
    let transactions = 0;
    const transaction: DurableObjectStorage['transaction'] = (closure) =>
      storage.transaction(async (own) => {
        const value = await closure(own);
        if (++transactions === n) {
          stopped();
          await scheduler.wait(3_600_000);
        }
        return value;
      });
    return new Proxy(storage, { get: (_, name) => (name === 'transaction' ? transaction : Reflect.get(storage, name, storage)) });
  };
  const remainingAfterAbort = async (name: string, n: number, wrap: (store: KvStore) => KvStore): Promise<number> => {
    await inObject(name, ({ storage }) => commit(durableStore(storage), ...rows));
    let stopped = false;
    const deleting = inObject(name, ({ storage }) => commit(wrap(durableStore(stoppingStorage(storage, n, () => (stopped = true)))), ...deletes));
    const outcome = rejection(deleting);
    await vi.waitUntil(() => stopped, { timeout: 60_000, interval: 1 });
    await abortAllDurableObjects();
    expect(await outcome).toBeInstanceOf(Error);
    return (await keysOf(name)).length;
  };

  test('leaves everything', async () => {
    expect(await remainingAfterAbort('abort', 1, (store) => store)).toBe(3_000);
  });

  test('leaves half of it where each range is a transaction of its own (the founding bug)', async () => {
    expect(await remainingAfterAbort('abort torn', 7, tornStore)).toBe(1_500);
  });
});

describe('the rule for bodies', () => {
  const digest = (): Promise<ArrayBuffer> => crypto.subtle.digest('SHA-256', new Uint8Array(1));
  const installed = (): object => Object.assign({ postMessage: MessagePort.prototype.postMessage }, SubtleCrypto.prototype);
  const natives = installed();

  test('leaves WebCrypto and message ports as they were, also after a refused body', () =>
    inObject('restored', async ({ storage }) => {
      const store = durableStore(storage);
      const seen: object[] = [];
      await store.read(async () => seen.push(installed()));
      expect(seen[0]).not.toEqual(natives);
      expect(installed()).toEqual(natives);
      expect(await rejection(store.read(digest))).toMatchObject({ code: 'FOREIGN_AWAIT' });
      expect(installed()).toEqual(natives);
    }));

  test('leaves them as they were after the next body, where an object ended in the middle of one', async () => {
    await rejection(
      inObject('ended', (state) =>
        durableStore(faultyStorage(state, { onEvent: (_n, name) => (name === 'SELECT' ? 'crash' : 'go') })).read((tx) => tx.get('a')),
      ),
    );
    await keysOf('ended');
    expect(installed()).toEqual(natives);
  });

  test('finds a digest and a message whose makers were there before the body', () =>
    inObject('kept', async ({ storage }) => {
      const store = durableStore(storage);
      const { subtle } = crypto;
      const { port1, port2 } = new MessageChannel();
      const turn = (): Promise<unknown> => {
        const delivered = new Promise((resolve) => (port1.onmessage = resolve));
        port2.postMessage(undefined);
        return delivered;
      };
      await turn();
      expect(await rejection(store.read(() => subtle.digest('SHA-256', new Uint8Array(1))))).toMatchObject({ code: 'FOREIGN_AWAIT' });
      expect(await rejection(store.read(turn))).toMatchObject({ code: 'FOREIGN_AWAIT' });
    }));

  test('disturbs nobody who uses them beside a body', () =>
    inObject('beside', async ({ storage }) => {
      const store = durableStore(storage);
      const expected = new Uint8Array(await digest());
      const { port1, port2 } = new MessageChannel();
      const received: unknown[] = [];
      port1.onmessage = ({ data }: MessageEvent) => void received.push(data);
      const message = { text: 'first' };
      let beside: Promise<unknown>[] = [];
      await store.write(async (tx) => {
        port2.postMessage(message);
        message.text = 'changed after it was sent';
        beside = [digest(), rejection(crypto.subtle.digest('unheard of', new Uint8Array(1)))];
        await tx.get('a');
        return { result: undefined, writes: [put('a')] };
      });
      port2.postMessage({ text: 'second' });
      expect(new Uint8Array((await beside[0]) as ArrayBuffer)).toEqual(expected);
      expect(await beside[1]).toMatchObject({ name: 'NotSupportedError' });
      await vi.waitUntil(() => received.length === 2);
      expect(received).toEqual([{ text: 'first' }, { text: 'second' }]);
      expect(isSealKvError(await rejection(store.read(digest)), 'FOREIGN_AWAIT')).toBe(true);
    }));
});
