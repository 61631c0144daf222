import 'fake-indexeddb/auto';
import type { KvStore, Touched } from '@sealkv/core';
import { aesGcmSealer, Mounts, plaintextSealer, SecretEngine } from '@sealkv/core';
import { MemoryDatabase, memoryStore } from '@sealkv/core/memory';
import type { SecretChange } from '@sealkv/core/watch';
import { watch, watchBatches } from '@sealkv/core/watch';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Moments } from './harness.ts';
import { Fold, foldOf, short, take, withMoments } from './harness.ts';

const sealer = plaintextSealer();
const START = Date.UTC(2026, 0, 1);

/** An engine whose time stands still unless it is moved, and what it rests on. */
function setup(moments: Moments = {}) {
  const database = new MemoryDatabase();
  const below = memoryStore({ database });
  const time = { now: START };
  const clock = (): number => time.now++;
  const open = (mount?: string): SecretEngine => new SecretEngine({ store: memoryStore({ database }), sealer, clock, mount });
  const store = withMoments(below, moments);
  onTestFinished(() => expect(database.listeners.size, 'listeners left').toBe(0));
  return { database, below, store, time, clock, open, secrets: new SecretEngine({ store, sealer, clock }), other: open() };
}

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
afterEach(async () => {
  await new Promise(setImmediate);
  expect(unhandled.splice(0)).toEqual([]);
});

describe('what is told', () => {
  test('the current state first, in the order of the paths, then every kind of change', async () => {
    const { secrets, other } = setup();
    await other.put('b', {});
    await other.put('a/x', {});
    await other.putMetadata('c', { maxVersions: 5 });
    const watching = watch(secrets, '');
    expect(await take(watching, 3)).toEqual(['= a/x 1 live', '= b 1 live', '= c 0 empty']);
    const told = async (change: Promise<unknown>): Promise<string[]> => (await change, take(watching, 1));
    expect(await told(other.put('c', {}))).toEqual(['c 1 live']);
    expect(await told(secrets.put('c', {}))).toEqual(['c 2 live']);
    expect(await told(other.delete('c'))).toEqual(['c 2 deleted']);
    expect(await told(other.undelete('c', [2]))).toEqual(['c 2 live']);
    expect(await told(other.destroy('c', [2]))).toEqual(['c 2 destroyed']);
    expect(await told(other.deleteMetadata('c'))).toEqual(['c 2 removed']);
    expect(await told(other.put('new', {}))).toEqual(['new 1 live']);
    await watching.return();
  });

  test('settings, custom metadata and what becomes of older versions', async () => {
    const { secrets, other } = setup();
    for (let n = 1; n <= 20; n++) await other.put('a', { n });
    const watching = watch(secrets, 'a');
    let before = (await watching.next()).value as SecretChange;
    const change = async (commit: Promise<unknown>): Promise<SecretChange> => (await commit, (await watching.next()).value as SecretChange);
    for (const commit of [
      () => other.putMetadata('a', { maxVersions: 30 }),
      () => other.patchMetadata('a', { customMetadata: { owner: 'ada' } }),
      () => other.patchMetadata('a', { customMetadata: { owner: 'grace' } }),
    ]) {
      const after = await change(commit());
      expect(after).toEqual({ ...before, initial: false, metadataVersion: before.metadataVersion + 1, changedAt: after.changedAt });
      before = after;
    }
    for (const commit of [() => other.deleteVersions('a', [12]), () => other.undelete('a', [12]), () => other.destroy('a', [20 - 9])]) {
      const after = await change(commit());
      expect(after).toEqual({ ...before, changedAt: after.changedAt });
      expect(after.changedAt.getTime()).toBeGreaterThan(before.changedAt.getTime());
      before = after;
    }
    await watching.return();
  });

  test('a secret that was removed and made again is told by another incarnation', async () => {
    const { secrets, other } = setup();
    await other.put('a', {});
    const watching = watch(secrets, '');
    const { value: first } = await watching.next();
    await other.deleteMetadata('a');
    await other.put('a', {});
    const { value: second } = await watching.next();
    expect(second).toMatchObject({ path: 'a', version: 1, state: 'live' });
    expect(second!.incarnation).not.toBe(first!.incarnation);
    await watching.return();
  });

  test('nothing of the values, nor of the custom metadata', async () => {
    const { secrets, other } = setup();
    await other.put('a', { password: 'canary' });
    await other.patchMetadata('a', { customMetadata: { canary: 'canary' } });
    const watching = watch(secrets, '');
    expect(JSON.stringify(await watching.next())).not.toContain('canary');
    await watching.return();
  });

  test('a transaction as one list, an empty beginning as an empty one', async () => {
    const { secrets, other } = setup();
    const batches = watchBatches(secrets, '');
    expect(await batches.next()).toEqual({ value: [], done: false });
    await other.atomic((tx) => {
      tx.put('b', {});
      tx.put('a', {});
      tx.putMetadata('c', { maxVersions: 5 });
    });
    const { value } = await batches.next();
    expect((value as SecretChange[]).map(short)).toEqual(['a 1 live', 'b 1 live', 'c 0 empty']);
    await batches.return();
  });

  test('no refused and no cancelled operation, and no commit that changes nothing', async () => {
    const { secrets, other } = setup();
    await other.put('a', {});
    const watching = watch(secrets, '');
    await watching.next();
    await expect(other.put('a', {}, { cas: 7 })).rejects.toMatchObject({ code: 'CAS_MISMATCH' });
    await expect(other.put('a', {}, { signal: AbortSignal.abort() })).rejects.toThrow();
    await other.delete('nothing there');
    await other.put('b', {});
    expect(await take(watching, 1)).toEqual(['b 1 live']);
    await watching.return();
  });

  test('not that a deadline passes, but what it led to once the secret is looked at again', async () => {
    const { secrets, other, time } = setup();
    await other.putMetadata('a', { deleteVersionAfterMs: 60_000 });
    await other.put('a', {});
    const watching = watch(secrets, '');
    const { value: first } = await watching.next();
    expect(first).toMatchObject({ state: 'live', deletionAt: new Date(first!.changedAt.getTime() + 60_000) });
    time.now += 100_000;
    await other.put('b', {});
    expect(await take(watching, 1)).toEqual(['b 1 live']);
    await other.putMetadata('a', { maxVersions: 3 });
    expect(await take(watching, 1)).toEqual(['a 1 deleted']);
    await watching.return();
  });
});

