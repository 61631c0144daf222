import { checkStore } from '../../check.ts';
import { Kv1Engine } from '../../kv1-engine.ts';
import { mountDataPrefix, purgeKey } from '../../keyspace.ts';
import type { Mounts } from '../../mounts.ts';
import { putPurge } from '../../record.ts';
import { deepEqual, equal, rejectsWith } from '../assert.ts';
import type { Bench, EngineCase } from './bench.ts';
import { putVersions, refuses, rule, SECOND, span, untouched } from './bench.ts';

const INITIAL = { initial: { 'secret/': { description: 'there from the start' } } } as const;

export const mountCases: readonly EngineCase[] = [
  rule('a mount is made, found by every path in it, listed in order, and gone once unmounted', async (bench) => {
    const mounts = bench.mounts();
    await mounts.create('b/c', { version: 1, description: 'one', tuning: { maxLeaseTtl: 60, options: { version: '1' } } });
    await mounts.create('a/');
    deepEqual(await pathsOf(mounts), ['a/', 'b/c/']);
    for (const path of ['b/c/', 'b/c/x', 'b/c/x/y']) equal((await mounts.find(path))?.path, 'b/c/');
    for (const path of ['b/', 'b/cc', 'b', 'c/']) equal(await mounts.find(path), undefined);
    const { version, description, tuning } = (await mounts.find('b/c/'))!.bound!.entry;
    deepEqual({ version, description, tuning }, { version: 1, description: 'one', tuning: { maxLeaseTtl: 60, options: { version: '1' } } });
    equal(await mounts.unmount('b/c'), true);
    equal(await mounts.unmount('b/c'), false);
    deepEqual(await pathsOf(mounts), ['a/']);
  }),

  rule('a mount that equals, contains or lies inside another one is refused with MOUNT_IN_USE; nothing is written', async (bench) => {
    const mounts = bench.mounts(INITIAL);
    await mounts.create('team/a');
    await untouched(bench, async () => {
      await refuses(mounts.create('team/a'), 'MOUNT_IN_USE', { mount: 'team/a/', existing: 'team/a/' });
      await refuses(mounts.create('team/a/deep/er'), 'MOUNT_IN_USE', { mount: 'team/a/deep/er/', existing: 'team/a/' });
      await refuses(mounts.create('team'), 'MOUNT_IN_USE', { mount: 'team/', existing: 'team/a/' });
      await refuses(mounts.create('secret/x'), 'MOUNT_IN_USE', { mount: 'secret/x/', existing: 'secret/' });
    });
    await mounts.create('team/b');
  }),

  rule('tune changes what it is told to, and nothing else', async (bench) => {
    const mounts = bench.mounts();
    await mounts.create('a', { description: 'one', tuning: { defaultLeaseTtl: 60 } });
    await bench.engine({ mount: 'a' }).putConfig({ maxVersions: 3 });
    const { before, after } = await mounts.tune('a', ({ tuning }) => ({ tuning: { ...tuning, listingVisibility: 'unauth' } }));
    deepEqual(before.tuning, { defaultLeaseTtl: 60 });
    deepEqual(after, { ...before, tuning: { defaultLeaseTtl: 60, listingVisibility: 'unauth' } });
    await mounts.tune('a', () => ({ description: 'two' }));
    const stored = (await mounts.find('a/'))!.bound!.entry;
    deepEqual(stored, { ...after, description: 'two' });
    equal((await bench.engine({ mount: 'a' }).getConfig()).maxVersions, 3);
  }),

  rule('tune tells what its decision throws, and writes nothing then; a mount that is not there is refused with MOUNT_NOT_FOUND', async (bench) => {
    const mounts = bench.mounts();
    await mounts.create('a');
    const reason = new Error('no');
    await untouched(bench, async () => {
      const refused = mounts.tune('a', () => {
        throw reason;
      });
      await rejectsWith(refused, reason);
      await refuses(
        mounts.tune('b', () => ({ description: 'x' })),
        'MOUNT_NOT_FOUND',
        { mount: 'b/' },
      );
    });
  }),

  rule('a mount that is there from the start is stored by being tuned, with the id it was known by', async (bench) => {
    const mounts = bench.mounts(INITIAL);
    const found = (await mounts.find('secret/'))!;
    equal(found.bound!.stored, false);
    const engine = bench.engine({ mount: found });
    await mounts.tune('secret', () => ({ description: 'tuned' }));
    await engine.put('a', { n: 1 });
    const { bound } = (await bench.mounts(INITIAL).find('secret/'))!;
    deepEqual([bound!.stored, bound!.entry.description, bound!.entry.id], [true, 'tuned', found.bound!.entry.id]);
  }),

  rule('a mount that is there from the start is one mount, also where two who found it unstored write to it', async (bench) => {
    const initial = { secret: {} }; // with or without the slash
    const [mine, theirs] = [bench.mounts({ initial }), bench.mounts({ initial })];
    const [first, second] = [bench.engine({ mount: (await mine.find('secret'))! }), bench.engine({ mount: (await theirs.find('secret'))! })];
    await first.put('a', { n: 1 });
    await second.put('b', { n: 2 });
    equal((await first.get('b'))?.text, '{"n":2}');
    deepEqual((await mine.list()).length, 1);
    // From then on it is that very mount, not a later one.
    await mine.unmount('secret');
    await mine.create('secret');
    await refuses(second.put('c', {}), 'MOUNT_NOT_FOUND', { mount: 'secret/' });
    await refuses(first.get('a'), 'MOUNT_NOT_FOUND', { mount: 'secret/' });
  }),

  rule('an upgrade to version 2 makes every value version 1 of its secret; it writes one record', async (bench) => {
    const mounts = bench.mounts();
    await mounts.create('kv', { version: 1 });
    const v1 = kv1(bench, 'kv');
    await v1.put('a', { n: 1 });
    bench.clock.now += SECOND;
    await v1.put('a', { n: 2 });
    await v1.put('d/e', { n: 3 });
    const before = await bench.records();
    equal((await mounts.upgrade('kv')).version, 2);
    const after = await bench.records();
    equal(after.filter(({ value }, i) => value.join() !== before[i]!.value.join()).length, 1, 'the number of changed records');

    const v2 = bench.engine({ mount: 'kv' });
    deepEqual(await v2.scan(), ['a', 'd/e']);
    const { currentVersion, oldestVersion, metadataVersion, versions } = (await v2.getMetadata('a'))!;
    deepEqual([currentVersion, oldestVersion, metadataVersion, [...versions.keys()]], [1, 1, 0, [1]]);
    equal((await v2.get('a'))?.text, '{"n":2}');
    await v2.put('a', { n: 4 }, { cas: 1 });
    equal((await v2.get('a', { version: 1 }))?.text, '{"n":2}');
    await putVersions(v2, 'a', 12, 3);
    deepEqual([...(await v2.getMetadata('a'))!.versions.keys()], span(3, 12));
    await refuses(v1.get('a'), 'MOUNT_VERSION', { mount: 'kv/', version: 2 });
    await untouched(bench, () => mounts.upgrade('kv'), 'an upgrade of version 2');
  }),

  rule('a remount moves a mount with all it has, and moves no data', async (bench) => {
    const mounts = bench.mounts();
    await mounts.create('a/b', { description: 'one', tuning: { maxLeaseTtl: 60 } });
    const old = bench.engine({ mount: (await mounts.find('a/b/'))! });
    await putVersions(old, 'x', 3);
    const before = await bench.records();
    const moved = await mounts.remount('a/b', 'c');
    deepEqual(
      (await bench.records()).filter(({ key }) => key.startsWith('d/')).map(({ key }) => key),
      before.filter(({ key }) => key.startsWith('d/')).map(({ key }) => key),
    );
    deepEqual([moved.path, moved.description, moved.tuning, moved.lastRemount?.from], ['c/', 'one', { maxLeaseTtl: 60 }, 'a/b/']);
    deepEqual(await pathsOf(mounts), ['c/']);
    equal((await bench.engine({ mount: 'c' }).get('x'))?.text, '{"n":3}');
    await refuses(old.get('x'), 'MOUNT_NOT_FOUND', { mount: 'a/b/' });
    await refuses(old.put('x', { n: 4 }), 'MOUNT_NOT_FOUND', { mount: 'a/b/' });
  }),

  rule('a remount to a path that is in use, by the mount itself too, or of no mount is refused; nothing is written', async (bench) => {
    const mounts = bench.mounts();
    await mounts.create('a');
    await mounts.create('b/c');
    await untouched(bench, async () => {
      await refuses(mounts.remount('a', 'b/c'), 'MOUNT_IN_USE', { mount: 'b/c/', existing: 'b/c/' });
      await refuses(mounts.remount('a', 'b'), 'MOUNT_IN_USE', { mount: 'b/', existing: 'b/c/' });
      await refuses(mounts.remount('a', 'a'), 'MOUNT_IN_USE', { mount: 'a/', existing: 'a/' });
      await refuses(mounts.remount('a', 'a/b'), 'MOUNT_IN_USE', { mount: 'a/b/', existing: 'a/' });
      await refuses(mounts.remount('b', 'd'), 'MOUNT_NOT_FOUND', { mount: 'b/' });
    });
  }),

  rule('a mount that is there from the start can be moved, and does not come back; its path is free', async (bench) => {
    const mounts = bench.mounts(INITIAL);
    const { id } = (await mounts.find('secret/'))!.bound!.entry;
    await mounts.remount('secret', 'moved');
    deepEqual(await pathsOf(bench.mounts(INITIAL)), ['moved/']);
    equal((await mounts.find('moved/'))?.bound?.entry.id, id);
    await mounts.create('secret');
    deepEqual(await pathsOf(bench.mounts(INITIAL)), ['moved/', 'secret/']);
    await mounts.unmount('secret');
    await mounts.remount('moved', 'secret');
    deepEqual(await pathsOf(bench.mounts(INITIAL)), ['secret/']);
  }),

  rule('an engine that makes its mount never gives the id of an unmounted one to the next', async (bench) => {
    const mounts = bench.mounts({ purgeAbove: 0 });
    const { secrets } = bench;
    await secrets.put('a', { n: 1 });
    const first = (await mounts.find('secret/'))!.bound!.entry.id;
    await mounts.unmount('secret');
    await secrets.put('b', { n: 2 });
    const second = (await mounts.find('secret/'))!.bound!.entry.id;
    equal(first === second, false);
    deepEqual(await secrets.scan(), ['b']);
    equal(await mounts.purge(), false);
    deepEqual(await secrets.scan(), ['b']);
  }),

  rule('unmounting removes a small mount at once, and leaves nothing to purge', async (bench) => {
    const mounts = bench.mounts({ purgeAbove: 4 });
    await putVersions(bench.secrets, 'a', 3); // a head and three values
    await mounts.unmount('secret');
    deepEqual(await bench.records(), []);
    equal(await mounts.purge(), false);
  }),

  rule('unmounting a large mount makes it unreachable at once; a purge removes its data, so many records at a time', async (bench) => {
    const mounts = bench.mounts({ purgeAbove: 3 });
    await putVersions(bench.secrets, 'a', 3);
    await bench.engine({ mount: 'other' }).put('kept', { n: 1 });
    equal(await mounts.unmount('secret'), true);
    deepEqual(await pathsOf(mounts), ['other/']);
    equal(await bench.secrets.get('a'), undefined);
    equal(await countOf(bench, 'd/'), 6);
    // The path is free, and a purge has nothing to do with what comes after.
    await bench.secrets.put('b', { n: 2 });
    deepEqual((await checkStore(bench.store)).problems, []);

    const left: number[] = [];
    for (let more = true; more;) {
      more = await mounts.purge({ limit: 2 });
      left.push(await countOf(bench, 'd/'));
      deepEqual((await checkStore(bench.store)).problems, []);
    }
    // Two records of each of the two other mounts stay; the last two of the purged one go with its place on the list.
    deepEqual(left, [6, 4]);
    deepEqual([await countOf(bench, 'p/'), (await bench.secrets.get('b'))?.text], [0, '{"n":2}']);
    equal((await bench.engine({ mount: 'other' }).get('kept'))?.text, '{"n":1}');
  }),

  rule('several unmounted mounts are purged one after the other, also by someone who comes later', async (bench) => {
    const mounts = bench.mounts({ purgeAbove: 0 });
    for (const mount of ['a', 'b', 'c']) {
      await putVersions(bench.engine({ mount }), 'x', 2);
      await mounts.unmount(mount);
    }
    equal(await mounts.purge({ limit: 2 }), true);
    equal(await bench.mounts().purge({ limit: 100 }), true);
    equal(await bench.mounts().purge({ limit: 100 }), true);
    equal(await bench.mounts().purge({ limit: 100 }), false);
    deepEqual(await bench.records(), []);
  }),

  rule('checkStore tells a purge of a mount that is still there, a purge of nothing, data of no mount, and keys of nobody', async (bench) => {
    const { store } = bench;
    await bench.secrets.put('a', { n: 1 });
    const { id } = (await bench.mounts().find('secret/'))!.bound!.entry;
    const value = new Uint8Array([1]);
    const stray = ['a', 'd/zz/h/a', 'x/1/a', 'x/2/a', 'x/2/b', 'z'];
    await store.write(async () => ({
      result: undefined,
      writes: [putPurge(id, 0), putPurge('nothing', 0), ...stray.map((key) => ({ kind: 'put' as const, key, value }))],
    }));
    const found = async (...prefixes: string[]): Promise<string[]> => {
      const owners = prefixes.map((prefix) => ({
        prefix,
        check: async () => [{ kind: 'unreadable' as const, key: `${prefix}a`, detail: 'says its owner' }],
      }));
      const { problems } = await checkStore(store, { owners });
      return problems.map(({ kind, key }) => `${kind} ${key.replace(id, 'ID')}`);
    };
    const own = ['inconsistent p/ID', 'orphan p/nothing', 'orphan d/zz/h/a'];
    deepEqual(await found(), [...own, 'orphan a', 'orphan x/1/a', 'orphan x/2/a', 'orphan x/2/b', 'orphan z']);
    deepEqual(await found('x/2/'), [...own, 'unreadable x/2/a', 'orphan a', 'orphan x/1/a', 'orphan z']);
    deepEqual(await found('x/', 'x/2/'), [...own, 'unreadable x/a', 'unreadable x/2/a', 'orphan a', 'orphan z']);
    deepEqual(await found('x/2/', 'x/1/'), [...own, 'unreadable x/2/a', 'unreadable x/1/a', 'orphan a', 'orphan z']);
    await store.write(async () => ({
      result: undefined,
      writes: [...stray, purgeKey(id), purgeKey('nothing')].map((key) => ({ kind: 'delete' as const, key })),
    }));
    equal((await store.read((tx) => tx.scanKeys({ from: mountDataPrefix(id), to: 'd0' }))).length, 2);
  }),
];

async function pathsOf(mounts: Mounts): Promise<string[]> {
  return (await mounts.list()).map(({ path }) => path);
}

function kv1({ store, sealer, environment }: Bench, mount: string): Kv1Engine {
  return new Kv1Engine({ store, sealer, ...environment, mount });
}

async function countOf({ records }: Bench, prefix: string): Promise<number> {
  return (await records()).filter(({ key }) => key.startsWith(prefix)).length;
}
