import { checkStore } from '../check.ts';
import { isSealKvError } from '../errors.ts';
import { MemoryDatabase, memoryStore } from '../memory-store.ts';
import { SortedMap } from '../sorted-map.ts';
import type { Entry, KvStore } from '../store.ts';
import { allRecords, describeStore, sameRecords } from './describe-store.ts';
import type { MatrixOperation, PreparedState } from './fault-matrix.ts';
import { matrixSealer, runOperation } from './fault-matrix.ts';
import type { EventHook } from './faults.ts';
import { InjectedFault, observedStore } from './faults.ts';

/** Where the matrix runs: an adapter that can make databases and report its native events. */
export interface FaultHost {
  readonly name: string;
  /** A database of its own that holds exactly these records. */
  create(records: readonly Entry[]): Promise<FaultDatabase>;
}

export interface FaultDatabase {
  /**
   * Runs `work` on a new handle on the database, where the storage lives: with a Durable Object, inside of it. With `at`: on a handle that reports
   * its adapter's native events, and fails where `at` throws. `work` reports its own events to the hook it is given, so that a host can end
   * for real what a fatal fault has ended; the promise may never settle then.
   */
  use<T>(work: (store: KvStore, at: EventHook) => Promise<T>, at?: EventHook): Promise<T>;
  /**
   * For hosts that can let a process of its own die: runs the operation in one, which ends at its `n`th event. Resolves to the name of that event and
   * whether the commit had been requested; to undefined if the operation got through.
   */
  kill?(operation: MatrixOperation, now: number, n: number): Promise<{ readonly event: string; readonly requested: boolean } | undefined>;
  discard(): Promise<void>;
}

/**
 * - `throw`: the event fails. - `abort`: the caller's signal fires at the event.
 * - `crash`: the process dies at the event; the database is opened anew.
 */
export type FaultKind = 'throw' | 'abort' | 'crash';
export const FAULT_KINDS: readonly FaultKind[] = ['throw', 'abort', 'crash'];

/** The result of one walk: an operation in a state under one kind of fault, at event 0, 1, 2, … until it gets through. */
export interface WalkReport {
  readonly points: number;
  /** The most writes that one transaction of the undisturbed operation returned. */
  readonly writes: number;
  /** What was found wrong, one line per fault point; empty if nothing. */
  readonly failures: readonly string[];
}

export interface WalkOptions {
  /** Wraps the store under test, below the counting of port events; the negative control puts the torn store here. */
  readonly wrap?: ((store: KvStore, at: EventHook) => KvStore) | undefined;
}

/** From these events on the outcome may be either; before them nothing may be applied. */
export const COMMIT_REQUESTED: ReadonlySet<string> = new Set(['committed', 'commit requested', 'completed']);

/**
 * Fails an operation at event 0, 1, 2, … until it gets through. After each: byte for byte, the records are those before or those that the operation
 * leaves on the memory store, and those before if its commit was not requested yet; the outcome told the truth; `checkStore()` is clean; and the
 * operation, sent again, does what it would have done.
 */
