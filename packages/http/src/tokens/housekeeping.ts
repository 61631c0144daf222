import type { ReadTx, Write } from '@sealkv/core';
import { below, expiriesPrefix, expiryKey, leftoverKey, parseExpiryKey } from '../records.ts';
import { loadEntry, removeTree } from './token-store.ts';

/**
 * The writes that remove, of what nobody can use any more, `limit` tokens at most: those that have expired and all that descend from them, and what
 * is left over of families that were too big to end at once. None if there are none; else it is to be run again.
 */
export async function sweepTokens(tx: ReadTx, now: number, limit: number): Promise<Write[]> {
  const writes: Write[] = [];
  let left = limit;
  const remove = async (hash: string): Promise<void> => {
    const tree = await removeTree(tx, hash, left);
    writes.push(...tree.writes);
    left -= tree.removed;
  };

  const leftovers = leftoverKey('');
  for (const key of await tx.scanKeys({ ...below(leftovers), limit })) {
    if (left <= 0) break;
    await remove(key.slice(leftovers.length));
  }
  for (const key of await tx.scanKeys({ from: expiriesPrefix, to: expiryKey(now + 1, ''), limit })) {
    if (left <= 0) break;
    const { expiresAt, hash } = parseExpiryKey(key);
    if ((await loadEntry(tx, hash))?.expiresAt === expiresAt) await remove(hash);
    else writes.push({ kind: 'delete', key });
  }
  return writes;
}
