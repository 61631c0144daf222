import type { KvStore } from '@sealkv/core';
import { aesGcmSealer, plaintextSealer, SecretEngine } from '@sealkv/core';
import { MemoryDatabase, memoryStore } from '@sealkv/core/memory';
import type { LiveSecret, Snapshot } from '@sealkv/live';
import { live } from '@sealkv/live';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { withMoments } from '../watch/harness.ts';
import type { Moments } from '../watch/harness.ts';

/** An engine, another one on the same data, and how many listen to it. */
function setup(moments: Moments = {}, sealer = plaintextSealer()) {
  const database = new MemoryDatabase();
  const other = new SecretEngine({ store: memoryStore({ database }), sealer });
  const secrets = new SecretEngine({ store: withMoments(memoryStore({ database }), moments), sealer });
  onTestFinished(async () => {
    await settled();
    expect(database.listeners.size, 'listeners left').toBe(0);
  });
  return { database, other, secrets };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Listens, and hands out one snapshot after the other. */
function listenTo({ subscribe, getSnapshot }: LiveSecret) {
  const told: Snapshot[] = [];
  let wake = (): void => undefined;
  const unsubscribe = subscribe(() => {
    told.push(getSnapshot());
    wake();
  });
  const next = async (): Promise<Snapshot> => {
    if (told.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return told.shift()!;
  };
  return { told, next, unsubscribe };
}

const ready = (secret: object | undefined): object => ({ status: 'ready', secret: secret && expect.objectContaining(secret) });

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
afterEach(async () => {
  await settled();
  expect(unhandled.splice(0)).toEqual([]);
});

test('a secret is loading, then what it is, and what becomes of it by whomever', async () => {
  const { secrets, other } = setup();
  const login = live(secrets, 'app/login');
  expect(login.getSnapshot()).toEqual({ status: 'loading' });
  expect(login.getServerSnapshot()).toBe(login.getSnapshot());
  const { next, unsubscribe } = listenTo(login);
  expect(login.getSnapshot()).toEqual({ status: 'loading' });
  expect(await next()).toEqual({ status: 'ready', secret: undefined });
  const after = async (change: Promise<unknown>): Promise<Snapshot> => (await change, next());
  expect(await after(other.put('app/login', { user: 'ada' }))).toEqual(ready({ version: 1, state: 'live', data: { user: 'ada' } }));
  expect(await after(secrets.put('app/login', { user: 'grace' }))).toEqual(ready({ version: 2, data: { user: 'grace' } }));
  expect(await after(other.putMetadata('app/login', { customMetadata: { owner: 'ops' } }))).toEqual(ready({ customMetadata: { owner: 'ops' } }));
  expect(await after(other.delete('app/login'))).toEqual(ready({ version: 2, state: 'deleted', data: undefined }));
  expect(await after(other.undelete('app/login', [2]))).toEqual(ready({ version: 2, state: 'live', data: { user: 'grace' } }));
  expect(await after(other.destroy('app/login', [2]))).toEqual(ready({ version: 2, state: 'destroyed' }));
  expect(await after(other.deleteMetadata('app/login'))).toEqual(ready(undefined));
  expect(login.getServerSnapshot()).toEqual({ status: 'loading' });
  unsubscribe();
});

test('the snapshot stays the same object while nothing changes that it shows', async () => {
  const { secrets, other } = setup();
  for (const n of [1, 2]) await other.put('a', { n });
  const { told, next, unsubscribe } = listenTo(live(secrets, 'a'));
  const first = await next();
  await other.put('b', {});
  await other.putMetadata('a', { maxVersions: 5 });
  await other.delete('b');
  await other.deleteVersions('a', [1]);
  await settled();
  expect(told).toEqual([]);
  expect(live(secrets, 'a').getSnapshot()).toBe(first);
  unsubscribe();
});

test('a read that saw more than its change is not told twice', async () => {
  const moments: Moments = {};
  const { secrets, other } = setup(moments);
  await other.put('a', { n: 1 });
  const { told, next, unsubscribe } = listenTo(live(secrets, 'a'));
  await next();
  // Between the watch's look at version 2 and the read of the value.
  moments.read = async () => {
    moments.read = undefined;
    await other.put('a', { n: 3 });
  };
  await other.put('a', { n: 2 });
  expect(await next()).toEqual(ready({ version: 3, data: { n: 3 } }));
  await settled();
  expect(told).toEqual([]);
  unsubscribe();
});

test('all who listen to one secret share a watch, which ends with the last of them', async () => {
  const { secrets, other, database } = setup();
  await other.put('a', {});
  expect(database.listeners.size).toBe(0);
  const [one, two] = [listenTo(live(secrets, 'a')), listenTo(live(secrets, 'a'))];
  const [shown] = await Promise.all([one.next(), two.next()]);
  expect(database.listeners.size).toBe(1);
  const late = live(secrets, 'a');
  expect(late.getSnapshot()).toBe(shown);
  one.unsubscribe();
  one.unsubscribe();
  await settled();
  expect(database.listeners.size).toBe(1);
  await other.put('a', {});
  expect(await two.next()).toEqual(ready({ version: 2 }));
  expect(one.told).toEqual([]);
  two.unsubscribe();
  await settled();
  expect(database.listeners.size).toBe(0);
  expect(late.getSnapshot()).toEqual({ status: 'loading' });
});

test('the same function may listen twice', async () => {
  const { secrets, other } = setup();
  let calls = 0;
  const count = (): void => void calls++;
  const a = live(secrets, 'a');
  const unsubscribe = [a.subscribe(count), a.subscribe(count)];
  await settled();
  expect(calls).toBe(2);
  unsubscribe[0]!();
  await other.put('a', {});
  await settled();
  expect(calls).toBe(3);
  unsubscribe[1]!();
});

test('who leaves and comes back at once goes on with the same watch and snapshot', async () => {
  const { secrets, other, database } = setup();
  await other.put('a', {});
  const a = live(secrets, 'a');
  const before = listenTo(a);
  const shown = await before.next();
  const [listening] = database.listeners;
  before.unsubscribe();
  const after = listenTo(a);
  expect(a.getSnapshot()).toBe(shown);
  await settled();
  expect([...database.listeners]).toEqual([listening]);
  await other.put('a', {});
  expect(await after.next()).toEqual(ready({ version: 2 }));
  after.unsubscribe();
});

test('who leaves at once has touched nothing', async () => {
  let touched = 0;
  const touch = (): never => {
    touched++;
    throw new Error('touched');
  };
  const store: KvStore = { read: touch, write: touch, close: touch, onCommit: touch };
  const secrets = new SecretEngine({ store, sealer: plaintextSealer() });
  const { subscribe, getSnapshot } = live(secrets, 'a');
  subscribe(() => undefined)();
  await settled();
  expect(touched).toBe(0);
  expect(getSnapshot()).toEqual({ status: 'loading' });
});

test('who leaves while it is read hears nothing of it', async () => {
  const moments: Moments = {};
  const { secrets, other } = setup(moments);
  await other.put('a', {});
  const { told, unsubscribe } = listenTo(live(secrets, 'a'));
  let reads = 0;
  await new Promise<void>((resolve) => {
    moments.read = async () => {
      if (++reads < 2) return; // the watch's look; then the value
      unsubscribe();
      resolve();
    };
  });
  await settled();
  expect(told).toEqual([]);
});

test('a secret that does not open has failed, until its next change', async () => {
  const sealer = aesGcmSealer(new Uint8Array(32));
  const rotted = new Error('the bits have rotted');
  let broken = false;
  const { secrets, other } = setup({}, { ...sealer, open: async (...args) => (broken ? Promise.reject(rotted) : sealer.open(...args)) });
  await other.put('a', { n: 1 });
  await secrets.ready();
  broken = true;
  const { next, unsubscribe } = listenTo(live(secrets, 'a'));
  expect(await next()).toEqual({ status: 'failed', error: rotted });
  broken = false;
  await other.put('a', { n: 2 });
  expect(await next()).toEqual(ready({ version: 2, data: { n: 2 } }));
  unsubscribe();
});

test('a watch that broke off has failed, and is begun again with the next subscriber', async () => {
  const moments: Moments = {};
  const { secrets, other, database } = setup(moments);
  const { next, unsubscribe } = listenTo(live(secrets, 'a'));
  await next();
  const error = new Error('the disk');
  moments.request = () => {
    throw error;
  };
  await other.put('a', { n: 1 });
  expect(await next()).toEqual({ status: 'failed', error });
  await settled();
  expect(database.listeners.size).toBe(0);
  moments.request = undefined;
  const again = listenTo(live(secrets, 'a'));
  expect(live(secrets, 'a').getSnapshot()).toEqual({ status: 'failed', error });
  expect(await again.next()).toEqual(ready({ version: 1 }));
  expect(await next()).toEqual(ready({ version: 1 }));
  unsubscribe();
  again.unsubscribe();
});

test('a store that is closed, and a path that is none, have failed', async () => {
  const { secrets } = setup();
  const odd = listenTo(live(secrets, 'a//b'));
  expect(await odd.next()).toMatchObject({ status: 'failed', error: { code: 'INVALID_PATH' } });
  const folder = listenTo(live(secrets, 'app/'));
  expect(await folder.next()).toMatchObject({ status: 'failed', error: { code: 'INVALID_PATH' } });
  const a = listenTo(live(secrets, 'a'));
  await a.next();
  await secrets.close();
  expect(await a.next()).toMatchObject({ status: 'failed', error: { code: 'CLOSED' } });
  for (const { unsubscribe } of [odd, folder, a]) unsubscribe();
});

test('a listener that throws is told of as uncaught, and keeps nothing from the others', async () => {
  const { secrets, other } = setup();
  const theirs = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  onTestFinished(() => {
    for (const listener of theirs) process.on('uncaughtException', listener);
  });
  const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
  const error = new Error('a bug of the page');
  const a = live(secrets, 'a');
  const unsubscribe = a.subscribe(() => {
    throw error;
  });
  const { next, unsubscribe: leave } = listenTo(a);
  expect(await next()).toEqual(ready(undefined));
  expect(await uncaught).toBe(error);
  unsubscribe();
  await other.put('a', {});
  expect(await next()).toEqual(ready({ version: 1 }));
  leave();
});

test('one engine knows nothing of another', async () => {
  const { secrets, other, database } = setup();
  await other.put('a', {});
  const [one, two] = [listenTo(live(secrets, 'a')), listenTo(live(other, 'a'))];
  expect(await one.next()).not.toBe(await two.next());
  expect(database.listeners.size).toBe(2);
  one.unsubscribe();
  two.unsubscribe();
});
