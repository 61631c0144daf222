import { rawJson } from '../../json-input.ts';
import { Kv1Engine } from '../../kv1-engine.ts';
import type { LimitOptions } from '../../limits.ts';
import { deepEqual, equal } from '../assert.ts';
import type { Bench, EngineCase } from './bench.ts';
import { countValues, DAY, refuses, rule, untouched } from './bench.ts';

export const kv1Cases: readonly EngineCase[] = [
  rule('KV v1 keeps one value for each path, replaced in place and exact', async (bench) => {
    const v1 = kv1(bench);
    equal(await v1.get('a'), undefined);
    await v1.put('a', { n: 1 });
    await v1.put('a', rawJson('{"n":12345678901234567890,"f":1.0}'));
    await v1.put('null', null);
    equal((await v1.get('a'))?.text, '{"n":12345678901234567890,"f":1.0}');
    deepEqual(await v1.get('null'), { data: null, text: 'null' });
    equal(await countValues(bench), 2);
  }),

  rule('KV v1 delete removes the value for good; what is not there is fine', async (bench) => {
    const v1 = kv1(bench);
    await v1.put('kept', {});
    const before = (await bench.records()).length;
    await v1.put('a', {});
    await v1.delete('a');
    equal(await v1.get('a'), undefined);
    equal((await bench.records()).length, before);
    await untouched(bench, () => v1.delete('a'));
  }),

  rule('KV v1 lists and scans as KV v2 does', async (bench) => {
    const v1 = kv1(bench);
    for (const path of ['b', 'a/x', 'a/y/z', 'ä']) await v1.put(path, {});
    deepEqual(await v1.list(), ['a/', 'b', 'ä']);
    deepEqual(await v1.list('a', { after: 'x' }), ['y/']);
    deepEqual(await v1.scan('', { limit: 2 }), ['a/x', 'a/y/z']);
  }),

  rule('KV v1 refuses what KV v2 refuses: paths, values, limits; nothing is written', async (bench) => {
    const v1 = kv1(bench);
    await v1.put('a', {});
    await untouched(bench, async () => {
      await refuses(v1.put('a//b', {}), 'INVALID_PATH', { problem: 'it has an empty segment' });
      await refuses(v1.put('b', { n: NaN }), 'INVALID_VALUE', { member: '$.n', problem: "NaN can't be stored as JSON" }, { path: 'b' });
      const small = kv1(bench, 'kv1', { maxBytes: 10, maxPathBytes: 3 });
      await refuses(small.put('b', { long: 'x' }), 'VALUE_TOO_LARGE', { maxBytes: 10 }, { path: 'b' });
      await refuses(small.get('long'), 'PATH_TOO_LONG', { bytes: 4, maxBytes: 3 });
    });
  }),

  rule('a mount is of one version of KV: the engine of the other one is refused, and so is a mount bound for it', async (bench) => {
    await kv1(bench).put('a', {});
    await bench.secrets.put('a', {});
    await untouched(bench, async () => {
      await refuses(bench.engine({ mount: 'kv1' }).get('a'), 'MOUNT_VERSION', { mount: 'kv1/', version: 1 });
      await refuses(bench.engine({ mount: 'kv1' }).put('a', {}), 'MOUNT_VERSION', { mount: 'kv1/', version: 1 });
      await refuses(kv1(bench, 'secret').put('a', {}), 'MOUNT_VERSION', { mount: 'secret/', version: 2 });
      const mounts = bench.mounts({ initial: { old: { version: 1 } } });
      for (const path of ['kv1', 'old']) {
        const mount = (await mounts.find(path))!;
        await refuses((async () => bench.engine({ mount }))(), 'MOUNT_VERSION', { mount: `${path}/`, version: 1 });
      }
    });
  }),

  rule('a KV v1 value outlives a clock that steps back, and its time does not run backwards', async (bench) => {
    const v1 = kv1(bench);
    await v1.put('a', { n: 1 });
    bench.clock.now -= DAY;
    await v1.put('a', { n: 2 });
    deepEqual((await v1.get('a'))?.data, { n: 2 });
  }),
];

function kv1({ store, sealer, environment }: Bench, mount = 'kv1', limits?: LimitOptions): Kv1Engine {
  return new Kv1Engine({ store, sealer, ...environment, mount, limits });
}
