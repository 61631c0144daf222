import { deepEqual, equal, rejects } from '../assert.ts';
import type { Bench, EngineCase } from './bench.ts';
import { countValues, putVersions, refuses, rule, span, untouched, versionsOf } from './bench.ts';

/** Around where pages of version entries begin and end (every 8 versions), and around the default limit of 10. */
const LENGTHS = [1, 7, 8, 9, 10, 11, 16, 17, 25];

/** Exactly the versions `first` to `last` are there: in the metadata, to be read, and as sealed values in the store. */
async function hasVersions(bench: Bench, path: string, first: number, last: number): Promise<void> {
  const { secrets } = bench;
  deepEqual(await versionsOf(secrets, path), span(first, last), `the versions of ${path}`);
  for (let version = 1; version <= last + 1; version++) {
    const read = await secrets.get(path, { version });
    deepEqual(read?.data, version < first || version > last ? undefined : { n: version }, `version ${version} of ${path}`);
  }
  equal(await countValues(bench), last - first + 1, 'values in the store');
}

const states = async ({ secrets }: Bench, path: string): Promise<string> =>
  Array.from((await secrets.getMetadata(path))!.versions.values(), ({ state }) => ({ live: 'L', deleted: 'd', destroyed: 'x' })[state]).join('');

export const versionCases: readonly EngineCase[] = [
  // Limits and pruning

  ...LENGTHS.map((last) =>
    rule(`of ${last} versions the newest ten stay where no limit is set; oldestVersion is 0 until the limit is reached`, async (bench) => {
      await putVersions(bench.secrets, 'a', last);
      await hasVersions(bench, 'a', Math.max(1, last - 9), last);
      const metadata = await bench.secrets.getMetadata('a');
      equal(metadata?.currentVersion, last);
      equal(metadata?.oldestVersion, last < 10 ? 0 : last - 9);
    }),
  ),

  ...LENGTHS.map((last) =>
    rule(`all of ${last} versions stay below a greater limit`, async (bench) => {
      await bench.secrets.putMetadata('a', { maxVersions: 100 });
      await putVersions(bench.secrets, 'a', last);
      await hasVersions(bench, 'a', 1, last);
      equal((await bench.secrets.getMetadata('a'))?.oldestVersion, 0);
    }),
  ),

  rule('a limit of one keeps the current version alone, at every length', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('a', { maxVersions: 1 });
    for (let n = 1; n <= 18; n++) {
      await secrets.put('a', { n });
      deepEqual(await versionsOf(secrets, 'a'), [n]);
      equal((await secrets.getMetadata('a'))?.oldestVersion, n);
      equal(await countValues(bench), 1, 'values in the store');
    }
    await hasVersions(bench, 'a', 18, 18);
  }),

  ...[2, 7, 8, 9, 16].map((limit) =>
    rule(`a limit of ${limit} keeps exactly so many versions, at every length up to 27`, async (bench) => {
      const { secrets } = bench;
      await secrets.putConfig({ maxVersions: limit });
      for (let n = 1; n <= 27; n++) {
        await secrets.put('a', { n });
        deepEqual(await versionsOf(secrets, 'a'), span(Math.max(1, n - limit + 1), n));
        equal(await countValues(bench), Math.min(n, limit), 'values in the store');
      }
      await hasVersions(bench, 'a', 27 - limit + 1, 27);
    }),
  ),

  rule('a lower limit acts at the next put, which removes all that are too many at once', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('a', { maxVersions: 30 });
    await putVersions(secrets, 'a', 26);
    await secrets.putMetadata('a', { maxVersions: 3 });
    await hasVersions(bench, 'a', 1, 26);
    equal((await secrets.getMetadata('a'))?.oldestVersion, 0);
    await secrets.put('a', { n: 27 });
    await hasVersions(bench, 'a', 25, 27);
    equal((await secrets.getMetadata('a'))?.oldestVersion, 25);
  }),

  ...[8, 9, 16, 17, 24].map((last) =>
    rule(`a limit lowered to 1 or 2 at ${last} versions leaves no page and no value behind`, async (bench) => {
      const { secrets } = bench;
      for (const limit of [1, 2]) {
        await secrets.putMetadata('a', { maxVersions: 100 });
        await putVersions(secrets, 'a', last);
        await secrets.putMetadata('a', { maxVersions: limit });
        await secrets.put('a', { n: last + 1 });
        await hasVersions(bench, 'a', last + 2 - limit, last + 1);
        await secrets.deleteMetadata('a');
      }
    }),
  ),

  rule('a higher limit brings nothing back and counts from then on', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('a', { maxVersions: 3 });
    await putVersions(secrets, 'a', 7);
    await secrets.putMetadata('a', { maxVersions: 10 });
    await hasVersions(bench, 'a', 5, 7);
    await putVersions(secrets, 'a', 14, 8);
    await hasVersions(bench, 'a', 5, 14);
    await secrets.put('a', { n: 15 });
    await hasVersions(bench, 'a', 6, 15);
  }),

  rule('of the limits of secret and mount the larger counts, each way round', async ({ secrets }) => {
    await secrets.putConfig({ maxVersions: 4 });
    await secrets.putMetadata('more', { maxVersions: 6 });
    await secrets.putMetadata('less', { maxVersions: 2 });
    for (const path of ['more', 'less', 'none']) await putVersions(secrets, path, 9);
    deepEqual(await versionsOf(secrets, 'more'), span(4, 9));
    deepEqual(await versionsOf(secrets, 'less'), span(6, 9));
    deepEqual(await versionsOf(secrets, 'none'), span(6, 9));
  }),

  rule('a limit of the mount below ten counts, so does one of the secret', async ({ secrets }) => {
    await secrets.putMetadata('own', { maxVersions: 2 });
    await putVersions(secrets, 'own', 12);
    deepEqual(await versionsOf(secrets, 'own'), [11, 12]);
    await secrets.putConfig({ maxVersions: 3 });
    await putVersions(secrets, 'mounts', 12);
    deepEqual(await versionsOf(secrets, 'mounts'), [10, 11, 12]);
  }),

  rule('deleted and destroyed versions count for the limit, and are pruned like all others', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('a', { maxVersions: 4 });
    await putVersions(secrets, 'a', 4);
    await secrets.deleteVersions('a', [1, 3]);
    await secrets.destroy('a', [2]);
    equal(await states(bench, 'a'), 'dxdL');
    await secrets.put('a', { n: 5 });
    deepEqual(await versionsOf(secrets, 'a'), [2, 3, 4, 5]);
    await putVersions(secrets, 'a', 8, 6);
    await hasVersions(bench, 'a', 5, 8);
  }),

  rule('a destroyed version in the middle does not shield older ones from pruning', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('a', { maxVersions: 50 });
    await putVersions(secrets, 'a', 21);
    await secrets.destroy('a', [5, 12, 19]);
    await secrets.putMetadata('a', { maxVersions: 2 });
    await secrets.put('a', { n: 22 });
    await hasVersions(bench, 'a', 21, 22);
  }),

  rule('a pruned version can not be deleted, restored or destroyed: nothing happens', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 25);
    await untouched(bench, async () => {
      await secrets.deleteVersions('a', [1, 8, 15]);
      await secrets.undelete('a', [1, 8, 15]);
      await secrets.destroy('a', [1, 8, 15]);
    });
    await hasVersions(bench, 'a', 16, 25);
  }),

  // Delete, undelete, destroy

  rule('delete hides the current version and keeps it; undelete brings it back', async ({ secrets }) => {
    await putVersions(secrets, 'a', 2);
    await secrets.delete('a');
    const deleted = await secrets.get('a');
    equal(deleted?.state, 'deleted');
    equal(deleted?.version, 2);
    equal(deleted?.data, undefined);
    equal(deleted?.text, undefined);
    deepEqual((await secrets.get('a', { version: 1 }))?.data, { n: 1 });
    await secrets.undelete('a', [2]);
    deepEqual((await secrets.get('a'))?.data, { n: 2 });
    equal((await secrets.get('a'))?.deletionAt, undefined);
  }),

  rule('delete of what is not there, or is deleted or destroyed already, is fine and changes nothing', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, () => secrets.delete('a'), 'the first call on an empty store');
    await putVersions(secrets, 'a', 2);
    await secrets.delete('a');
    await putVersions(secrets, 'b', 2);
    await secrets.destroy('b', [2]);
    await secrets.putMetadata('c', { maxVersions: 1 });
    await untouched(bench, async () => {
      for (const path of ['a', 'b', 'c', 'd']) await secrets.delete(path);
      await secrets.deleteVersions('a', [2]);
      await secrets.deleteVersions('b', [2]);
    });
  }),

  rule('the time of a delete is that of the first one', async ({ secrets, clock }) => {
    await secrets.put('a', {});
    clock.now += 5;
    const deletionAt = new Date(clock.now);
    await secrets.delete('a');
    clock.now += 5;
    await secrets.deleteVersions('a', [1]);
    await secrets.delete('a');
    deepEqual((await secrets.get('a'))?.deletionAt, deletionAt);
  }),

  rule('versions in old pages are deleted, restored and destroyed like those of today', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('a', { maxVersions: 100 });
    await putVersions(secrets, 'a', 25);
    const chosen = [1, 8, 9, 16, 17, 24, 25];
    await secrets.deleteVersions('a', chosen);
    equal(await states(bench, 'a'), 'dLLLLLLdd' + 'LLLLLLdd' + 'LLLLLLdd');
    for (let version = 1; version <= 25; version++) {
      const read = await secrets.get('a', { version });
      deepEqual(read?.data, chosen.includes(version) ? undefined : { n: version });
    }
    await secrets.undelete('a', [1, 9, 24]);
    equal(await states(bench, 'a'), 'LLLLLLLdL' + 'LLLLLLdd' + 'LLLLLLLd');
    await secrets.destroy('a', [8, 9, 24, 25]);
    equal(await states(bench, 'a'), 'LLLLLLLxx' + 'LLLLLLdd' + 'LLLLLLxx');
    equal(await countValues(bench), 21, 'values in the store');
    for (const version of [8, 9, 24, 25]) equal((await secrets.get('a', { version }))?.state, 'destroyed');
    deepEqual((await secrets.get('a', { version: 1 }))?.data, { n: 1 });
    equal((await secrets.get('a'))?.version, 25);
  }),

  rule('several versions at once may be named twice, in any order, and with unknown ones among them', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 9);
    await secrets.deleteVersions('a', [9, 2, 2, 77, 0, -1, 2]);
    equal(await states(bench, 'a'), 'LdLLLLLLd');
    await secrets.undelete('a', [-5, 2, 1e9, 2]);
    equal(await states(bench, 'a'), 'LLLLLLLLd');
    await secrets.destroy('a', [3, 10, 3, 9]);
    equal(await states(bench, 'a'), 'LLxLLLLLx');
  }),

  rule('unknown versions and unknown secrets are passed over in silence, and an empty list does nothing', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, () => secrets.destroy('a', [1]), 'the first call on an empty store');
    await putVersions(secrets, 'a', 9);
    await secrets.putMetadata('bare', { maxVersions: 1 });
    await untouched(bench, async () => {
      for (const versions of [[], [0], [10], [-1, 99, Number.MAX_SAFE_INTEGER]]) {
        await secrets.deleteVersions('a', versions);
        await secrets.undelete('a', versions);
        await secrets.destroy('a', versions);
      }
      for (const path of ['bare', 'nothing']) {
        await secrets.deleteVersions(path, [0, 1]);
        await secrets.undelete(path, [0, 1]);
        await secrets.destroy(path, [0, 1]);
      }
    });
  }),

  rule('versions that are not whole numbers are refused, and no list at all is a TypeError: it does not mean the current version', async (bench) => {
    const { secrets } = bench;
    await secrets.put('a', {});
    await untouched(bench, async () => {
      for (const versions of [undefined, null, 1, '1'] as unknown as number[][]) {
        equal((await rejects(secrets.deleteVersions('a', versions))) instanceof TypeError, true);
        equal((await rejects(secrets.undelete('a', versions))) instanceof TypeError, true);
        equal((await rejects(secrets.destroy('a', versions))) instanceof TypeError, true);
      }
      for (const versions of [[1.5], [1, NaN], [Infinity]]) {
        const details = { field: 'versions', problem: 'it must be whole numbers' };
        await refuses(secrets.deleteVersions('a', versions), 'INVALID_OPTION', details, { path: 'a' });
        await refuses(secrets.undelete('a', versions), 'INVALID_OPTION', details, { path: 'a' });
        await refuses(secrets.destroy('a', versions), 'INVALID_OPTION', details, { path: 'a' });
      }
    });
  }),

  rule('destroy removes the value for good and keeps the version entry; undelete does not bring it back', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 2);
    await secrets.destroy('a', [1]);
    const destroyed = await secrets.get('a', { version: 1 });
    equal(destroyed?.state, 'destroyed');
    equal(destroyed?.destroyed, true);
    equal(destroyed?.data, undefined);
    equal(destroyed?.deletionAt, undefined);
    equal(await countValues(bench), 1, 'values in the store');
    await untouched(bench, async () => {
      await secrets.undelete('a', [1]);
      await secrets.destroy('a', [1]);
      await secrets.deleteVersions('a', [1]);
    });
    equal(await states(bench, 'a'), 'xL');
  }),

  rule('a version that was deleted and then destroyed keeps its deletion time', async ({ secrets, clock }) => {
    await secrets.put('a', {});
    const deletionAt = new Date(clock.now);
    await secrets.delete('a');
    clock.now += 5;
    await secrets.destroy('a', [1]);
    const read = await secrets.get('a');
    equal(read?.state, 'destroyed');
    deepEqual(read?.deletionAt, deletionAt);
  }),

  rule('delete, undelete and destroy leave the metadata version and updatedAt alone', async ({ secrets, clock }) => {
    await secrets.put('a', {});
    await secrets.putMetadata('a', { maxVersions: 5 });
    const { updatedAt, metadataVersion } = (await secrets.getMetadata('a'))!;
    clock.now += 5;
    await secrets.delete('a');
    await secrets.undelete('a', [1]);
    await secrets.destroy('a', [1]);
    const after = (await secrets.getMetadata('a'))!;
    deepEqual(after.updatedAt, updatedAt);
    equal(after.metadataVersion, metadataVersion);
  }),

  rule('metadata delete removes a secret with all its versions: 0, 1, 8, 9 or 30 of them, deleted and destroyed ones too', async (bench) => {
    const { secrets } = bench;
    await secrets.put('stays', {});
    const before = (await bench.records()).length;
    for (const last of [0, 1, 8, 9, 30]) {
      await secrets.putMetadata('a', { maxVersions: 30, customMetadata: { owner: 'ada' } });
      await putVersions(secrets, 'a', last);
      await secrets.deleteVersions('a', [1, 9]);
      await secrets.destroy('a', [2, 8]);
      await secrets.deleteMetadata('a');
      equal(await secrets.get('a'), undefined);
      equal(await secrets.getMetadata('a'), undefined);
      deepEqual(await secrets.list(), ['stays']);
      equal((await bench.records()).length, before, `records after the delete of ${last} versions`);
    }
    await untouched(bench, () => secrets.deleteMetadata('a'), 'a second delete');
  }),

  rule('metadata delete of one secret touches none beside, above or below it', async (bench) => {
    const { secrets } = bench;
    const others = ['a', 'a/b', 'a/b/c/d', 'a/b/ca', 'a/b/c.', 'a/b/cé'];
    for (const path of [...others, 'a/b/c']) await putVersions(secrets, path, 2);
    await secrets.deleteMetadata('a/b/c');
    for (const path of others) deepEqual((await secrets.get(path))?.data, { n: 2 }, path);
    equal(await secrets.get('a/b/c'), undefined);
    equal(await countValues(bench), 2 * others.length, 'values in the store');
  }),
];
