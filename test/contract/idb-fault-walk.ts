import type { KvStore, Write } from '@sealkv/core';
import { isSealKvError, StoreError } from '@sealkv/core';
import type { OpenOptions } from '@sealkv/idb-adapter';
import { idbStore } from '@sealkv/idb-adapter';
import type { NativeFault } from '@sealkv/idb-adapter/testing';
import { faultyIndexedDB } from '@sealkv/idb-adapter/testing';

// The requests from this one on come with the commit: nobody waits for their answers, so that no time has to pass if there is none.
const WITH_THE_COMMIT = 7;

const OLD = { a: 'old', 'b/1': 'old', 'b/2': 'old' };
const NEW = { a: 'new', c: 'new' };

/**
 * One write at every native event in turn, until it gets through: `event: outcome, state left` for each. Throws if a state is neither the one before
 * nor the one after, if the outcome lied about it, or if the next write does not work. `twice`: the second attempt meets the same at the same place.
 */
export async function walkNativeFaults(fault: NativeFault, { twice = false } = {}): Promise<string[]> {
  const report: string[] = [];
  for (let at = 0; ; at++) {
    const name = `${fault} at ${at}${twice ? ' twice' : ''}`;
    const sound = idbStore(name);
    await sound.write(async () => ({ result: undefined, writes: Object.entries(OLD).map(([key, value]) => put(key, value)) }));

    let event: string | undefined;
    let told: string | undefined;
    let sinceOpen = 0;
    const died = Promise.withResolvers<'died'>();
    const indexedDB = faultyIndexedDB(globalThis.indexedDB, {
      onEvent(n, eventName) {
        sinceOpen = eventName === 'open' ? 0 : sinceOpen + 1;
        if (n !== at && !(twice && told === undefined && n > at && sinceOpen === at)) return 'go';
        event = eventName;
        if (fault === 'crash') died.resolve('died');
        return fault;
      },
    });
    const time = handTime();
    const store = idbStore(name, { indexedDB, after: time.after });
    // Only where nothing else will end the waiting: a slow machine is no storage that hangs.
    const isWaitedFor = (): boolean => fault === 'refuse' || (fault === 'hang' && (at < WITH_THE_COMMIT || event === 'complete'));
    const isHanging = (): boolean => event !== undefined && isWaitedFor();
    const outcome = await time.passUntil(Promise.race([change(store).catch((error: unknown) => error), died.promise]), isHanging);
    const state = await dump(sound);
    if (event === undefined) {
      if (outcome !== 'done' || state !== JSON.stringify(NEW)) throw new Error(`without a fault: ${String(outcome)}, ${state}`);
      await Promise.all([store.close(), sound.close()]);
      return report;
    }

    const left = state === JSON.stringify(OLD) ? 'old' : state === JSON.stringify(NEW) ? 'new' : 'TORN';
    told = isSealKvError(outcome) ? outcome.code : String(outcome);
    if (left === 'TORN') throw new Error(`${name}, ${event}: ${state}`);
    if (outcome instanceof StoreError && outcome.applied === 'no' && left !== 'old')
      throw new Error(`${name}, ${event}: said that nothing was applied`);
    report.push(`${event}: ${told}, ${left}`);

    const survivor = fault === 'crash' ? sound : store;
    await change(survivor);
    if ((await dump(survivor)) !== JSON.stringify(NEW)) throw new Error(`${name}, ${event}: the next write was lost`);
    await sound.close();
  }
}

interface HandTime {
  readonly after: NonNullable<OpenOptions['after']>;
  /** Lets the time of all timers pass, again and again, from when `begins` says so until the promise settles. */
  passUntil<T>(settled: Promise<T>, begins: () => boolean): Promise<T>;
}

/** Timers that nobody waits for. */
export function handTime(): HandTime {
  const timers = new Set<() => void>();
  return {
    after(_, call) {
      const own = (): void => call();
      timers.add(own);
      return () => void timers.delete(own);
    },
    async passUntil(promise, begins) {
      let settled = false;
      const end = promise.finally(() => (settled = true));
      end.catch(() => undefined);
      while (!settled) {
        // What the storage has answered comes first.
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
        if (!begins()) continue;
        for (const timer of [...timers]) {
          timers.delete(timer);
          timer();
        }
      }
      return end;
    },
  };
}

/** Every kind of request there is. */
function change(store: KvStore): Promise<string> {
  return store.write(async (tx) => {
    await tx.get('a');
    await tx.scan({ from: 'a', to: 'c' });
    await tx.scanKeys({ from: 'a', to: 'c', reverse: true, limit: 2 });
    await tx.scan({ from: 'a', to: 'c', reverse: true, limit: 2 });
    return { result: 'done', writes: [put('a', 'new'), { kind: 'deleteRange', from: 'b/', to: 'b0' }, put('c', 'new')] };
  });
}

async function dump(store: KvStore): Promise<string> {
  const entries = await store.read((tx) => tx.scan({ from: '', to: 'z' }));
  return JSON.stringify(Object.fromEntries(entries.map(({ key, value }) => [key, new TextDecoder().decode(value)])));
}

function put(key: string, value: string): Write {
  return { kind: 'put', key, value: new TextEncoder().encode(value) };
}
