import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { KvStore } from '@sealkv/core';
import { checkStore } from '@sealkv/core/check';
import { apiOwners } from '@sealkv/http';
import { beforeEach, expect, test } from 'vitest';
import { durableStore } from '../../packages/worker/src/durable-store.ts';
import type { NamespaceObject } from '../../packages/worker/src/namespace-object.ts';

const root = (): DurableObjectStub<NamespaceObject> => env.SEALKV.getByName('root');

async function send(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly data: Record<string, string> }> {
  const bytes = new TextEncoder().encode(body === undefined ? '' : JSON.stringify(body));
  const headers = [['x-vault-token', env.SEALKV_ROOT_TOKEN]] as const;
  const answer = await root().handle({ method, target: `/v1/${path}`, headers, body: bytes });
  return { status: answer.status, data: answer.body === '' ? {} : JSON.parse(answer.body).data };
}

const inRoot = <T>(run: (store: KvStore, state: DurableObjectState) => Promise<T>): Promise<T> =>
  runInDurableObject(root(), (_object, state) => run(durableStore(state.storage), state));
const alarm = (): Promise<number | null> => inRoot((_store, { storage }) => storage.getAlarm());
const dataRecords = (): Promise<number> => inRoot((store) => store.read(async (tx) => (await tx.scanKeys({ from: 'd/', to: 'd0' })).length));
const problems = (): Promise<readonly unknown[]> => inRoot(async (store) => (await checkStore(store, { owners: apiOwners })).problems);

/** Storage is kept for the whole file. */
beforeEach(async () => {
  await inRoot(async (store, { storage }) => {
    await store.write(async () => ({ result: undefined, writes: [{ kind: 'deleteRange', from: '', to: '\u{10ffff}' }] }));
    await storage.deleteAlarm();
  });
  await abortAllDurableObjects();
});

/** A mount with more records than unmounting removes, written below the API, or they would take their time. */
async function unmountLarge(records: number): Promise<void> {
  await send('POST', 'sys/mounts/large', { type: 'kv' });
  const id = (await send('GET', 'sys/mounts/large')).data['uuid']!.replaceAll('-', '');
  await inRoot((store) =>
    store.write(async () => ({
      result: undefined,
      writes: Array.from({ length: records }, (_, i) => ({ kind: 'put', key: `d/${id}/h/${i}`, value: new Uint8Array([1]) })),
    })),
  );
  expect((await send('DELETE', 'sys/mounts/large')).status).toBe(204);
}

test('an object that has nothing to do later sets no alarm, and is left untouched by being asked', async () => {
  expect((await send('GET', 'secret/data/a')).status).toBe(404);
  expect(await alarm()).toBeNull();
  await send('POST', 'secret/data/a', { data: { n: 1 } });
  expect(await alarm()).toBeNull();
  expect(await runDurableObjectAlarm(root())).toBe(false);
});

// The alarm goes off by itself too, a second after it was set: how much is left at which moment is not for certain.

test('what unmounting leaves is removed by the alarm, which comes again until nothing is left', async () => {
  await unmountLarge(25_000);
  expect((await send('GET', 'large/1')).status).toBe(404);
  let runs = 0;
  for (let left = await dataRecords(); left > 0 && runs < 20; left = await dataRecords()) {
    expect([left % 1000, await problems()]).toEqual([0, []]);
    runs++;
    await runDurableObjectAlarm(root());
  }
  expect(runs).toBeGreaterThan(0);
  expect([await dataRecords(), await problems()]).toEqual([0, []]);
  expect(await alarm()).toBeNull();
});

test('an object that was ended in between goes on where it was', async () => {
  await unmountLarge(25_000);
  await runDurableObjectAlarm(root());
  await abortAllDurableObjects();
  expect([(await dataRecords()) % 1000, await problems()]).toEqual([0, []]);
  for (let run = 0; run < 20 && (await dataRecords()) > 0; run++) await runDurableObjectAlarm(root());
  expect([await dataRecords(), await problems()]).toEqual([0, []]);
});

test('an alarm that was lost is set again by the first request of a new instance', async () => {
  await send('POST', 'auth/token/create', { policies: ['default'], ttl: '5h' });
  const at = await alarm();
  expect(at).not.toBeNull();
  await inRoot((_store, { storage }) => storage.deleteAlarm());
  await send('GET', 'secret/data/a');
  expect(await alarm()).toBeNull(); // this instance has set it already, as far as it knows
  await abortAllDurableObjects();
  expect((await send('GET', 'secret/data/a')).status).toBe(404);
  expect(await alarm()).toBe(at);
});

test('the alarm is set for the end of the minute in which the first token expires', async () => {
  const MINUTE = 60_000;
  const expiryOf = async (ttl: string): Promise<number> => {
    const { status } = await send('POST', 'auth/token/create', { policies: ['default'], ttl });
    expect(status).toBe(200);
    const keys = await inRoot((store) => store.read((tx) => tx.scanKeys({ from: 'x/t/e/', to: 'x/t/e0' })));
    return Math.min(...keys.map((key) => Number.parseInt(key.split('/')[3]!, 16)));
  };
  const hours = await expiryOf('5h');
  expect(await alarm()).toBe(Math.ceil(hours / MINUTE) * MINUTE);
  const minutes = await expiryOf('10m');
  expect(minutes).toBeLessThan(hours);
  expect(await alarm()).toBe(Math.ceil(minutes / MINUTE) * MINUTE);
  expect(await expiryOf('2h')).toBe(minutes);
  expect(await alarm()).toBe(Math.ceil(minutes / MINUTE) * MINUTE);
  // One that comes too early, for whatever reason, changes nothing.
  expect(await runDurableObjectAlarm(root())).toBe(true);
  expect(await alarm()).toBe(Math.ceil(minutes / MINUTE) * MINUTE);
});

test('an alarm that is set while a transaction is open is not rolled back with it', () =>
  inRoot(async (_store, { storage }) => {
    const store = durableStore(storage);
    const reason = new Error('rolled back');
    const at = Date.now() + 3_600_000;
    let setting: Promise<void> | undefined;
    const failing = store.write(async (tx) => {
      await tx.get('a');
      setting = store.schedule(at);
      await tx.get('b');
      throw reason;
    });
    await expect(failing).rejects.toBe(reason);
    await setting;
    expect(await storage.getAlarm()).toBe(at);
  }));