export async function walkFaults(
  host: FaultHost,
  prepared: PreparedState,
  operation: MatrixOperation,
  kind: FaultKind,
  { wrap = (store) => store }: WalkOptions = {},
): Promise<WalkReport> {
  const { now, records } = prepared;
  const undisturbed = await undisturbedRun(prepared, operation);
  const failures: string[] = [];
  for (let n = 0; ; n++) {
    const { event, failure } = await inDatabase(async (database) => {
      const run = kind === 'crash' && database.kill ? await killed(database, n) : await disturbed(database, n);
      return { event: run.event, failure: await database.use((store) => judge(store, run)) };
    });
    if (failure !== undefined) failures.push(`${operation.name}, ${prepared.state.name}, ${kind} at ${n} (${event ?? 'no event'}): ${failure}`);
    if (event === undefined) return { points: n, writes: undisturbed.writes, failures };
    if (n > 20_000) throw new Error(`${operation.name} does not end`);
  }

  async function inDatabase<T>(run: (database: FaultDatabase) => Promise<T>): Promise<T> {
    const database = await host.create(records);
    try {
      return await run(database);
    } finally {
      await database.discard();
    }
  }

  async function disturbed(database: FaultDatabase, n: number): Promise<Run> {
    const controller = new AbortController();
    const reason = new InjectedFault('aborted by the caller');
    let die: (outcome: undefined) => void = () => undefined;
    const death = new Promise<undefined>((resolve) => (die = resolve));
    let events = 0;
    let event: string | undefined;
    let dead = false;
    let requested = false;
    const at: EventHook = (name) => {
      if (dead) throw new InjectedFault('dead already', { fatal: true });
      if (COMMIT_REQUESTED.has(name)) requested = true;
      if (events++ !== n) return;
      event = name;
      if (kind === 'abort') {
        controller.abort(reason);
        return;
      }
      dead = kind === 'crash';
      if (dead) die(undefined);
      throw new InjectedFault(`${kind} at ${name}`, { fatal: dead });
    };
    const { signal } = controller;
    const run = database.use(
      (store, hook) => settled(runOperation(operation, observedStore(wrap(store, hook), hook), { now, signal, at: hook })),
      at,
    );
    const outcome = await Promise.race([run.catch((error: unknown) => ({ error })), death]);
    return { event, outcome: dead ? undefined : outcome, requested, reason };
  }

  async function killed(database: FaultDatabase, n: number): Promise<Run> {
    const death = await database.kill!(operation, now, n);
    return { event: death?.event, outcome: undefined, requested: death?.requested ?? true, reason: undefined };
  }

  async function judge(store: KvStore, { event, outcome, requested, reason }: Run): Promise<string | undefined> {
    const found = await allRecords(store);
    const before = sameRecords(found, records);
    const after = sameRecords(found, undisturbed.after);
    // Both were checked when they were made, so that nothing has to be checked again that equals one of them.
    if (!before && !after) return `neither the state before nor the state after; ${(await problemOf(store)) ?? 'checkStore finds nothing'}`;
    if (event === undefined) return after ? undefined : 'it got through, yet nothing was applied';
    if (!before && !requested) return 'applied, though its commit was not requested';
    if (outcome !== undefined && 'error' in outcome) {
      const { error } = outcome;
      if (!before && !isSealKvError(error, 'COMMIT_UNKNOWN')) return `rejected with ${String(error)}, though it was applied`;
      const expected = kind === 'abort' ? error === reason || isRefusal(error) : error instanceof InjectedFault || isSealKvError(error);
      if (!expected) return `rejected with ${String(error)}`;
    } else if (outcome !== undefined && !after) return 'resolved, though nothing was applied';

    const again = await settled(runOperation(operation, store, { now }));
    if ('error' in again && !isRefusal(again.error)) return `sent again: ${String(again.error)}`;
    if (!before) return problemOf(store);
    if ('error' in again !== 'error' in undisturbed.outcome) return 'sent again, it has another outcome';
    return sameRecords(await allRecords(store), undisturbed.after) ? undefined : 'sent again, it leaves another state';
  }
}

interface Undisturbed {
  readonly outcome: Settled;
  readonly writes: number;
  readonly after: readonly Entry[];
}

const undisturbedByState = new WeakMap<PreparedState, Map<MatrixOperation, Promise<Undisturbed>>>();

/** What an operation does where nothing fails: once, on the memory store, as it is the same on all. */
function undisturbedRun(prepared: PreparedState, operation: MatrixOperation): Promise<Undisturbed> {
  const known = undisturbedByState.get(prepared) ?? new Map<MatrixOperation, Promise<Undisturbed>>();
  undisturbedByState.set(prepared, known);
  const run = known.get(operation) ?? runUndisturbed(prepared, operation);
  known.set(operation, run);
  return run;
}

async function runUndisturbed({ records, now }: PreparedState, operation: MatrixOperation): Promise<Undisturbed> {
  const database = await memoryHost.create(records);
  return database.use(async (store) => {
    await mustBeSound(store, now);
    let writes = 0;
    const counting = observedStore(
      store,
      () => undefined,
      (all) => (writes = Math.max(writes, all.length)),
    );
    const outcome = await settled(runOperation(operation, counting, { now }));
    await mustBeSound(store, now);
    return { outcome, writes, after: await allRecords(store) };
  });
}

async function mustBeSound(store: KvStore, now: number): Promise<void> {
  const problem = await problemOf(store);
  if (problem !== undefined) throw new Error(problem);
  await describeStore(store, matrixSealer(), () => now); // rejects if anything can't be read
}

interface Run {
  /** Where it met its fault; undefined if it got through. */
  readonly event: string | undefined;
  /** Undefined if nobody is left who could tell. */
  readonly outcome: Settled | undefined;
  readonly requested: boolean;
  readonly reason: unknown;
}

type Settled = { readonly value: unknown } | { readonly error: unknown };

async function settled(promise: Promise<unknown>): Promise<Settled> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

async function problemOf(store: KvStore): Promise<string | undefined> {
  const [problem] = (await checkStore(store)).problems;
  return problem && `checkStore: ${problem.kind} at ${problem.key}`;
}

function isRefusal(error: unknown): boolean {
  return isSealKvError(error) && error.name === 'KvError';
}

const committedByRecords = new WeakMap<readonly Entry[], SortedMap>();

/** The memory adapter as a host. It has no events of its own: its commit is one assignment. */
export const memoryHost: FaultHost = {
  name: 'memory',
  async create(records) {
    const database = new MemoryDatabase();
    let committed = committedByRecords.get(records);
    if (committed === undefined) {
      committed = new SortedMap().with(records.map(({ key, value }) => ({ kind: 'put', key, value })));
      committedByRecords.set(records, committed);
    }
    database.committed = committed;
    return { use: (work, at = () => undefined) => work(memoryStore({ database }), at), discard: async () => undefined };
  },
};
