import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { EventHook, FaultHost } from '@sealkv/core/testing';
import { InjectedFault } from '@sealkv/core/testing';
import { durableStore } from '../../packages/worker/src/durable-store.ts';
import { faultyStorage } from '../../packages/worker/src/testing.ts';
import { inObject } from './in-object.ts';

/**
 * Real Durable Objects as a host of the fault matrix: the whole operation runs inside the object, every SQL statement is an event, and where a
 * process is to die the object is ended by `abort()`; who looks afterwards meets a new instance of it.
 */
export function durableHost(name: string): FaultHost {
  let objects = 0;
  return {
    name,
    async create(records) {
      const object = `${name} ${objects++}`;
      if (records.length > 0) {
        await inObject(object, ({ storage }) =>
          durableStore(storage).write(async () => ({ result: undefined, writes: records.map((record) => ({ kind: 'put', ...record })) })),
        );
      }
      return {
        use: (work, at) =>
          inObject(object, (state) => {
            if (at === undefined) return work(durableStore(state.storage), () => undefined);
            const hook: EventHook = (event) => {
              try {
                at(event);
              } catch (fault) {
                if (fault instanceof InjectedFault && fault.fatal) state.abort(fault.message);
                throw fault;
              }
            };
            // What remembers is what serves; who looks afterwards looks for himself.
            return work(durableStore(faultyStorage(state, { onEvent: (_, event) => faultAt(at, event) }), { remembers: true }), hook);
          }),
        // Or thousands of them would each keep its database open.
        discard: () => evictDurableObject(env.STORE_HOST.getByName(object)),
      };
    },
  };
}

// The port has a commit of its own; this one is that the closure of the storage's transaction is about to return.
const NAMES: Readonly<Record<string, string>> = { commit: 'native commit', committed: 'completed' };

function faultAt(at: EventHook, event: string): 'go' | 'throw' | 'crash' {
  try {
    at(NAMES[event] ?? event);
    return 'go';
  } catch (fault) {
    return fault instanceof InjectedFault && fault.fatal ? 'crash' : 'throw';
  }
}
