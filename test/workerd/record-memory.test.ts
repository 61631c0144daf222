import type { Entry, KeyRange, KvStore, Write } from '@sealkv/core';
import { durableStore } from '../../packages/worker/src/durable-store.ts';
import { faultyStorage } from '../../packages/worker/src/testing.ts';
import { describe, expect, test } from 'vitest';
import { inObject } from './in-object.ts';

const put = (key: string, value: string): Write => ({ kind: 'put', key, value: new TextEncoder().encode(value) });
const commit = (store: KvStore, ...writes: Write[]): Promise<void> => store.write(async () => ({ result: undefined, writes }));
const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as { code?: string }).code,
  );

const KEYS = ['a', 'b1', 'b2', 'b3', 'c', 'none'];
const RANGES: readonly KeyRange[] = [
  { from: 'a', to: 'z' },
  { from: 'b', to: 'c' },
  { from: 'a', to: 'd', reverse: true, limit: 1 },
  { from: 'b2', to: 'b3' },
];

const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
const texts = (entries: readonly Entry[]): unknown => entries.map(({ key, value }) => [key, text(value)]);

/** Everything that can be asked, so that a memory has it all. */
function look(store: KvStore): Promise<unknown> {
  return store.read(async (tx) => ({
    values: await Promise.all(KEYS.map(async (key) => text(await tx.get(key)))),
    ranges: await Promise.all(RANGES.map(async (range) => texts(await tx.scan(range)))),
  }));
}

const BEFORE = [put('a', 'old'), put('b1', 'old'), put('b2', 'old'), put('c', 'old')];
// Each kind of write, on what is there and on what is not.
const CHANGES: readonly (readonly Write[])[] = [
  [put('a', 'new')],
  [put('none', 'new')],
  [put('b3', 'new'), { kind: 'delete', key: 'c' }],
  [{ kind: 'deleteRange', from: 'b', to: 'c' }, put('b2', 'new')],
  [{ kind: 'deleteRange', from: '', to: 'zz' }],
];

describe('a store that remembers what it read', () => {
  test.for(CHANGES.map((writes, i) => [i, writes] as const))(
    'never tells anything else than the storage: change %i, and a failure at each event of it',
    ([i, writes]) =>
      inObject(`memory ${i}`, async (state) => {
        for (let failAt = 0; ; failAt++) {
          let events = Infinity;
          const faulty = faultyStorage(state, { onEvent: () => (events-- === 0 ? 'throw' : 'go') });
          const store = durableStore(faulty, { remembers: true });
          const truth = durableStore(state.storage);
          await commit(store, { kind: 'deleteRange', from: '', to: 'zz' }, ...BEFORE);
          const before = await look(store);
          expect(before).toEqual(await look(truth));

          events = failAt;
          const outcome = await outcomeOf(
            store.write(async (tx) => {
              // What the transaction reads before it writes is remembered, and no longer true once it has written.
              for (const key of KEYS) await tx.get(key);
              for (const range of RANGES) await tx.scan(range);
              return { result: undefined, writes };
            }),
          );
          events = Infinity;
          const after = await look(store);
          expect([failAt, after]).toEqual([failAt, await look(truth)]);
          if (outcome === 'FAILED') expect(after).toEqual(before);
          if (outcome === 'resolved') {
            expect(after).not.toEqual(before);
            expect(failAt).toBeGreaterThan(3);
            return;
          }
        }
      }),
  );

  test('asks the storage once for what it has read, also for what is not there', () =>
    inObject('asks once', async (state) => {
      const statements: string[] = [];
      const store = durableStore(faultyStorage(state, { onEvent: (_n, name) => (statements.push(name), 'go') }), { remembers: true });
      await commit(store, ...BEFORE);
      await look(store);
      expect(statements.filter((name) => name === 'SELECT').length).toBeGreaterThan(KEYS.length);
      statements.length = 0;
      await look(store);
      expect(statements).toEqual([]);
      await commit(store, put('c', 'new'));
      statements.length = 0;
      await look(store);
      // `c`, and the two ranges that it lies in.
      expect(statements).toEqual(['SELECT', 'SELECT', 'SELECT']);
    }));

  test('gives everybody a copy', () =>
    inObject('copies', async ({ storage }) => {
      const store = durableStore(storage, { remembers: true });
      await commit(store, put('a', 'old'));
      for (let i = 0; i < 3; i++) {
        await store.read(async (tx) => {
          (await tx.get('a'))!.fill(0);
          (await tx.scan(RANGES[0]!))[0]!.value.fill(0);
        });
      }
      expect(await look(store)).toEqual(await look(durableStore(storage)));
    }));

  test('is bounded: many keys, large records and wide ranges are forgotten or never kept', () =>
    inObject('bounded', async (state) => {
      let asked = 0;
      const store = durableStore(faultyStorage(state, { onEvent: (_n, name) => ((asked += name === 'SELECT' ? 1 : 0), 'go') }), { remembers: true });
      await commit(store, put('large', 'x'.repeat(20_000)), ...Array.from({ length: 300 }, (_, n) => put(`k${n}`, 'x')));
      const get = (key: string): Promise<unknown> => store.read((tx) => tx.get(key));
      const count = async (act: () => Promise<unknown>): Promise<number> => {
        asked = 0;
        await act();
        return asked;
      };
      await get('large');
      expect(await count(() => get('large'))).toBe(1);
      await get('k0');
      expect(await count(() => get('k0'))).toBe(0);
      for (let n = 1; n < 300; n++) await get(`k${n}`);
      expect(await count(() => get('k0'))).toBe(1);
      expect(await count(() => get('k299'))).toBe(0);
      const wide = (): Promise<unknown> => store.read((tx) => tx.scan({ from: 'k', to: 'l' }));
      await wide();
      expect(await count(wide)).toBe(1);
    }));
});
