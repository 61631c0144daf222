import type { ReadTx, Write } from '@sealkv/core';
import { deleteUpTo } from '@sealkv/core';
import { authDataPrefix, authPurgesPrefix, below } from '../records.ts';
import { nextSecretIdExpiry, sweepSecretIds } from './approle/secret-id-entry.ts';
import { listAuthMounts } from './auth-mount.ts';

/** The writes that remove up to `limit` records of an auth mount that is gone; none if there is none. */
export async function purgeAuthMounts(tx: ReadTx, limit: number): Promise<Write[]> {
  const [purge] = await tx.scanKeys({ ...below(authPurgesPrefix), limit: 1 });
  if (purge === undefined) return [];
  const { write, isAll } = await deleteUpTo(tx, below(authDataPrefix(purge.slice(authPurgesPrefix.length))), limit);
  return isAll ? [write, { kind: 'delete', key: purge }] : [write];
}

/** The writes that remove up to `limit` secret ids which have expired, of one mount; none if there are none. */
export async function sweepExpiredSecretIds(tx: ReadTx, now: number, limit: number): Promise<Write[]> {
  for (const { id, type } of await listAuthMounts(tx)) {
    const writes = type === 'approle' ? await sweepSecretIds(tx, id, now, limit) : [];
    if (writes.length > 0) return writes;
  }
  return [];
}

/** When the next secret id expires, in milliseconds since 1970; undefined if none does. */
export async function nextSecretIdDue(tx: ReadTx): Promise<number | undefined> {
  const mounts = (await listAuthMounts(tx)).filter(({ type }) => type === 'approle');
  const times = await Promise.all(mounts.map(({ id }) => nextSecretIdExpiry(tx, id)));
  return times.reduce((a, b) => (a === undefined ? b : b === undefined ? a : Math.min(a, b)), undefined);
}
