import type { EventHook, FaultDatabase, FaultHost } from '@sealkv/core/testing';
import { InjectedFault } from '@sealkv/core/testing';
import { idbStore } from '@sealkv/idb-adapter';
import type { NativeEvent, NativeFault } from '@sealkv/idb-adapter/testing';
import { faultyIndexedDB } from '@sealkv/idb-adapter/testing';

export interface IdbHostOptions {
  /** Where a process of its own can be had: see `FaultDatabase.kill`. */
  readonly kill?: (database: string, ...death: Parameters<NonNullable<FaultDatabase['kill']>>) => ReturnType<NonNullable<FaultDatabase['kill']>>;
}

/** IndexedDB as a host of the fault matrix: every request, every commit and its completion are events. */
export function idbHost(name: string, { kill }: IdbHostOptions = {}): FaultHost {
  let databases = 0;
  return {
    name,
    async create(records) {
      const database = `${name} ${databases++}`;
      const use: FaultDatabase['use'] = async (work, at) => {
        const store = idbStore(database, { indexedDB: at && reporting(at) });
        try {
          return await work(store, at ?? (() => undefined));
        } finally {
          await store.close();
        }
      };
      if (records.length > 0) {
        await use((store) => store.write(async () => ({ result: undefined, writes: records.map((record) => ({ kind: 'put', ...record })) })));
      }
      return {
        use,
        ...(kill && { kill: (operation, now, n) => kill(database, operation, now, n) }),
        discard: async () => void globalThis.indexedDB.deleteDatabase(database),
      };
    },
  };
}

/** IndexedDB that reports its native events, and fails where the hook throws. */
export function reporting(at: EventHook): IDBFactory {
  return faultyIndexedDB(globalThis.indexedDB, {
    onEvent(_, event): NativeFault {
      try {
        at(NAMES[event] ?? event);
        return 'go';
      } catch (fault) {
        return fault instanceof InjectedFault && fault.fatal ? 'crash' : 'throw';
      }
    },
  });
}

// The port has a commit of its own: that the body has returned.
const NAMES: Partial<Record<NativeEvent, string>> = { commit: 'native commit', complete: 'completed' };
