import type { KvStore, ReadTx, StoreKey, Write } from '@sealkv/core';
import { CHORES } from './chores.ts';
import type { Services } from './services.ts';

/** Work that requests leave for later: removing what has ended, or is too old. */
export interface Chore {
  readonly about: string;
  /** When there is something to do, in milliseconds since 1970, in the past too; undefined if nothing is in sight. */
  nextDue(tx: ReadTx, now: number): Promise<number | undefined>;
  /** When a record that is put under this key makes something due; undefined if it makes nothing due. Asked of every record, so it is quick. */
  dueAfter(key: StoreKey): number | undefined;
  /** Does some of what is due, in transactions that are small however much it is. */
  run(services: Services, now: number): Promise<unknown>;
}

// How often a chore is done in a row; more is left to the next run, so that requests come in between.
const MAX_ROUNDS = 10;
const PAUSE_MS = 1000;

/**
 * Does what is due, up to a limit, and says when it is to be called again: undefined if nothing is in sight. Can be ended at any moment: what is left is
 * still due. One chore that fails keeps none of the others from being done.
 * @throws what the first of those that failed has thrown
 */
export async function keepHouse(services: Services): Promise<number | undefined> {
  const now = services.clock();
  const failures: unknown[] = [];
  for (const chore of CHORES) {
    try {
      for (let round = 0; round < MAX_ROUNDS && (await isDue(services, chore, now)); round++) await chore.run(services, now);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  const next = await nextDue(services);
  return next === undefined ? undefined : Math.max(next, now + PAUSE_MS);
}

/** When there is something to do, in milliseconds since 1970; undefined if nothing is in sight. Changes nothing. */
export async function nextDue({ store, clock }: Pick<Services, 'store' | 'clock'>): Promise<number | undefined> {
  const times = await store.read((tx) => Promise.all(CHORES.map((chore) => chore.nextDue(tx, clock()))));
  return earliest(times);
}

/** The store, telling when something that is written to it falls due, whatever becomes of the write. */
export function dueTellingStore(store: KvStore, tell: (at: number) => void): KvStore {
  return {
    read: (body, options) => store.read(body, options),
    async write(body, options) {
      let due: number | undefined;
      try {
        return await store.write(async (tx) => {
          const outcome = await body(tx);
          due = earliest(outcome.writes.map(dueAfter));
          return outcome;
        }, options);
      } finally {
        if (due !== undefined) tell(due);
      }
    },
    close: () => store.close(),
  };
}

async function isDue({ store }: Services, chore: Chore, now: number): Promise<boolean> {
  const due = await store.read((tx) => chore.nextDue(tx, now));
  return due !== undefined && due <= now;
}

function dueAfter(write: Write): number | undefined {
  return write.kind === 'put' ? earliest(CHORES.map((chore) => chore.dueAfter(write.key))) : undefined;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