describe('where', () => {
  const paths = ['app', 'app/a', 'app/b/c', 'app0', 'apple', 'b', 'app/😀'];
  test.each([
    ['', ['app', 'app/a', 'app/b/c', 'app/😀', 'app0', 'apple', 'b']],
    ['app/', ['app/a', 'app/b/c', 'app/😀']],
    ['app', ['app']],
    ['app/b/', ['app/b/c']],
    ['none/', []],
    ['none', []],
  ])('below %o, at first and later, is what the prefix means: a folder with its slash, or that very secret', async (prefix, expected) => {
    const { secrets, other } = setup();
    await other.put('last', {});
    for (const path of paths) await other.put(path, {});
    const batches = watchBatches(secrets, prefix);
    const { value: first } = await batches.next();
    expect((first as SecretChange[]).map(({ path }) => path).filter((path) => path !== 'last')).toEqual(expected);
    if (expected.length > 0) {
      for (const path of paths) await other.put(path, {});
      const { value: then } = await batches.next();
      expect((then as SecretChange[]).map(({ path }) => path)).toEqual(expected);
    }
    await batches.return();
  });

  test.each(['a//b', '../a', '/a', 'a/../'])('a prefix that is none is refused: %o', async (prefix) => {
    const { secrets } = setup();
    await expect(watch(secrets, prefix).next()).rejects.toMatchObject({ code: 'INVALID_PATH' });
  });

  test('in one mount: another one on the same store is not listened to', async () => {
    const requests: string[] = [];
    const { secrets, other, open } = setup({ request: (request) => requests.push(request) });
    await other.put('a', {});
    const neighbour = open('neighbour/');
    const watching = watch(secrets, '');
    await watching.next();
    requests.length = 0;
    const pending = watching.next();
    for (let n = 0; n < 20; n++) await neighbour.put('a', { n });
    await neighbour.deleteMetadata('a');
    expect(requests).toEqual([]);
    await other.put('b', {});
    expect(short((await pending).value as SecretChange)).toBe('b 1 live');
    await watching.return();
  });
});

