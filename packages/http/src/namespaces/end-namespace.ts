import type { KvStore } from '@sealkv/core';
import { ownNamespaceKey } from '../records.ts';
import { loadOwnNamespace, putOwnNamespace } from './namespace-entry.ts';

/** Records removed in one transaction. */
const BATCH = 10_000;

/** Everything there is. */
const ALL = { from: '', to: '\u{10ffff}' };

/**
 * Ends a namespace. The first transaction leaves the mark that makes every later request refused; it and each further call remove a number of records,
 * until only the mark is left. Whether that is so.
 */
export function endNamespace(store: KvStore): Promise<boolean> {
  return store.write(async (tx) => {
    const keys = await tx.scanKeys({ ...ALL, limit: BATCH });
    const left = keys.filter((key) => key !== ownNamespaceKey);
    const ended = (await loadOwnNamespace(tx)) === 'ended';
    if (ended && left.length === 0) return { result: true, writes: [] };
    const mark = putOwnNamespace({ ended: true });
    const last = keys.at(-1);
    const removal = last === undefined ? [] : [{ kind: 'deleteRange' as const, from: ALL.from, to: `${last}\0` }];
    return { result: keys.length < BATCH, writes: [...removal, mark] };
  });
}
