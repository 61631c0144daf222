import type { ReadTx } from '@sealkv/core';
import type { StoreOwner, StoreProblem } from '@sealkv/core/check';
import { accessorKey, below, cubbyholePrefix, cubbyholesPrefix, endedCubbyholeKey, endedCubbyholesPrefix } from '../records.ts';
import { ROOT_OWNER } from './cubbyhole-store.ts';

/** What tokens keep for themselves, and the list of what is still to be removed of it, which is checked with it. */
export const cubbyholeRecords: readonly StoreOwner[] = [
  { prefix: cubbyholesPrefix, check: checkCubbyholes },
  { prefix: endedCubbyholesPrefix, check: async () => [] },
];

/** Every cubbyhole has a token, or is on the list of those to be emptied; and that list names nothing else. */
async function checkCubbyholes(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const problems: StoreProblem[] = [];
  const ended = new Set((await tx.scanKeys(below(endedCubbyholesPrefix))).map((key) => key.slice(endedCubbyholesPrefix.length)));
  for (let range = below(cubbyholesPrefix); ;) {
    const [key] = await tx.scanKeys({ ...range, limit: 1 });
    if (key === undefined) break;
    const owner = key.slice(cubbyholesPrefix.length, key.indexOf('/', cubbyholesPrefix.length));
    const isOwned = owner === ROOT_OWNER || (await tx.get(accessorKey(owner))) !== undefined;
    const isEnded = ended.delete(owner);
    if (isOwned && isEnded) problems.push({ kind: 'inconsistent', key, detail: 'is to be removed, but has a token' });
    if (!isOwned && !isEnded) problems.push({ kind: 'orphan', key, detail: 'is of no token' });
    range = { ...range, from: below(cubbyholePrefix(owner)).to };
  }
  for (const owner of ended) problems.push({ kind: 'orphan', key: endedCubbyholeKey(owner), detail: 'has nothing left to remove' });
  return problems;
}