describe('none is missed', () => {
  test('that is committed between listening and the first look', async () => {
    const moments: Moments = {};
    const { secrets, other } = setup(moments);
    await other.put('a', {});
    moments.subscribed = () => other.put('b', {});
    const watching = watch(secrets, '');
    expect(await take(watching, 2)).toEqual(['= a 1 live', '= b 1 live']);
    await other.put('c', {});
    expect(await take(watching, 1)).toEqual(['c 1 live']);
    await watching.return();
  });

  test('that is committed between the first look and its first answer', async () => {
    const moments: Moments = {};
    const { secrets, other } = setup(moments);
    await other.put('a', {});
    await secrets.ready();
    moments.read = () => {
      moments.read = undefined;
      return other.put('b', {});
    };
    const watching = watch(secrets, '');
    expect(await take(watching, 2)).toEqual(['= a 1 live', 'b 1 live']);
    await watching.return();
  });

  test('that is committed while nobody asks, and quick ones come as one', async () => {
    const { secrets, other } = setup();
    await other.put('a', {});
    const watching = watch(secrets, '');
    await watching.next();
    for (let n = 0; n < 5; n++) await other.put('a', { n });
    await other.put('gone', {});
    await other.deleteMetadata('gone');
    await other.put('b', {});
    expect(await take(watching, 2)).toEqual(['a 6 live', 'b 1 live']);
    await watching.return();
  });

  test('that is committed while a change is being read', async () => {
    const moments: Moments = {};
    const { secrets, other } = setup(moments);
    await other.put('a', {});
    const watching = watch(secrets, '');
    await watching.next();
    moments.read = () => {
      moments.read = undefined;
      return other.atomic((tx) => {
        tx.put('a', {});
        tx.put('b', {});
      });
    };
    await other.put('a', {});
    expect(await take(watching, 3)).toEqual(['a 2 live', 'a 3 live', 'b 1 live']);
    await watching.return();
  });

  test('whose message was lost, once the store says so', async () => {
    const { below, store, clock } = setup();
    let listener: ((touched: readonly Touched[] | undefined) => void) | undefined;
    const deaf: KvStore = {
      read: store.read,
      write: store.write,
      close: store.close,
      onCommit: (given) => ((listener = given), () => (listener = undefined)),
    };
    const secrets = new SecretEngine({ store: deaf, sealer, clock });
    const other = new SecretEngine({ store: below, sealer, clock });
    for (const path of ['a', 'b', 'c']) await other.put(path, {});
    const watching = watch(secrets, '');
    await take(watching, 3);
    await other.put('a', {});
    await other.deleteMetadata('b');
    await other.put('d', {});
    const pending = take(watching, 3);
    listener!(undefined);
    expect(await pending).toEqual(['a 2 live', 'b 1 removed', 'd 1 live']);
    listener!(undefined); // nothing more to tell
    const next = watching.next();
    await other.put('e', {});
    listener!([{ kind: 'put', key: 'x/unrelated' }]);
    listener!(undefined);
    expect(short((await next).value as SecretChange)).toBe('e 1 live');
    await watching.return();
    expect(listener).toBeUndefined();
  });

  test('of more changes than are kept, after which everything is looked at', async () => {
    const moments: Moments = {};
    const { secrets, other } = setup(moments);
    await other.put('s', {}); // a mount that is new is looked at anyway
    const batches = watchBatches(secrets, '');
    await batches.next();
    for (let n = 0; n < 1500; n++) await other.put(`s/${n}`, {});
    const requests = new Set<string>();
    moments.request = (request, what) => requests.add(request === 'get' ? (what as string) : request);
    const { value } = await batches.next();
    // The mount's entry, and pages of heads: none by its name.
    expect(requests.size).toBe(2);
    expect(requests).toContain('scan');
    expect(new Fold().add(value as SecretChange[]).toString()).toBe(await foldOf(other, 's/'));
    await batches.return();
  });

  test('of a range of records that somebody else removes', async () => {
    const { secrets, other, below } = setup();
    for (const path of ['a', 'b/1', 'b/2', 'c']) await other.put(path, {});
    const watching = watch(secrets, '');
    await take(watching, 4);
    const [first] = await below.read((tx) => tx.scanKeys({ from: 'd/', to: 'd0' }));
    const prefix = first!.slice(0, first!.indexOf('/h/') + 3);
    await below.write(async () => ({ result: undefined, writes: [{ kind: 'deleteRange', from: `${prefix}b/`, to: `${prefix}b0` }] }));
    expect(await take(watching, 2)).toEqual(['b/1 1 removed', 'b/2 1 removed']);
    await watching.return();
  });
});

