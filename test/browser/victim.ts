import type { EventHook } from '@sealkv/core/testing';
import { COMMIT_REQUESTED, matrixOperations, observedStore, runOperation, tornStore } from '@sealkv/core/testing';
import { idbStore } from '@sealkv/idb-adapter';
import { reporting } from '../fault/idb-host.ts';

export interface Task {
  readonly database: string;
  readonly operation: string;
  readonly now: number;
  readonly n: number;
  /** For the negative control: commit write by write. */
  readonly torn: boolean;
}

/** The event at which the page ended; null if the operation got through. */
export type Death = { readonly event: string; readonly requested: boolean } | null;

// A page of its own, for one operation. At the n-th event it is gone from one statement to the next, with all that it has open.
const frame = frameElement as HTMLIFrameElement;
const { database, operation, now, n, torn } = JSON.parse(frame.name) as Task;

let events = 0;
let requested = false;
const at: EventHook = (event) => {
  if (COMMIT_REQUESTED.has(event)) requested = true;
  if (events++ !== n) return;
  end({ event, requested });
  throw new Error('dead'); // for what may still run; the page's connections are no more
};

const { commit } = IDBTransaction.prototype;
IDBTransaction.prototype.commit = function () {
  commit.call(this);
  at('commit requested');
};

const store = idbStore(database, { indexedDB: reporting(at) });
const found = matrixOperations.find(({ name }) => name === operation)!;
await runOperation(found, observedStore(torn ? tornStore(store, at) : store, at), { now, at }).catch(() => undefined);
end(null);

function end(detail: Death): void {
  frame.dispatchEvent(new CustomEvent<Death>('end', { detail }));
  frame.remove();
}
