import type { ReadTx, Write } from '@sealkv/core';
import { deleteUpTo } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import { below, cubbyholePrefix, endedCubbyholeKey, endedCubbyholesPrefix, putRecord } from '../records.ts';
import type { Principal } from '../tokens/credentials.ts';
import { ROOT_PARENT } from '../tokens/token-entry.ts';

/*
 * A token's cubbyhole: secrets that nobody else reaches, and that end with it. They lie under the token's accessor. Its hash would come again with an
 * id of one's own that is used again; an accessor never does.
 */

/** The owner of the cubbyhole of the root token, which has no accessor. Whatever token the binding names, it is the same one. */
export const ROOT_OWNER = 'root';

/** Whose cubbyhole a caller uses. A batch token has none, nor has somebody of another namespace, of whose end nothing would be known here. */
export function cubbyholeOwner({ hash, entry }: Principal): string | undefined {
  if (hash === ROOT_PARENT) return ROOT_OWNER;
  return hash === undefined || entry.type !== 'service' ? undefined : entry.accessor;
}

/** @throws ApiError 400 for who has none */
export function mustOwnCubbyhole(caller: Principal): string {
  const owner = cubbyholeOwner(caller);
  if (owner === undefined) throw badRequest("cubbyhole operations are only supported by 'service' type tokens");
  return owner;
}

/** How many records of one cubbyhole the transaction removes that ends its token. */
const MAX_CLEARED = 1000;

/**
 * Empties the cubbyhole of a token that ends. Of more than `limit` records nothing is removed yet: without the token they can't be reached, and are on the list
 * that {@link purgeCubbyholes} works off.
 */
export async function clearCubbyhole(tx: ReadTx, accessor: string, limit: number = MAX_CLEARED): Promise<Write[]> {
  const range = below(cubbyholePrefix(accessor));
  const keys = await tx.scanKeys({ ...range, limit: limit + 1 });
  if (keys.length === 0) return [];
  return keys.length > limit ? [putRecord(endedCubbyholeKey(accessor), {})] : [{ kind: 'deleteRange', ...range }];
}

/** Removes what is left of cubbyholes whose tokens have ended, `limit` records at most. */
export async function purgeCubbyholes(tx: ReadTx, limit: number): Promise<Write[]> {
  const [ended] = await tx.scanKeys({ ...below(endedCubbyholesPrefix), limit: 1 });
  if (ended === undefined) return [];
  const { write, isAll } = await deleteUpTo(tx, below(cubbyholePrefix(ended.slice(endedCubbyholesPrefix.length))), limit);
  return isAll ? [write, { kind: 'delete', key: ended }] : [write];
}
