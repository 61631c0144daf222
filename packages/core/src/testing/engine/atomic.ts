import type { AtomicOperations } from '../../engine.ts';
import { rawJson } from '../../json-input.ts';
import { deepEqual, equal, rejects, rejectsWith } from '../assert.ts';
import type { EngineCase } from './bench.ts';
import { countValues, date, HOUR, putVersions, refuses, rule, START, untouched, versionsOf } from './bench.ts';

export const atomicCases: readonly EngineCase[] = [
  rule('atomic does several things to several secrets as one, and answers each in its place', async ({ secrets }) => {
    await putVersions(secrets, 'b', 3);
    await putVersions(secrets, 'c', 3);
    await secrets.put('gone', {});
    const results = await secrets.atomic((tx) => [
      tx.put('a', { n: 1 }, { cas: 0 }),
      tx.delete('b'),
      tx.deleteVersions('b', [1]),
      tx.destroy('c', [2]),
      tx.putMetadata('c', { maxVersions: 5 }),
      tx.undelete('b', [1]),
      tx.deleteMetadata('gone'),
    ]);
    const { incarnation } = (await secrets.get('a'))!;
    deepEqual(results, [
      { version: 1, state: 'live', createdAt: date(START), deletionAt: undefined, destroyed: false, incarnation, customMetadata: undefined },
      undefined,
      undefined,
      undefined,
      { ignoredSettings: [] },
      undefined,
      undefined,
    ]);
    deepEqual((await secrets.get('a'))?.data, { n: 1 });
    equal((await secrets.get('b'))?.state, 'deleted');
    equal((await secrets.get('b', { version: 1 }))?.state, 'live');
    equal((await secrets.get('c', { version: 2 }))?.state, 'destroyed');
    equal((await secrets.getMetadata('c'))?.maxVersions, 5);
    equal(await secrets.getMetadata('gone'), undefined);
  }),

  rule('the results are those asked for, in the order asked; without a list, all of them', async ({ secrets }) => {
    const [second, first] = await secrets.atomic((tx) => {
      const a = tx.put('a', {});
      tx.delete('a');
      const b = tx.put('a', {});
      return [b, a];
    });
    deepEqual([first.version, second.version], [1, 2]);
    const all = await secrets.atomic((tx) => {
      tx.put('b', {});
      tx.delete('b');
    });
    equal(all.length, 2);
    equal(all[1], undefined);
    deepEqual(await secrets.atomic(() => []), []);
  }),

  rule('what else the function answers is of no matter, but an async one is refused before anything is written', async (bench) => {
    const { secrets } = bench;
    const [alone] = await secrets.atomic((tx) => tx.put('a', {}));
    equal(alone && 'version' in alone && alone.version, 1);
    await untouched(bench, async () => {
      const build = async (tx: AtomicOperations): Promise<void> => {
        tx.put('b', {});
        await Promise.resolve();
        tx.put('c', {});
      };
      const error = await rejects(secrets.atomic(build as (tx: AtomicOperations) => void));
      equal(error instanceof TypeError, true, 'a TypeError');
    });
  }),

  rule('thirty thousand operations are one transaction, also on a single secret', async ({ secrets }) => {
    await secrets.put('a', {});
    await secrets.atomic((tx) => {
      for (let n = 0; n < 30_000; n++) tx.delete('a');
      tx.put('a', { n: 2 });
    });
    equal((await secrets.get('a', { version: 1 }))?.state, 'deleted');
    equal((await secrets.get('a'))?.version, 2);
  }),

  rule('a later operation on the same secret sees what the earlier ones did', async ({ secrets }) => {
    await secrets.atomic((tx) => {
      tx.putMetadata('a', { maxVersions: 2, casRequired: true, customMetadata: { owner: 'ada' } });
      tx.put('a', { n: 1 }, { cas: 0 });
      tx.put('a', { n: 2 }, { cas: 1 });
      tx.delete('a');
      tx.put('a', { n: 3 }, { cas: 2 });
    });
    deepEqual(await versionsOf(secrets, 'a'), [2, 3]);
    equal((await secrets.get('a', { version: 2 }))?.state, 'deleted');
    deepEqual((await secrets.get('a'))?.data, { n: 3 });
    deepEqual((await secrets.get('a'))?.customMetadata, { owner: 'ada' });
  }),

  rule('thirty puts of one secret in one transaction prune and page as thirty transactions would', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 5);
    await secrets.atomic((tx) => {
      for (let n = 6; n <= 35; n++) tx.put('a', { n });
      tx.destroy('a', [26, 30]);
      tx.deleteVersions('a', [32, 33]);
      tx.undelete('a', [32]);
    });
    deepEqual(await versionsOf(secrets, 'a'), [26, 27, 28, 29, 30, 31, 32, 33, 34, 35]);
    equal(await countValues(bench), 8, 'values in the store');
    const states = Array.from((await secrets.getMetadata('a'))!.versions.values(), ({ state }) => state[2]);
    equal(states.join(''), 'svvvsvvlvv');
    for (const version of [27, 32, 35]) deepEqual((await secrets.get('a', { version }))?.data, { n: version });
  }),

  rule('a secret deleted with its metadata and written again in one transaction is a new one', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 20);
    const { incarnation } = (await secrets.get('a'))!;
    const [put] = await secrets.atomic((tx) => {
      tx.deleteMetadata('a');
      return [tx.put('a', { fresh: true }, { cas: 0 })];
    });
    equal(put.version, 1);
    equal(put.incarnation === incarnation, false, 'the incarnation stayed');
    deepEqual((await secrets.get('a'))?.data, { fresh: true });
    equal(await countValues(bench), 1, 'values in the store');
  }),

  rule('a secret written and deleted with its metadata in one transaction leaves nothing', async (bench) => {
    const { secrets } = bench;
    await secrets.put('other', {});
    const before = (await bench.records()).length;
    await secrets.atomic((tx) => {
      for (let n = 1; n <= 20; n++) tx.put('a', { n });
      tx.deleteMetadata('a');
    });
    equal((await bench.records()).length, before);
    equal(await secrets.get('a'), undefined);
  }),

  rule('a refusal names the place and the path, and nothing of all is written, not even the mount', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, () =>
      refuses(
        secrets.atomic((tx) => {
          tx.put('a', {});
          tx.put('b', {}, { cas: 1 });
        }),
        'CAS_MISMATCH',
        { expectedVersion: 1, currentVersion: 0 },
        { path: 'b', index: 1 },
      ),
    );
    await putVersions(secrets, 'a', 9);
    await untouched(bench, async () => {
      await refuses(
        secrets.atomic((tx) => {
          tx.put('new', {});
          tx.deleteMetadata('a');
          tx.put('a', {}, { cas: 9 });
          tx.put('never', {}, { cas: 5 });
        }),
        'CAS_MISMATCH',
        { expectedVersion: 9, currentVersion: 0 },
        { path: 'a', index: 2 },
      );
      await refuses(
        secrets.atomic((tx) => {
          tx.putMetadata('a', { maxVersions: 3 }, { metadataCas: 3 });
        }),
        'METADATA_CAS_MISMATCH',
        { expectedVersion: 3, currentVersion: 0 },
        { path: 'a', index: 0 },
      );
    });
  }),

  rule('a refusal outside of atomic names no place', async ({ secrets }) => {
    await refuses(secrets.put('a', {}, { cas: 1 }), 'CAS_MISMATCH', { expectedVersion: 1, currentVersion: 0 }, { path: 'a', index: undefined });
  }),

  rule('what is wrong with a path, value or number in atomic is refused while it is built; nothing is written', async (bench) => {
    const { secrets } = bench;
    const reason = new Error('of the caller');
    await untouched(bench, async () => {
      const problem = "NaN can't be stored as JSON";
      await refuses(
        secrets.atomic((tx) => [tx.put('a', {}), tx.put('b', { n: NaN })]),
        'INVALID_VALUE',
        { member: '$.n', problem },
        { path: 'b' },
      );
      await refuses(
        secrets.atomic((tx) => [tx.put('a', {}), tx.delete('b//c')]),
        'INVALID_PATH',
        { problem: 'it has an empty segment' },
      );
      const details = { field: 'versions', problem: 'it must be whole numbers' };
      await refuses(
        secrets.atomic((tx) => [tx.put('a', {}), tx.destroy('b', [0.5])]),
        'INVALID_OPTION',
        details,
        { path: 'b' },
      );
      await rejectsWith(
        secrets.atomic((tx) => {
          tx.put('a', {});
          throw reason;
        }),
        reason,
      );
    });
  }),

  rule('expiry, limits and check-and-set of the mount hold in atomic', async ({ secrets }) => {
    await secrets.putConfig({ deleteVersionAfterMs: HOUR, casRequired: true });
    const [put] = await secrets.atomic((tx) => [tx.put('a', rawJson('{"n":1.0}'), { cas: 0 })]);
    deepEqual(put.deletionAt, date(START + HOUR));
    await refuses(
      secrets.atomic((tx) => [tx.put('a', {})]),
      'CAS_REQUIRED',
      { currentVersion: 1 },
      { path: 'a', index: 0 },
    );
    equal((await secrets.get('a'))?.text, '{"n":1.0}');
  }),

  rule('two transactions that swap the same secrets never show a state between', async ({ secrets }) => {
    await secrets.atomic((tx) => [tx.put('a', { owner: 'x' }), tx.put('b', { owner: 'y' })]);
    const swap = (a: string, b: string) => secrets.atomic((tx) => [tx.put('a', { owner: a }), tx.put('b', { owner: b })]);
    await Promise.all([swap('y', 'x'), swap('x', 'y'), swap('y', 'x')]);
    const [a, b] = [await secrets.get('a'), await secrets.get('b')];
    equal(a?.version, b?.version);
    equal(a?.data?.['owner'] === b?.data?.['owner'], false);
  }),
];
