import 'fake-indexeddb/auto';
import type { Durability, KvStore, TxOptions } from '@sealkv/core';
import { Mounts, plaintextSealer, SecretEngine } from '@sealkv/core';
import { Kv1Engine } from '@sealkv/core/kv1';
import { memoryStore } from '@sealkv/core/memory';
import { idbStore } from '@sealkv/idb-adapter';
import { afterEach, describe, expect, test, vi } from 'vitest';

afterEach(() => vi.restoreAllMocks());

const sealer = plaintextSealer();

describe('an operation asks the storage for its own durability', () => {
  const operations: Readonly<Record<string, (world: World, options: TxOptions) => Promise<unknown>>> = {
    put: ({ engine }, options) => engine.put('a', {}, options),
    update: ({ engine }, options) => engine.update('a', () => ({}), options),
    patch: ({ engine }, options) => engine.patch('a', {}, options),
    delete: ({ engine }, options) => engine.delete('a', options),
    'delete versions': ({ engine }, options) => engine.deleteVersions('a', [1], options),
    undelete: ({ engine }, options) => engine.undelete('a', [1], options),
    destroy: ({ engine }, options) => engine.destroy('a', [1], options),
    'put metadata': ({ engine }, options) => engine.putMetadata('a', { maxVersions: 3 }, options),
    'patch metadata': ({ engine }, options) => engine.patchMetadata('a', { maxVersions: 3 }, options),
    'delete metadata': ({ engine }, options) => engine.deleteMetadata('a', options),
    'put config': ({ engine }, options) => engine.putConfig({ maxVersions: 3 }, options),
    atomic: ({ engine }, options) => engine.atomic((tx) => [tx.delete('a')], options),
    'v1 put': ({ v1 }, options) => v1.put('a', {}, options),
    'v1 delete': ({ v1 }, options) => v1.delete('a', options),
    'make a mount': ({ mounts }, options) => mounts.create('new', {}, options),
    tune: ({ mounts }, options) => mounts.tune('secret', () => ({ description: 'x' }), options),
    upgrade: ({ mounts }, options) => mounts.upgrade('v1', options),
    remount: ({ mounts }, options) => mounts.remount('secret', 'moved', options),
    unmount: ({ mounts }, options) => mounts.unmount('secret', options),
    purge: ({ mounts }, options) => mounts.purge(options),
  };

  test.each(Object.entries(operations))('%s', async (_, operation) => {
    expect(await askedBy((world) => operation(world, { durability: 'relaxed' }))).toEqual(['relaxed']);
    expect(await askedBy((world) => operation(world, {}))).toEqual([undefined]);
  });
});

test('IndexedDB is asked for what the operation, else the store, else the default says', async () => {
  const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction');
  const writeTo = async (store: KvStore, options?: TxOptions): Promise<unknown> => {
    await store.write(async () => ({ result: undefined, writes: [{ kind: 'delete', key: 'a' }] }), options);
    return transaction.mock.lastCall?.[2];
  };
  expect(await writeTo(idbStore('default'))).toEqual({ durability: 'strict' });
  const relaxed = idbStore('relaxed', { durability: 'relaxed' });
  expect(await writeTo(relaxed)).toEqual({ durability: 'relaxed' });
  expect(await writeTo(relaxed, { durability: 'strict' })).toEqual({ durability: 'strict' });
  expect(await writeTo(relaxed, { durability: undefined })).toEqual({ durability: 'relaxed' });
});

interface World {
  readonly engine: SecretEngine;
  readonly v1: Kv1Engine;
  readonly mounts: Mounts;
}

/** With which durabilities the store is written to by an operation on a mount of each version with a secret in it. */
async function askedBy(operation: (world: World) => Promise<unknown>): Promise<(Durability | undefined)[]> {
  const asked: (Durability | undefined)[] = [];
  const inner = memoryStore();
  const store: KvStore = {
    read: (body, options) => inner.read(body, options),
    write: (body, options) => {
      asked.push(options?.durability);
      return inner.write(body, options);
    },
    close: () => inner.close(),
  };
  const mounts = new Mounts({ store, sealer });
  await mounts.create('v1', { version: 1 });
  const world = { engine: new SecretEngine({ store, sealer }), v1: new Kv1Engine({ store, sealer, mount: 'v1' }), mounts };
  await world.engine.put('a', {});
  await world.v1.put('a', {});
  asked.length = 0;
  await operation(world);
  return asked;
}
