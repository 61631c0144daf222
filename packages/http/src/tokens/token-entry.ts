import type { Write } from '@sealkv/core';
import type { TokenLogin } from '../auth/auth-mount.ts';
import { accessorKey, childKey, expiryKey, putRecord, tokenKey, wrappedKey } from '../records.ts';

/**
 * A token as it is stored, under a keyed hash of its text: who can read the storage finds no token that works.
 * Times are milliseconds since 1970, durations seconds.
 */
export interface TokenEntry {
  /** Names the token without being one; also found by it. */
  readonly accessor: string;
  /** The hash of the token that made this one and takes it along when it ends; undefined for an orphan. `ROOT_PARENT`: the root token. */
  readonly parent?: string | undefined;
  /** Of a batch token: the accessor of its parent. An id of one's own may be used again, an accessor never is. */
  readonly parentAccessor?: string | undefined;
  readonly policies: readonly string[];
  /** The API path that made it. */
  readonly path: string;
  readonly displayName: string;
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /** Uses left; 0: any number. */
  readonly numUses: number;
  readonly createdAt: number;
  /** Undefined: never. */
  readonly expiresAt?: number | undefined;
  readonly creationTtl: number;
  readonly explicitMaxTtl: number;
  readonly period: number;
  readonly renewable: boolean;
  readonly type: 'service' | 'batch' | 'wrapping';
  readonly role?: string | undefined;
  readonly entityId?: string | undefined;
  /** Of a token from a login: what it was, and what it ends with. */
  readonly login?: TokenLogin | undefined;
  readonly lastRenewedAt?: number | undefined;
  /** Of a wrapping token: what its answer is sealed under, kept apart from it. */
  readonly wrappedId?: string | undefined;
}

/** The parent of tokens made with the root token of the binding, which has no record. */
export const ROOT_PARENT = 'root';

export function putToken(hash: string, entry: TokenEntry, before?: TokenEntry): Write[] {
  const writes: Write[] = [];
  if (before?.expiresAt !== undefined && before.expiresAt !== entry.expiresAt)
    writes.push({ kind: 'delete', key: expiryKey(before.expiresAt, hash) });
  writes.push(putRecord(tokenKey(hash), entry));
  if (before === undefined && entry.accessor !== '') writes.push(putRecord(accessorKey(entry.accessor), { hash }));
  if (before === undefined && entry.parent !== undefined) writes.push(putRecord(childKey(entry.parent, hash), {}));
  if (before?.parent !== undefined && entry.parent === undefined) writes.push({ kind: 'delete', key: childKey(before.parent, hash) });
  if (entry.expiresAt !== undefined && before?.expiresAt !== entry.expiresAt) writes.push(putRecord(expiryKey(entry.expiresAt, hash), {}));
  return writes;
}

export function deleteToken(hash: string, entry: TokenEntry): Write[] {
  const keys = [tokenKey(hash)];
  if (entry.accessor !== '') keys.push(accessorKey(entry.accessor));
  if (entry.parent !== undefined) keys.push(childKey(entry.parent, hash));
  if (entry.expiresAt !== undefined) keys.push(expiryKey(entry.expiresAt, hash));
  if (entry.type === 'wrapping') keys.push(wrappedKey(hash));
  return keys.map((key) => ({ kind: 'delete', key }));
}
