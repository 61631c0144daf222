import { SecretEngine } from '../engine.ts';
import { Kv1Engine } from '../kv1-engine.ts';
import { MemoryDatabase, memoryStore } from '../memory-store.ts';
import type { Environment } from '../mount-handle.ts';
import { Mounts } from '../mounts.ts';
import type { Sealer } from '../sealer.ts';
import { plaintextSealer } from '../sealer.ts';
import type { Entry, KvStore } from '../store.ts';
import { allRecords } from './describe-store.ts';
import type { EventHook } from './faults.ts';
import { observedSealer } from './faults.ts';

/** What an operation of the matrix works with. */
export interface Actors {
  readonly secrets: SecretEngine;
  readonly v1: Kv1Engine;
  readonly mounts: Mounts;
}

export interface MatrixOperation {
  readonly name: string;
  run(actors: Actors, signal: AbortSignal | undefined): Promise<unknown>;
}

export interface MatrixState {
  readonly name: string;
  readonly versions: number;
  prepare(actors: Actors, clock: TestClock): Promise<void>;
}

export interface TestClock {
  now: number;
}

const SECRET = 'app/login';
const START = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const versionsUpTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/** Secrets as the matrix finds them. */
export const matrixStates: readonly MatrixState[] = [
  { name: 'an empty store', versions: 0, prepare: async () => undefined },
  { name: 'no version', versions: 0, prepare: async ({ secrets }) => void (await secrets.putMetadata(SECRET, { customMetadata: { owner: 'ada' } })) },
  { name: '1 version', versions: 1, prepare: (actors) => putVersions(actors, 1) },
  {
    name: '10 versions, deleted, destroyed and expired ones among them',
    versions: 10,
    prepare: async (actors, clock) => {
      await actors.secrets.putMetadata(SECRET, { deleteVersionAfterMs: DAY, customMetadata: { owner: 'ada' } });
      await putVersions(actors, 4);
      clock.now += 2 * DAY;
      await putVersions(actors, 6, 4);
      await actors.secrets.deleteVersions(SECRET, [5, 6]);
      await actors.secrets.destroy(SECRET, [2, 6, 7]);
    },
  },
  {
    name: '300 versions, deleted and destroyed ones among them',
    versions: 300,
    prepare: async (actors) => {
      await actors.secrets.putMetadata(SECRET, { maxVersions: 300 });
      await putVersions(actors, 300);
      await actors.secrets.deleteVersions(SECRET, [3, 150, 299]);
      await actors.secrets.destroy(SECRET, [4, 150, 151]);
    },
  },
  { name: 'the current version deleted', versions: 3, prepare: async (actors) => (await putVersions(actors, 3), actors.secrets.delete(SECRET)) },
  {
    name: 'the current version destroyed',
    versions: 3,
    prepare: async (actors) => (await putVersions(actors, 3), actors.secrets.destroy(SECRET, [3])),
  },
  {
    name: 'the current version expired',
    versions: 3,
    prepare: async (actors, clock) => {
      await actors.secrets.putConfig({ deleteVersionAfterMs: DAY });
      await putVersions(actors, 3);
      clock.now += 2 * DAY;
    },
  },
  { name: 'a mount to purge', versions: 0, prepare: async (actors) => (await putVersions(actors, 9), void (await actors.mounts.unmount('secret'))) },
];

async function putVersions({ secrets, v1 }: Actors, count: number, from = 0): Promise<void> {
  // In lots: the matrix is about faults, and a thousand single transactions to set up would be most of its time.
  await secrets.atomic((tx) => versionsUpTo(count).forEach((i) => void tx.put(SECRET, { password: `value ${from + i}`, n: from + i })));
  await v1.put(SECRET, { password: 'one' });
}

