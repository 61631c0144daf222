import { Kv1Engine } from '../../kv1-engine.ts';
import { deepEqual, equal, rejectsWith } from '../assert.ts';
import type { Bench, EngineCase } from './bench.ts';
import { putVersions, rule, untouched } from './bench.ts';

type Options = { readonly signal: AbortSignal };

export const cancelCases: readonly EngineCase[] = [
  rule('a signal that is aborted already: every method rejects with its reason, and nothing happens', async (bench) => {
    await putVersions(bench.secrets, 'a', 3);
    await bench.secrets.putMetadata('a', { customMetadata: { owner: 'ada' } });
    const reason = new Error('no longer wanted');
    const options = { signal: AbortSignal.abort(reason) };
    await untouched(bench, async () => {
      for (const [name, call] of Object.entries(methodsOf(bench))) await rejectsWith(call(options), reason, name);
    });
  }),

  rule('a signal of its own reason is passed through, whatever it is', async ({ secrets }) => {
    for (const reason of ['a text', 0, null, { code: 'CAS_MISMATCH' }]) {
      await rejectsWith(secrets.put('a', {}, { signal: AbortSignal.abort(reason) }), reason);
    }
    equal(await secrets.get('a'), undefined);
  }),

  rule('a signal that fires after the answer changes nothing', async ({ secrets }) => {
    const controller = new AbortController();
    await secrets.put('a', { n: 1 }, { signal: controller.signal });
    controller.abort();
    deepEqual((await secrets.get('a'))?.data, { n: 1 });
  }),

  rule('a signal that fires while the function of an update runs: nothing is written', async (bench) => {
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const fire = async (): Promise<object> => {
      controller.abort(reason);
      return {};
    };
    await untouched(bench, () => rejectsWith(bench.secrets.update('a', fire, { signal: controller.signal }), reason));
  }),

  rule('an update that waits for its turn is given up at once; the one in front and the one behind are not disturbed', async ({ secrets }) => {
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const add = (data: { readonly [name: string]: unknown } | null | undefined): { n: number } => ({ n: Number(data?.['n'] ?? 0) + 1 });
    const front = secrets.update('a', async (data) => (await gate, add(data)));
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const waiting = secrets.update('a', add, { signal: controller.signal });
    const behind = secrets.update('a', add);
    controller.abort(reason);
    await rejectsWith(waiting, reason); // before the one in front has got on
    goOn();
    deepEqual([(await front).version, (await behind).version], [1, 2]);
    deepEqual((await secrets.get('a'))?.data, { n: 2 });
  }),

  rule('a name generator that is cancelled stops with the reason', async ({ secrets }) => {
    await secrets.put('a', {});
    const reason = new Error('no longer wanted');
    await rejectsWith(secrets.names('', { signal: AbortSignal.abort(reason) }).next(), reason);
  }),
];

/** Every method that takes a signal, each with something to do. */
function methodsOf({ secrets, mounts, store, sealer, environment }: Bench): Record<string, (options: Options) => Promise<unknown>> {
  const v1 = new Kv1Engine({ store, sealer, ...environment, mount: 'kv1' });
  const table = mounts();
  return {
    put: (options) => secrets.put('a', {}, options),
    get: (options) => secrets.get('a', options),
    update: (options) => secrets.update('a', () => ({}), options),
    patch: (options) => secrets.patch('a', { more: 1 }, options),
    delete: (options) => secrets.delete('a', options),
    deleteVersions: (options) => secrets.deleteVersions('a', [1], options),
    undelete: (options) => secrets.undelete('a', [1], options),
    destroy: (options) => secrets.destroy('a', [1], options),
    subkeys: (options) => secrets.subkeys('a', options),
    atomic: (options) => secrets.atomic((tx) => [tx.put('a', {}), tx.put('b', {})], options),
    getMetadata: (options) => secrets.getMetadata('a', options),
    putMetadata: (options) => secrets.putMetadata('a', { maxVersions: 1 }, options),
    patchMetadata: (options) => secrets.patchMetadata('a', { customMetadata: { more: 'x' } }, options),
    deleteMetadata: (options) => secrets.deleteMetadata('a', options),
    list: (options) => secrets.list('', options),
    scan: (options) => secrets.scan('', options),
    listDetailed: (options) => secrets.listDetailed('', options),
    getConfig: (options) => secrets.getConfig(options),
    putConfig: (options) => secrets.putConfig({ maxVersions: 1 }, options),
    'v1 put': (options) => v1.put('a', {}, options),
    'v1 get': (options) => v1.get('a', options),
    'v1 delete': (options) => v1.delete('a', options),
    'v1 list': (options) => v1.list('', options),
    'v1 scan': (options) => v1.scan('', options),
    'mounts list': (options) => table.list(options),
    'mounts find': (options) => table.find('secret', options),
    'mounts proveKey': (options) => table.proveKey(options),
    'mounts create': (options) => table.create('made', {}, options),
    'mounts tune': (options) => table.tune('secret', () => ({ description: 'tuned' }), options),
    'mounts upgrade': (options) => table.upgrade('secret', options),
    'mounts remount': (options) => table.remount('secret', 'moved', options),
    'mounts unmount': (options) => table.unmount('secret', options),
    'mounts purge': (options) => table.purge(options),
  };
}