describe('a mount', () => {
  test('that is not there yet is empty, and told of once it is', async () => {
    const { secrets, other } = setup();
    const batches = watchBatches(secrets, '');
    expect((await batches.next()).value).toEqual([]);
    await other.put('a', {});
    const { value } = await batches.next();
    expect((value as SecretChange[]).map(short)).toEqual(['a 1 live']);
    await other.put('a', {});
    expect(((await batches.next()).value as SecretChange[]).map(short)).toEqual(['a 2 live']);
    await batches.return();
  });

  test('that is unmounted has its secrets removed, and the next one at its path is watched', async () => {
    const { secrets, other, below, open } = setup();
    const mounts = new Mounts({ store: below, sealer });
    await other.put('a', {});
    await other.put('b', {});
    const watching = watch(secrets, '');
    await take(watching, 2);
    await mounts.unmount('secret/');
    expect(await take(watching, 2)).toEqual(['a 1 removed', 'b 1 removed']);
    const next = open();
    await next.put('b', {});
    expect(await take(watching, 1)).toEqual(['b 1 live']);
    await watching.return();
  });

  test('that is replaced between two looks is told as what differs', async () => {
    const { secrets, other, below, open } = setup();
    const mounts = new Mounts({ store: below, sealer });
    for (const path of ['a', 'b']) await other.put(path, {});
    const batches = watchBatches(secrets, '');
    await batches.next();
    await mounts.unmount('secret/');
    await open().put('b', {});
    const { value } = await batches.next();
    expect((value as SecretChange[]).map(short)).toEqual(['a 1 removed', 'b 1 live']);
    await batches.return();
  });

  test('that is replaced before a look begins is told as what differs, at once', async () => {
    const moments: Moments = {};
    const { secrets, other, below, open } = setup(moments);
    const mounts = new Mounts({ store: below, sealer });
    for (const path of ['a', 'b']) await other.put(path, {});
    const batches = watchBatches(secrets, '');
    await batches.next();
    const next = open();
    moments.reading = async () => {
      moments.reading = undefined;
      await mounts.unmount('secret/');
      await next.put('a', {});
    };
    await other.put('a', {});
    const { value } = await batches.next();
    // Never the new a beside the old b.
    expect((value as SecretChange[]).map(short)).toEqual(['a 1 live', 'b 1 removed']);
    await batches.return();
  });

  test('that is replaced and written to while it is looked at', async () => {
    const moments: Moments = {};
    const { secrets, other, below, open } = setup(moments);
    const mounts = new Mounts({ store: below, sealer });
    for (const path of ['a', 'b']) await other.put(path, {});
    const fold = new Fold();
    const batches = watchBatches(secrets, '');
    fold.add((await batches.next()).value as SecretChange[]);
    const next = open();
    const steps = [
      async () => {
        await mounts.unmount('secret/');
        await next.put('c', {});
      },
      async () => undefined, // it is another mount: its entry is read, then its secrets
      async () => undefined,
      async () => next.put('d', {}), // heard of before the look at the new mount has answered
    ];
    moments.read = async () => steps.shift()?.();
    await other.put('a', {});
    for (let n = 0; n < 3; n++) fold.add((await batches.next()).value as SecretChange[]);
    expect([...fold.secrets.keys()]).toEqual(['c', 'd']);
    expect(fold.toString()).toBe(await foldOf(next));
    await batches.return();
  });

  test('that a bound engine had is gone for good: MOUNT_NOT_FOUND', async () => {
    const { other, below, clock } = setup();
    const mounts = new Mounts({ store: below, sealer });
    await other.put('a', {});
    const bound = new SecretEngine({ store: below, sealer, clock, mount: (await mounts.list())[0] });
    const watching = watch(bound, '');
    await watching.next();
    const pending = watching.next();
    await mounts.unmount('secret/');
    await expect(pending).rejects.toMatchObject({ code: 'MOUNT_NOT_FOUND' });
    expect(await watching.next()).toEqual({ value: undefined, done: true });
  });

  test('of KV v1 at its path: MOUNT_VERSION; of another key: WRONG_KEY', async () => {
    const { secrets, below, clock, other } = setup();
    const mounts = new Mounts({ store: below, sealer });
    await mounts.create('secret', { version: 1 });
    await expect(watch(secrets, '').next()).rejects.toMatchObject({ code: 'MOUNT_VERSION' });
    await mounts.unmount('secret');
    const sealed = (byte: number): SecretEngine =>
      new SecretEngine({ store: below, clock, sealer: aesGcmSealer(new Uint8Array(32).fill(byte)), mount: 'sealed' });
    await sealed(1).put('a', {});
    await expect(watch(sealed(2), '').next()).rejects.toMatchObject({ code: 'WRONG_KEY' });
    await other.put('a', {});
  });
});

