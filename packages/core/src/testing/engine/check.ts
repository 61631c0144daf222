import { checkStore } from '../../check.ts';
import type { Entry, Write } from '../../store.ts';
import { deepEqual, equal, rejectsWithCode } from '../assert.ts';
import type { Bench, EngineCase } from './bench.ts';
import { putVersions, rule, span, untouched } from './bench.ts';

export const checkCases: readonly EngineCase[] = [
  rule('checkStore counts what there is, and changes nothing', async (bench) => {
    await bench.secrets.putConfig({ maxVersions: 20 });
    await putVersions(bench.secrets, 'a', 12);
    await bench.secrets.destroy('a', [3]);
    await bench.secrets.putMetadata('bare', { maxVersions: 1 });
    await bench.engine({ mount: 'other' }).put('b', {});
    await untouched(bench, async () => deepEqual(await checkStore(bench.store), { problems: [], mounts: 2, secrets: 3, versions: 13 }));
  }),

  rule('checkStore finds whatever is taken out of a store, put into it or changed, by its kind and key', async (bench) => {
    const { secrets } = bench;
    await secrets.putConfig({ maxVersions: 20 });
    await putVersions(secrets, 'a', 12);
    await secrets.destroy('a', [3]);
    const sound = await bench.records();
    const keyOf = (pattern: RegExp): string => sound.find(({ key }) => pattern.test(key))!.key;
    const head = keyOf(/\/h\/a$/);
    const page = keyOf(/\/g10$/);
    const value = keyOf(/\/v15$/);
    const incarnation = value.slice(0, value.lastIndexOf('/') + 1);
    const mount = keyOf(/^m\//);
    const data = head.slice(0, head.indexOf('/h/') + 1);

    const found = async (...writes: Write[]): Promise<string[]> => {
      await bench.store.write(async () => ({ result: undefined, writes }));
      const { problems } = await checkStore(bench.store);
      await restore(bench, sound);
      return problems.map(({ kind, key }) => `${kind} ${key.replace(incarnation, 'I/').replace(data, 'D/')}`);
    };
    const remove = (key: string): Write => ({ kind: 'delete', key });
    const put = (key: string, bytes: Uint8Array = new Uint8Array([1])): Write => ({ kind: 'put', key, value: bytes });

    deepEqual(await found(remove(value)), ['missing-value D/h/a']);
    // Without its page nobody knows which of its versions have values.
    const withoutPage = [...span(1, 8).map(() => 'missing-page D/h/a'), ...[1, 2, 4, 5, 6, 7, 8].map((n) => `leftover-value I/v1${n}`)];
    deepEqual(await found(remove(page)), withoutPage);
    deepEqual(await found(put(page)), ['unreadable I/g10', ...withoutPage]);
    deepEqual(await found(put(`${incarnation}v13`)), ['leftover-value I/v13']);
    deepEqual(await found(put(`${incarnation}v1f`)), ['leftover-value I/v1f']);
    deepEqual(await found(put(`${incarnation}g19`, sound.find(({ key }) => key === page)!.value)), ['orphan I/g19']);
    deepEqual(await found(put(`${incarnation}z`)), ['orphan I/z']);
    deepEqual(await found(put(`${data}q`)), ['orphan D/q']);
    deepEqual(await found(put(`${data}i/stray/v11`)), ['orphan D/i/stray/v11']);
    deepEqual(
      (await found(remove(head))).map((line) => line.slice(0, 9)),
      ['orphan I/'],
    );
    deepEqual(
      (await found(remove(mount))).map((line) => line.slice(0, 9)),
      ['orphan D/'],
    );
    deepEqual(await found(put(head)), ['unreadable D/h/a', 'orphan I/g10']);
    // Keys that nobody would write are found too, and the search for orphans ends.
    deepEqual(await found(put('d/'), put('d/stray'), put(`${data}i/stray`)), [`orphan D/i/stray`, 'orphan d/', 'orphan d/stray']);
    equal((await checkStore(bench.store)).problems.length, 0);
  }),

  rule('a record of a format from the future is told by checkStore, and refused by the engine with NEWER_FORMAT', async (bench) => {
    await bench.secrets.put('a', {});
    const sound = await bench.records();
    const head = sound.find(({ key }) => key.endsWith('/h/a'))!;
    const newer = new TextEncoder().encode(new TextDecoder().decode(head.value).replace('"f":1', '"f":2'));
    await bench.store.write(async () => ({ result: undefined, writes: [{ kind: 'put', key: head.key, value: newer }] }));
    await untouched(bench, async () => {
      await rejectsWithCode(bench.secrets.get('a'), 'NEWER_FORMAT');
      await rejectsWithCode(bench.secrets.put('a', {}), 'NEWER_FORMAT');
      await rejectsWithCode(bench.secrets.deleteMetadata('a'), 'NEWER_FORMAT');
      equal((await checkStore(bench.store)).problems[0]?.kind, 'unreadable');
    });
    await restore(bench, sound);
  }),
];

async function restore({ store, records }: Bench, sound: readonly Entry[]): Promise<void> {
  const writes: Write[] = (await records()).map(({ key }) => ({ kind: 'delete', key }));
  await store.write(async () => ({ result: undefined, writes: [...writes, ...sound.map((entry): Write => ({ kind: 'put', ...entry }))] }));
}
