import { isSealKvError, SealError } from '../../errors.ts';
import { Kv1Engine } from '../../kv1-engine.ts';
import type { Sealer } from '../../sealer.ts';
import { aesGcmSealer, plaintextSealer } from '../../sealer.ts';
import type { Entry, KvStore, Write } from '../../store.ts';
import { deepEqual, equal, rejects, rejectsWith, rejectsWithCode } from '../assert.ts';
import type { Bench, EngineCase } from './bench.ts';
import { keyOf, putVersions, rule, untouched } from './bench.ts';

export const sealingCases: readonly EngineCase[] = [
  rule('a wrong key is refused at open, by every operation, before anything is written; the right one finds all as it was', async (bench) => {
    await putVersions(bench.secrets, 'a', 3);
    const wrong = bench.engine({ sealer: aesGcmSealer(keyOf(8)) });
    await untouched(bench, async () => {
      await rejectsWithCode(wrong.ready(), 'WRONG_KEY');
      await rejectsWithCode(bench.mounts({ sealer: aesGcmSealer(keyOf(8)) }).proveKey(), 'WRONG_KEY');
      await rejectsWithCode(wrong.get('a'), 'WRONG_KEY');
      await rejectsWithCode(wrong.list(), 'WRONG_KEY');
      await rejectsWithCode(wrong.put('a', {}), 'WRONG_KEY');
      await rejectsWithCode(wrong.put('b', {}, { cas: 1 }), 'WRONG_KEY');
      await rejectsWithCode(
        wrong.update('a', () => ({})),
        'WRONG_KEY',
      );
      await rejectsWithCode(
        wrong.atomic((tx) => [tx.deleteMetadata('a')]),
        'WRONG_KEY',
      );
      await rejectsWithCode(wrong.deleteMetadata('a'), 'WRONG_KEY');
      await rejectsWithCode(wrong.putConfig({ maxVersions: 1 }), 'WRONG_KEY');
      await bench.engine().ready();
    });
    deepEqual((await bench.engine().get('a'))?.data, { n: 3 });
  }),

  rule('of two engines with different keys that start on an empty store one makes the mount, and the other is refused', async (bench) => {
    const other = bench.engine({ sealer: aesGcmSealer(keyOf(8)) });
    const outcomes = await Promise.allSettled([bench.secrets.put('a', {}), other.put('b', {})]);
    deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    for (const outcome of outcomes) if (outcome.status === 'rejected') equal(isSealKvError(outcome.reason, 'WRONG_KEY'), true, 'it is WRONG_KEY');
    equal((await bench.mounts().list()).length, 1);
  }),

  rule('what was sealed is not opened by another kind of sealer, and not taken for the plaintext', async (bench) => {
    await bench.secrets.put('a', {});
    await untouched(bench, async () => {
      await rejectsWithCode(bench.engine({ sealer: plaintextSealer() }).get('a'), 'UNKNOWN_FORMAT');
      await rejectsWithCode(bench.engine({ sealer: plaintextSealer() }).put('a', {}), 'UNKNOWN_FORMAT');
    });
    const open = bench.engine({ sealer: plaintextSealer(), mount: 'open' });
    await open.put('a', {});
    await rejectsWithCode(bench.engine({ mount: 'open' }).get('a'), 'UNKNOWN_FORMAT');
  }),

  rule('opening and reading an empty store writes nothing, with whatever key', async (bench) => {
    await untouched(bench, async () => {
      for (const byte of [7, 8]) {
        const secrets = bench.engine({ sealer: aesGcmSealer(keyOf(byte)) });
        await secrets.ready();
        equal(await secrets.get('a'), undefined);
        deepEqual(await secrets.list(), []);
        await secrets.delete('a');
        await secrets.deleteMetadata('a');
      }
    });
    equal((await bench.records()).length, 0);
  }),

  rule('a key that cannot be had is KEY_UNAVAILABLE with its cause, nothing is written, and the next call asks for it again', async (bench) => {
    const cause = new Error('locked');
    let locked = true;
    const sealer = aesGcmSealer(() => {
      if (locked) throw cause;
      return keyOf(7);
    });
    const secrets = bench.engine({ sealer });
    await untouched(bench, async () => {
      const error = await rejects(secrets.put('a', {}));
      equal(isSealKvError(error, 'KEY_UNAVAILABLE') && error.cause === cause, true, 'KEY_UNAVAILABLE with its cause');
    });
    locked = false;
    await secrets.put('a', { n: 1 });
    deepEqual((await bench.secrets.get('a'))?.data, { n: 1 });
  }),

  rule('a key given as bytes may be wiped once the sealer is made', async (bench) => {
    const key = keyOf(9);
    const sealer = aesGcmSealer(key);
    key.fill(0);
    await bench.engine({ sealer }).put('a', { n: 1 });
    deepEqual((await bench.engine({ sealer: aesGcmSealer(keyOf(9)) }).get('a'))?.data, { n: 1 });
    await rejectsWithCode(bench.engine({ sealer: aesGcmSealer(keyOf(0)) }).get('a'), 'WRONG_KEY');
  }),

  rule('a value that does not open fails its own read alone, by name; all else is read and written as before', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 2);
    await secrets.put('b', { n: 1 });
    await tamper(bench, (await valuesOf(bench, 'a'))[1]!, (bytes) => bytes.with(-1, bytes.at(-1)! ^ 1));
    await untouched(bench, async () => {
      const error = await rejects(secrets.get('a'));
      equal(error instanceof SealError && error.code, 'CANNOT_OPEN');
      equal((error as Error).message.includes('the value of a '), true, 'the message names the secret');
      await rejectsWithCode(secrets.subkeys('a'), 'CANNOT_OPEN');
      await rejectsWithCode(secrets.patch('a', {}), 'CANNOT_OPEN');
      await rejectsWithCode(
        secrets.update('a', () => ({})),
        'CANNOT_OPEN',
      );
      deepEqual((await secrets.get('a', { version: 1 }))?.data, { n: 1 });
      deepEqual((await secrets.get('b'))?.data, { n: 1 });
      equal((await secrets.getMetadata('a'))?.versions.size, 2);
      deepEqual(await secrets.list(), ['a', 'b']);
    });
    await secrets.destroy('a', [2]);
    equal((await secrets.get('a'))?.state, 'destroyed');
    equal((await secrets.put('a', { n: 3 })).version, 3);
  }),

  rule('two values that were swapped in the storage do not open, nor does one that was moved to another mount', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 2);
    const [first, second] = await valuesOf(bench, 'a');
    await tamper(bench, first!, () => second!.value);
    await tamper(bench, second!, () => first!.value);
    await rejectsWithCode(secrets.get('a', { version: 1 }), 'CANNOT_OPEN');
    await rejectsWithCode(secrets.get('a', { version: 2 }), 'CANNOT_OPEN');
    const other = bench.engine({ mount: 'other' });
    await other.put('a', {});
    await secrets.put('b', {});
    const [inSecret] = await valuesOf(bench, 'b');
    const [inOther] = await valuesOf({ ...bench, secrets: other }, 'a', 'other/');
    await tamper(bench, inOther!, () => inSecret!.value);
    await rejectsWithCode(other.get('a'), 'CANNOT_OPEN');
  }),

  rule('custom metadata that do not open fail a read of theirs by name, and are marked in lists and in the answers of changes', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('a', { customMetadata: { owner: 'ada' } });
    await secrets.put('a', { n: 1 });
    const head = (await bench.records()).find(({ key }) => key.endsWith('/h/a'))!;
    await tamper(bench, head, (bytes) => bytes.with(-1, bytes.at(-1)! ^ 1));
    await untouched(bench, async () => {
      const patch = (): Promise<unknown> => secrets.patchMetadata('a', { customMetadata: { more: 'x' } });
      for (const call of [() => secrets.getMetadata('a'), () => secrets.get('a'), patch]) {
        const error = await rejects(call());
        equal(isSealKvError(error, 'CANNOT_OPEN') && error.message.includes('the custom metadata of a '), true, 'it names the secret');
      }
      const [listed] = await secrets.listDetailed();
      deepEqual([listed?.metadata?.unreadable, listed?.metadata?.customMetadata], [true, undefined]);
    });
    const written = await secrets.put('a', { n: 2 });
    deepEqual([written.version, written.unreadable, written.customMetadata], [2, true, undefined]);
    await secrets.putMetadata('a', { customMetadata: { owner: 'grace' } });
    deepEqual((await secrets.get('a'))?.customMetadata, { owner: 'grace' });
  }),

  rule('nothing is sealed or opened inside a transaction', async (bench) => {
    let inside = 0;
    const during: string[] = [];
    const within = <T>(body: () => Promise<T>): Promise<T> => {
      inside++;
      return body().finally(() => inside--);
    };
    const store: KvStore = {
      ...bench.store,
      read: (body, options) => bench.store.read((tx) => within(() => body(tx)), options),
      write: (body, options) => bench.store.write((tx) => within(() => body(tx)), options),
    };
    const noting = (what: string): void => void (inside > 0 && during.push(what));
    const sealer: Sealer = {
      seal: (plaintext, binding) => (noting('seal'), bench.sealer.seal(plaintext, binding)),
      open: (sealed, binding) => (noting('open'), bench.sealer.open(sealed, binding)),
    };
    const secrets = bench.engine({ store, sealer });
    await secrets.putMetadata('a', { customMetadata: { owner: 'ada' } });
    await putVersions(secrets, 'a', 12);
    await secrets.patch('a', { more: 1 });
    await secrets.update('a', (data) => ({ ...data, again: 1 }));
    await secrets.patchMetadata('a', { customMetadata: { team: 'x' } });
    await secrets.atomic((tx) => [tx.put('b', {}), tx.putMetadata('b', { customMetadata: { owner: 'ada' } }), tx.put('b', {})]);
    await secrets.get('a');
    await secrets.subkeys('a');
    await secrets.getMetadata('a');
    await secrets.listDetailed();
    const v1 = new Kv1Engine({ store, sealer, ...bench.environment, mount: 'kv1' });
    await v1.put('a', {});
    await v1.get('a');
    const mounts = bench.mounts({ store, sealer, initial: { 'initial/': {} } });
    await mounts.create('made');
    for (const mount of await mounts.list()) if (mount.version === 2) await bench.engine({ store, sealer, mount }).put('a', {});
    deepEqual(during, []);
  }),

  rule('what another sealer throws comes as it is, and nothing was written', async (bench) => {
    const reason = new Error('the card was pulled out');
    const pulled: Sealer = { seal: () => Promise.reject(reason), open: () => Promise.reject(reason) };
    await untouched(bench, () => rejectsWith(bench.engine({ sealer: pulled }).put('a', {}), reason));
  }),
];

/** The stored values of a secret, by version. */
async function valuesOf(bench: Pick<Bench, 'records' | 'secrets' | 'mounts'>, path: string, mount = 'secret/'): Promise<Entry[]> {
  const { id } = (await bench.mounts().find(mount))!.bound!.entry;
  const { incarnation } = (await bench.secrets.getMetadata(path))!;
  return (await bench.records()).filter(({ key }) => key.startsWith(`d/${id}/i/${incarnation}/v`));
}

async function tamper({ store }: Bench, { key, value }: Entry, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const write: Write = { kind: 'put', key, value: change(value) };
  await store.write(async () => ({ result: undefined, writes: [write] }));
}