describe('the end', () => {
  test.each(['waiting', 'reading', 'between', 'in a list', 'before'] as const)('a signal ends it with its reason: %s', async (when) => {
    const moments: Moments = {};
    const { secrets, other, database } = setup(moments);
    await other.put('a', {});
    await other.put('b', {});
    const reason = new Error('enough');
    const controller = new AbortController();
    const { signal } = controller;
    const watching = watch(secrets, '', { signal });
    if (when === 'before') controller.abort(reason);
    else await take(watching, when === 'in a list' ? 1 : 2);
    if (when === 'in a list' || when === 'between') controller.abort(reason);
    if (when === 'reading') {
      moments.request = () => controller.abort(reason);
      await other.put('c', {});
    }
    const pending = watching.next();
    if (when === 'waiting') {
      await new Promise(setImmediate);
      controller.abort(reason);
    }
    await expect(pending).rejects.toBe(reason);
    expect(database.listeners.size).toBe(0);
    expect(await watching.next()).toEqual({ value: undefined, done: true });
  });

  test('a signal that goes on after the end holds nothing of it', async () => {
    const { secrets, other } = setup();
    await other.put('a', {});
    const { signal } = new AbortController();
    const counted = { added: 0, removed: 0 };
    const watched = Object.assign(signal, {
      addEventListener: (...args: Parameters<AbortSignal['addEventListener']>) => (
        counted.added++,
        AbortSignal.prototype.addEventListener.apply(signal, args)
      ),
      removeEventListener: (...args: Parameters<AbortSignal['removeEventListener']>) => (
        counted.removed++,
        AbortSignal.prototype.removeEventListener.apply(signal, args)
      ),
    });
    for await (const change of watch(secrets, '', { signal: watched })) {
      expect(short(change)).toBe('= a 1 live');
      break;
    }
    expect(counted.added).toBeGreaterThan(0);
    expect(counted.removed).toBe(counted.added);
  });

  test('return() ends it while a next() waits, and while it reads', async () => {
    const moments: Moments = {};
    const { secrets, database, other } = setup(moments);
    await other.put('a', {});
    for (const reading of [false, true]) {
      const watching = watch(secrets, '');
      await watching.next();
      const pending = watching.next();
      await new Promise(setImmediate);
      if (reading) {
        const read = new Promise<void>((resolve) => {
          moments.read = async () => {
            moments.read = undefined;
            resolve();
            await new Promise(setImmediate);
          };
        });
        await other.put('a', {});
        await read;
      }
      expect(await watching.return()).toEqual({ value: undefined, done: true });
      expect(await pending).toEqual({ value: undefined, done: true });
      expect(database.listeners.size).toBe(0);
    }
  });

  test('one that is never asked touches nothing', async () => {
    const { secrets, database } = setup();
    const watching = watch(secrets, '');
    await new Promise(setImmediate);
    expect(database.listeners.size).toBe(0);
    await watching.return();
    expect(await watching.next()).toEqual({ value: undefined, done: true });
    expect(database.listeners.size).toBe(0);
  });

  test('a consumer that throws leaves no listener', async () => {
    const { secrets, other, database } = setup();
    await other.put('a', {});
    const consume = async (): Promise<void> => {
      for await (const change of watch(secrets, '')) throw new Error(change.path);
    };
    await expect(consume()).rejects.toThrow('a');
    expect(database.listeners.size).toBe(0);
  });

  test('a store that is closed ends it with CLOSED, also while it waits', async () => {
    const { secrets, other } = setup();
    await other.put('a', {});
    const watching = watch(secrets, '');
    await watching.next();
    const pending = watching.next();
    await secrets.close();
    await expect(pending).rejects.toMatchObject({ name: 'StoreError', code: 'CLOSED' });
    await expect(watch(secrets, '').next()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test("a store that can't tell of commits is refused: UNSUPPORTED", async () => {
    const { below, clock } = setup();
    const silent: KvStore = {
      read: (body, options) => below.read(body, options),
      write: (body, options) => below.write(body, options),
      close: () => below.close(),
    };
    const secrets = new SecretEngine({ store: silent, sealer, clock });
    await expect(watch(secrets, '').next()).rejects.toMatchObject({ name: 'StoreError', code: 'UNSUPPORTED' });
  });

  test('a read that fails ends it with the error, and a new watch begins anew', async () => {
    const moments: Moments = {};
    const { secrets, other } = setup(moments);
    await other.put('a', {});
    const watching = watch(secrets, '');
    await watching.next();
    const broken = new Error('the disk');
    moments.request = () => {
      throw broken;
    };
    await other.put('a', {});
    await expect(watching.next()).rejects.toBe(broken);
    moments.request = undefined;
    const again = watch(secrets, '');
    expect(await take(again, 1)).toEqual(['= a 2 live']);
    await again.return();
  });
});

test('of 10,000 secrets the first look reads pages of one transaction, a change only what it touched', async () => {
  const requests: { request: string; limit: number | undefined }[] = [];
  const moments: Moments = {};
  const { secrets, other, below } = setup(moments);
  await other.put('s/0', {});
  const [record] = await below.read((tx) => tx.scan({ from: 'd/', to: 'd0' }));
  const prefix = record!.key.slice(0, -1);
  const writes = Array.from({ length: 9_999 }, (_, n) => ({ kind: 'put' as const, key: `${prefix}${n + 1}`, value: record!.value }));
  await below.write(async () => ({ result: undefined, writes }));
  let transactions = 0;
  moments.read = async () => void transactions++;
  moments.request = (request, what) => requests.push({ request, limit: (what as { limit?: number }).limit });
  await secrets.ready();
  transactions = 0;
  requests.length = 0;
  const batches = watchBatches(secrets, 's/');
  expect((await batches.next()).value).toHaveLength(10_000);
  expect(transactions).toBe(1);
  expect(requests.filter(({ request }) => request === 'scan').map(({ limit }) => limit)).toEqual(Array.from({ length: 21 }, () => 500));
  requests.length = 0;
  await other.put('s/77', {});
  expect((await batches.next()).value).toHaveLength(1);
  // The mount's entry and the head.
  expect(requests.map(({ request }) => request)).toEqual(['get', 'get']);
  await batches.return();
});
