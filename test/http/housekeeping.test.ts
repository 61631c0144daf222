import type { KvStore } from '@sealkv/core';
import { StoreError } from '@sealkv/core';
import { checkStore } from '@sealkv/core/check';
import { observedStore } from '@sealkv/core/testing';
import { memoryStore } from '@sealkv/core/memory';
import { apiOwners } from '@sealkv/http';
import { startServer } from '@sealkv/server';
import { describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

const countOf = (store: KvStore, prefix: string): Promise<number> =>
  store.read(async (tx) => (await tx.scanKeys({ from: prefix, to: `${prefix.slice(0, -1)}0` })).length);
const problems = async (store: KvStore): Promise<readonly unknown[]> => (await checkStore(store, { owners: apiOwners })).problems;

/** A mount that is gone, and has left so many records. They are written below the API, or they would take their time. */
async function leave(harness: Harness, records: number, store: KvStore = harness.memory): Promise<void> {
  await harness.send('POST', 'sys/mounts/large', { body: { type: 'kv' } });
  const id = (await harness.send('GET', 'sys/mounts/large')).json.data.uuid.replaceAll('-', '');
  const puts = Array.from({ length: records }, (_, i) => ({ kind: 'put' as const, key: `d/${id}/h/${i}`, value: new Uint8Array([1]) }));
  await store.write(async () => ({ result: undefined, writes: puts }));
  expect((await harness.send('DELETE', 'sys/mounts/large')).status).toBe(204);
}

describe('a purge of 5,000 records', () => {
  test('goes on after every fault where it was, in transactions of a thousand', async () => {
    const memory = memoryStore();
    // Every other transaction fails when its writes are to be applied.
    let transactions = 0;
    let isFaulty = false;
    const removed: number[] = [];
    const store = observedStore(memory, (event) => {
      if (event === 'write') transactions++;
      if (event === 'commit' && isFaulty && transactions % 2 === 1) throw new StoreError('FAILED', 'the disk is on fire');
    });
    const harness = new Harness({ store });
    await leave(harness, 5_000, memory);
    expect(await countOf(memory, 'd/')).toBe(5_000);

    isFaulty = true;
    let failures = 0;
    for (let left = 5_000; left > 0;) {
      await harness.api.housekeeping().catch(() => failures++);
      const now = await countOf(memory, 'd/');
      removed.push(left - now);
      left = now;
      expect(await problems(memory)).toEqual([]);
    }
    isFaulty = false;
    expect([failures > 0, Math.max(...removed)]).toEqual([true, 1_000]);
    expect([await countOf(memory, 'p/'), (await harness.send('GET', 'large/1')).status]).toEqual([0, 404]);
  });

  test('is done by one call without faults, and a chore that fails keeps no other from being done', async () => {
    const harness = new Harness();
    await leave(harness, 5_000);
    await harness.send('POST', 'auth/token/create', { body: { policies: ['default'], ttl: '1m' } });
    harness.advance(3600);
    harness.failWrite(1); // of the purge
    await expect(harness.api.housekeeping()).rejects.toThrow('the disk is on fire');
    expect([await countOf(harness.memory, 'd/'), await countOf(harness.memory, 'x/t/')]).toEqual([5_000, 0]);
    expect(await harness.api.housekeeping()).toEqual({ nextDue: undefined });
    expect(await countOf(harness.memory, 'd/')).toBe(0);
  });

  test('more than ten thousand take several calls, a second apart', async () => {
    const harness = new Harness();
    await leave(harness, 10_500);
    expect(await harness.api.housekeeping()).toEqual({ nextDue: harness.now + 1000 });
    expect(await countOf(harness.memory, 'd/')).toBe(500);
    expect(await harness.api.housekeeping()).toEqual({ nextDue: undefined });
  });
});

test('who runs an API is told when a request leaves something for later, and nothing else', async () => {
  const dues: number[] = [];
  const harness = new Harness({ onDue: (at) => dues.push(at) });
  const token = { policies: ['default'] };
  await harness.send('POST', 'secret/data/a', { body: { data: { n: 1 } } });
  await harness.send('POST', 'auth/token/create', { body: token, token: 'nope' });
  expect(dues).toEqual([]);
  await harness.send('POST', 'auth/token/create', { body: { ...token, ttl: '90s' } });
  expect(dues.splice(0)).toEqual([harness.now + 2 * MINUTE]);
  await leave(harness, 1_001);
  expect(dues.splice(0)).toEqual([0]);
  await harness.send('POST', 'sys/mounts/small', { body: { type: 'kv' } });
  await harness.send('DELETE', 'sys/mounts/small');
  expect(dues).toEqual([]);
  expect(await harness.api.nextDue()).toBe(0);
  await harness.api.housekeeping();
  expect(await harness.api.nextDue()).toBe(harness.now + 2 * MINUTE);
  expect(await problems(harness.memory)).toEqual([]);
});

test('records of requests are removed when they are too old, and looked through when they may be too many', async () => {
  const dues: number[] = [];
  const harness = new Harness({ onDue: (at) => dues.push(at) });
  const options = { keep_seconds: '1h', keep_records: '1500' };
  expect((await harness.send('POST', 'sys/audit/store', { body: { type: 'store', options } })).status).toBe(204);
  expect(dues.splice(0)).toEqual([0]);
  const read = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await harness.send('GET', 'secret/data/a');
  };
  const records = (): Promise<number> => countOf(harness.memory, 'x/l/');
  await read(10);
  expect(await harness.api.housekeeping()).toEqual({ nextDue: harness.now + HOUR });
  expect(await records()).toBe(10);
  harness.advance(1800);
  await read(5);
  harness.advance(1800);
  expect(await harness.api.housekeeping()).toEqual({ nextDue: harness.now + HOUR / 2 });
  expect(await records()).toBe(5);
  expect(dues).toEqual([]);
  await read(2000);
  expect(dues).toEqual([0, 0]); // at every thousandth
  await harness.api.housekeeping();
  expect(await records()).toBe(1500);
  expect(await problems(harness.memory)).toEqual([]);
});