/** Every operation of the engines and of the mount table. */
export const matrixOperations: readonly MatrixOperation[] = [
  { name: 'put', run: ({ secrets }, signal) => secrets.put(SECRET, { password: 'new' }, { signal }) },
  { name: 'put with cas', run: ({ secrets }, signal) => secrets.put(SECRET, { password: 'new' }, { cas: 10, signal }) },
  { name: 'put of the first secret', run: ({ secrets }, signal) => secrets.put('other', { password: 'new' }, { cas: 0, signal }) },
  { name: 'get', run: ({ secrets }, signal) => secrets.get(SECRET, { signal }) },
  { name: 'get an old version', run: ({ secrets }, signal) => secrets.get(SECRET, { version: 1, signal }) },
  { name: 'patch', run: ({ secrets }, signal) => secrets.patch(SECRET, { password: null, more: { a: 1 } }, { signal }) },
  { name: 'update', run: ({ secrets }, signal) => secrets.update(SECRET, (data) => ({ ...data, updated: true }), { signal }) },
  { name: 'delete', run: ({ secrets }, signal) => secrets.delete(SECRET, { signal }) },
  { name: 'delete versions', run: ({ secrets }, signal) => secrets.deleteVersions(SECRET, [1, 2, 9, 10, 200, 300], { signal }) },
  { name: 'undelete', run: ({ secrets }, signal) => secrets.undelete(SECRET, [3, 5, 150, 299], { signal }) },
  { name: 'destroy', run: ({ secrets }, signal) => secrets.destroy(SECRET, [1, 3, 10, 100, 300], { signal }) },
  { name: 'get metadata', run: ({ secrets }, signal) => secrets.getMetadata(SECRET, { signal }) },
  {
    name: 'put metadata',
    run: ({ secrets }, signal) => secrets.putMetadata(SECRET, { maxVersions: 5, customMetadata: { owner: 'grace' } }, { signal }),
  },
  { name: 'patch metadata', run: ({ secrets }, signal) => secrets.patchMetadata(SECRET, { customMetadata: { owner: null, team: 'x' } }, { signal }) },
  { name: 'delete metadata', run: ({ secrets }, signal) => secrets.deleteMetadata(SECRET, { signal }) },
  { name: 'get config', run: ({ secrets }, signal) => secrets.getConfig({ signal }) },
  { name: 'put config', run: ({ secrets }, signal) => secrets.putConfig({ maxVersions: 3, casRequired: true }, { signal }) },
  { name: 'subkeys', run: ({ secrets }, signal) => secrets.subkeys(SECRET, { signal }) },
  { name: 'list', run: ({ secrets }, signal) => secrets.list('app', { signal }) },
  { name: 'scan', run: ({ secrets }, signal) => secrets.scan('', { signal }) },
  { name: 'detailed list', run: ({ secrets }, signal) => secrets.listDetailed('app', { signal }) },
  {
    name: 'atomic',
    run: ({ secrets }, signal) =>
      secrets.atomic(
        (tx) => {
          tx.put(SECRET, { password: 'first' });
          tx.put(SECRET, { password: 'second' });
          tx.destroy(SECRET, [1]);
          tx.undelete(SECRET, [3]);
          tx.putMetadata('app/other', { customMetadata: { owner: 'ada' } });
          tx.put('app/other', { password: 'x' }, { cas: 0 });
          tx.delete('app/other');
        },
        { signal },
      ),
  },
  {
    name: 'atomic: delete metadata and write anew',
    run: ({ secrets }, signal) =>
      secrets.atomic((tx) => (tx.deleteMetadata(SECRET), void tx.put(SECRET, { password: 'anew' }, { cas: 0 })), { signal }),
  },
  { name: 'v1 put', run: ({ v1 }, signal) => v1.put(SECRET, { password: 'two' }, { signal }) },
  { name: 'v1 get', run: ({ v1 }, signal) => v1.get(SECRET, { signal }) },
  { name: 'v1 delete', run: ({ v1 }, signal) => v1.delete(SECRET, { signal }) },
  { name: 'v1 list', run: ({ v1 }, signal) => v1.list('app', { signal }) },
  { name: 'list mounts', run: ({ mounts }, signal) => mounts.list({ signal }) },
  { name: 'create a mount', run: ({ mounts }, signal) => mounts.create('team', { version: 1 }, { signal }) },
  {
    name: 'tune a mount',
    run: ({ mounts }, signal) => mounts.tune('kv1', () => ({ description: 'tuned', tuning: { maxLeaseTtl: 60 } }), { signal }),
  },
  { name: 'upgrade a mount', run: ({ mounts }, signal) => mounts.upgrade('kv1', { signal }) },
  { name: 'remount', run: ({ mounts }, signal) => mounts.remount('secret', 'moved/here', { signal }) },
  { name: 'purge', run: ({ mounts }, signal) => mounts.purge({ limit: 20, signal }) },
  { name: 'unmount', run: ({ mounts }, signal) => mounts.unmount('secret', { signal }) },
  { name: 'unmount v1', run: ({ mounts }, signal) => mounts.unmount('kv1', { signal }) },
];

/** A state made once and then copied into a database of its own for every fault point. */
export interface PreparedState {
  readonly state: MatrixState;
  readonly records: readonly Entry[];
  readonly now: number;
}

/** The sealer of every store of the matrix. It makes the same bytes of the same text, so that states can be compared byte for byte. */
export function matrixSealer(): Sealer {
  return plaintextSealer();
}

/** Makes a state, in memory. */
export async function prepareState(state: MatrixState): Promise<PreparedState> {
  const clock: TestClock = { now: START };
  const store = memoryStore({ database: new MemoryDatabase() });
  await state.prepare(actorsOn(store, matrixSealer(), testEnvironment(clock)), clock);
  return { state, records: await allRecords(store), now: clock.now + 1000 };
}

/** An operation on a store, at the time and with the ids that every run of it has, so that the states it leaves can be compared. */
export function runOperation(
  operation: MatrixOperation,
  store: KvStore,
  { now, signal, at = () => undefined }: { readonly now: number; readonly signal?: AbortSignal | undefined; readonly at?: EventHook | undefined },
): Promise<unknown> {
  return operation.run(actorsOn(store, observedSealer(matrixSealer(), at), testEnvironment({ now })), signal);
}

/** The same ids in every run of a walk, so that states can be compared; and never those of the prepared state, whose clock was another. */
function testEnvironment(clock: TestClock): Environment {
  let ids = 0;
  return {
    clock: () => clock.now,
    random(bytes) {
      new DataView(bytes.buffer).setFloat64(0, clock.now);
      new DataView(bytes.buffer).setUint32(8, ids++);
      // Ids look at four or five bits of each byte only.
      return bytes.map((_, i) => (i < 12 ? bytes[i]! & 15 : i < 24 ? bytes[i - 12]! >> 4 : 0));
    },
  };
}

function actorsOn(store: KvStore, sealer: Sealer, environment: Environment): Actors {
  return {
    secrets: new SecretEngine({ store, sealer, ...environment }),
    v1: new Kv1Engine({ store, sealer, ...environment, mount: 'kv1' }),
    // A few records are as good as a thousand.
    mounts: new Mounts({ store, sealer, ...environment, purgeAbove: 6 }),
  };
}
