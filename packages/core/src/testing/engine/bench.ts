import { checkStore } from '../../check.ts';
import type { EngineOptions, SecretEngine as Engine } from '../../engine.ts';
import { SecretEngine } from '../../engine.ts';
import type { KvErrorCode, KvErrorDetails } from '../../errors.ts';
import { isSealKvError } from '../../errors.ts';
import type { MountsOptions } from '../../mounts.ts';
import { Mounts } from '../../mounts.ts';
import type { Sealer } from '../../sealer.ts';
import { aesGcmSealer } from '../../sealer.ts';
import type { Entry, KvStore } from '../../store.ts';
import { deepEqual, equal, rejects } from '../assert.ts';
import { allRecords, sameRecords } from '../describe-store.ts';

/** What a case needs to know of the adapter it runs on. One host, and one database, per case. */
export interface EngineHost {
  /** A new handle on the case's own database, which is empty at the first call and the same at every later one, also after a `close()`. */
  openStore(): Promise<KvStore>;
}

/** One rule of the engine. `run` rejects if it is broken. */
export interface EngineCase {
  /** The rule. */
  readonly title: string;
  run(host: EngineHost): Promise<void>;
}

export const SECOND = 1_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;
/** When every case begins. */
export const START: number = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** What a case works with: one database, an engine on its `secret/` mount, and a clock and randomness that only the case moves. */
export interface Bench {
  readonly store: KvStore;
  readonly sealer: Sealer;
  /** KV v2 on `secret/`. */
  readonly secrets: Engine;
  /** `now` may be set to any time. */
  readonly clock: { now: number };
  /** One more engine; on the same store, mount and key unless told otherwise. */
  engine(options?: Partial<EngineOptions>): Engine;
  mounts(options?: Partial<MountsOptions>): Mounts;
  /** One more handle on the same database. */
  openStore(): Promise<KvStore>;
  /** What an engine needs besides store and sealer. */
  readonly environment: Pick<EngineOptions, 'clock' | 'random'>;
  records(): Promise<readonly Entry[]>;
}

/** A case that ends with `checkStore()`: whatever it did, no record may be left dangling or orphaned. */
export function rule(title: string, body: (bench: Bench) => Promise<void>): EngineCase {
  return {
    title,
    async run(host) {
      const opened: KvStore[] = [];
      const openStore = async (): Promise<KvStore> => {
        const store = await host.openStore();
        opened.push(store);
        return store;
      };
      try {
        await body(benchOn(await openStore(), openStore));
        deepEqual((await checkStore(await openStore())).problems, [], 'the problems that checkStore() finds');
      } finally {
        await Promise.all(opened.map((store) => store.close()));
      }
    },
  };
}

function benchOn(store: KvStore, openStore: () => Promise<KvStore>): Bench {
  const clock = { now: START };
  const environment = { clock: () => clock.now, random: randomBytes(1) };
  const sealer = aesGcmSealer(keyOf(7));
  const engine = (options: Partial<EngineOptions> = {}): Engine => new SecretEngine({ store, sealer, ...environment, ...options });
  return {
    store,
    sealer,
    secrets: engine(),
    clock,
    engine,
    mounts: (options = {}) => new Mounts({ store, sealer, ...environment, ...options }),
    openStore,
    environment,
    records: () => allRecords(store),
  };
}

export function keyOf(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte);
}

/** Pseudo-random bytes, the same ones in every run, never twice the same run of them (Mulberry32). */
export function randomBytes(seed: number): (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) & 0xff;
  };
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = next();
    return bytes;
  };
}

/** Rejects with a `KvError` of this code, with exactly these details, that names the path (and the index, or that there is none). */
export async function refuses<C extends KvErrorCode>(
  promise: Promise<unknown>,
  code: C,
  details: KvErrorDetails[C],
  { path, index }: { readonly path?: string | undefined; readonly index?: number | undefined } = {},
): Promise<void> {
  const error = await rejects(promise, `a promise to be refused with ${code}`);
  if (!isSealKvError(error, code)) throw new Error(`expected a refusal with ${code}, met ${String(error)}`, { cause: error });
  equal((error as Error).name, 'KvError', 'the name of the error');
  const facts = error as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(details)) deepEqual(facts[name], value, `${name} of ${code}`);
  equal(facts['index'], index, `the index of ${code}`);
  if (path !== undefined) equal(facts['path'], path, `the path of ${code}`);
}

/** Runs something that must not change a byte of the store. */
export async function untouched<T>({ records }: Bench, run: () => Promise<T>, what = 'it'): Promise<T> {
  const before = await records();
  const result = await run();
  if (!sameRecords(before, await records())) throw new Error(`${what} has changed the store`);
  return result;
}

/** Writes versions up to `last`, each `{ n: <its number> }`. */
export async function putVersions(engine: Engine, path: string, last: number, first = 1): Promise<void> {
  for (let n = first; n <= last; n++) await engine.put(path, { n });
}

/** The numbers of the versions that there are. */
export async function versionsOf(engine: Engine, path: string): Promise<readonly number[]> {
  return [...((await engine.getMetadata(path))?.versions.keys() ?? [])];
}

/** `from` to `to`, both included. */
export function span(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** How many sealed values a store holds. */
export async function countValues({ records }: Bench): Promise<number> {
  return (await records()).filter(({ key }) => /\/i\/[^/]+\/v[^/]*$/.test(key)).length;
}

export function date(ms: number): Date {
  return new Date(ms);
}