describe('a server in this process', () => {
  const accessors = async (url: string, token: string): Promise<number> => {
    const answer = await fetch(`${url}/v1/auth/token/accessors?list=true`, { headers: { 'X-Vault-Token': token } });
    return answer.status === 404 ? 0 : ((await answer.json()) as { data: { keys: string[] } }).data.keys.length;
  };
  const create = (url: string, token: string, ttl: string): Promise<Response> =>
    fetch(`${url}/v1/auth/token/create`, {
      method: 'POST',
      headers: { 'X-Vault-Token': token },
      body: JSON.stringify({ policies: ['default'], ttl }),
    });

  test('does its housekeeping when it is told to, by the time it was given', async () => {
    let now = Date.UTC(2026, 0, 1);
    await using server = await startServer({ clock: () => now });
    for (const ttl of ['1m', '1h']) await create(server.url, server.rootToken, ttl);
    const count = (): Promise<number> => accessors(server.url, server.rootToken);
    expect(await count()).toBe(2);
    await server.housekeeping();
    expect(await count()).toBe(2);
    now += HOUR - 1;
    await server.housekeeping();
    expect(await count()).toBe(1);
    now += 1;
    await server.housekeeping();
    expect(await count()).toBe(0);
  });
});

test('what is left of a namespace that was removed is removed bit by bit, and then its place on the list', async () => {
  const answers = [false, false, true];
  const ended: string[] = [];
  const harness = new Harness({
    namespaces: {
      newId: () => 'ab'.repeat(32),
      forward: async () => ({ status: 204, headers: {}, body: '' }),
      end: async (id) => (ended.push(id), answers.shift()!),
    },
  });
  expect((await harness.send('POST', 'sys/namespaces/team', { body: {} })).status).toBe(200);
  expect((await harness.send('DELETE', 'sys/namespaces/team')).status).toBe(200);
  expect(await countOf(harness.memory, 'x/n/')).toBe(1);
  expect(await harness.api.housekeeping()).toEqual({ nextDue: undefined });
  expect([ended.length, answers, await countOf(harness.memory, 'x/n/')]).toEqual([3, [], 0]);
});

test('checkStore tells namespaces that share an object, one that is to be emptied although it is in use, and what is neither', async () => {
  const harness = new Harness();
  const record = (facts: object): Uint8Array => new TextEncoder().encode(`${JSON.stringify({ f: 1, ...facts })}\n`);
  const entry = record({ id: 'one', uuid: 'u', customMetadata: {} });
  const puts = [
    { key: 'x/n/c/a', value: entry },
    { key: 'x/n/c/b', value: entry },
    { key: 'x/n/d/one', value: record({}) },
    { key: 'x/n/odd', value: record({}) },
  ];
  await harness.memory.write(async () => ({ result: undefined, writes: puts.map((put) => ({ kind: 'put', ...put })) }));
  const { problems: found } = await checkStore(harness.memory, { owners: apiOwners });
  expect(found.map(({ kind, key }) => `${kind} ${key}`)).toEqual(['inconsistent x/n/c/b', 'inconsistent x/n/d/one', 'orphan x/n/odd']);
  await harness.memory.write(async () => ({ result: undefined, writes: puts.map(({ key }) => ({ kind: 'delete', key })) }));
});
