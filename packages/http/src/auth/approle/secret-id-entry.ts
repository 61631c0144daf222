import type { ReadTx, Write } from '@sealkv/core';
import type { Out } from '../../json-out.ts';
import { sortedByName } from '../../json-out.ts';
import type { Keys } from '../../keys.ts';
import { authDataPrefix, below, putRecord, readRecord, sortable } from '../../records.ts';
import { formatTime } from '../../time.ts';

/** A secret id as it is stored: under its keyed hash, for it is a password. Times are milliseconds since 1970. */
export interface SecretId {
  /** A random UUID that names it without being it. */
  readonly accessor: string;
  /** Logins left; 0: any number. */
  readonly numUses: number;
  /** Seconds, as asked for; 0: for ever. */
  readonly ttl: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt?: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/*
 * Below a mount's prefix:
 *   s/<role>/<hash>           a secret id
 *   c/<role>/<accessor>       its hash
 *   e/<expiry>/<role>/<hash>  nothing: secret ids by the time they expire. Those of a role that is gone stay until then.
 */
const secretIdsPrefix = (mountId: string, role: string): string => `${authDataPrefix(mountId)}s/${role}/`;
export const accessorsPrefix = (mountId: string, role: string): string => `${authDataPrefix(mountId)}c/${role}/`;
const expiriesPrefix = (mountId: string): string => `${authDataPrefix(mountId)}e/`;

/** All that there is of the secret ids of a role. */
export const secretIdsOfRole = (mountId: string, role: string): string[] => [secretIdsPrefix(mountId, role), accessorsPrefix(mountId, role)];

export function hashSecretId(keys: Keys, mountId: string, secretId: string): Promise<string> {
  return keys.mac('login', `secret id ${mountId} ${secretId.trim()}`);
}

/** The secret id with this hash, if it is still good at that time. */
export async function loadSecretId(tx: ReadTx, mountId: string, role: string, hash: string, now: number): Promise<SecretId | undefined> {
  const secretId = await loadStored(tx, mountId, role, hash);
  return secretId && isExpired(secretId, now) ? undefined : secretId;
}

/** The secret id with this hash, good or not. */
export async function loadStored(tx: ReadTx, mountId: string, role: string, hash: string): Promise<SecretId | undefined> {
  const bytes = await tx.get(secretIdsPrefix(mountId, role) + hash);
  return bytes && readRecord<SecretId>(bytes).facts;
}

export function isExpired({ expiresAt }: SecretId, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** The hash of the secret id with this accessor. */
export async function findByAccessor(tx: ReadTx, mountId: string, role: string, accessor: string): Promise<string | undefined> {
  if (!/^[0-9a-f-]{36}$/.test(accessor)) return undefined;
  const bytes = await tx.get(accessorsPrefix(mountId, role) + accessor);
  return bytes && readRecord<{ hash: string }>(bytes).facts.hash;
}

export function putSecretId(mountId: string, role: string, hash: string, secretId: SecretId): Write[] {
  const { accessor, expiresAt } = secretId;
  const writes = [putRecord(secretIdsPrefix(mountId, role) + hash, secretId), putRecord(accessorsPrefix(mountId, role) + accessor, { hash })];
  return expiresAt === undefined ? writes : [...writes, putRecord(expiryKey(mountId, role, hash, expiresAt), {})];
}

export function deleteSecretId(mountId: string, role: string, hash: string, { accessor, expiresAt }: SecretId): Write[] {
  const keys = [secretIdsPrefix(mountId, role) + hash, accessorsPrefix(mountId, role) + accessor];
  if (expiresAt !== undefined) keys.push(expiryKey(mountId, role, hash, expiresAt));
  return keys.map((key) => ({ kind: 'delete', key }));
}

/** One login less; the last one takes it away. */
export function useSecretId(mountId: string, role: string, hash: string, secretId: SecretId, now: number): Write[] {
  const { numUses } = secretId;
  if (numUses === 0) return [];
  if (numUses === 1) return deleteSecretId(mountId, role, hash, secretId);
  return [putRecord(secretIdsPrefix(mountId, role) + hash, { ...secretId, numUses: numUses - 1, updatedAt: now })];
}

/** Removes up to `limit` secret ids of a mount that have expired, the first to expire first. */
export async function sweepSecretIds(tx: ReadTx, mountId: string, now: number, limit: number): Promise<Write[]> {
  const prefix = expiriesPrefix(mountId);
  const writes: Write[] = [];
  for (const key of await tx.scanKeys({ from: prefix, to: `${prefix}${sortable(now + 1)}`, limit })) {
    writes.push({ kind: 'delete', key });
    const [, role = '', hash = ''] = key.slice(prefix.length).split('/');
    const secretId = await loadStored(tx, mountId, role, hash);
    // A role of the same name may have been made since, with an id of the same text.
    if (secretId !== undefined && isExpired(secretId, now)) writes.push(...deleteSecretId(mountId, role, hash, secretId));
  }
  return writes;
}

/** When the next one of a mount expires, in milliseconds since 1970; undefined if none does. */
export async function nextSecretIdExpiry(tx: ReadTx, mountId: string): Promise<number | undefined> {
  const [key] = await tx.scanKeys({ ...below(expiriesPrefix(mountId)), limit: 1 });
  return key === undefined ? undefined : expiryOf(key);
}

/** When the secret id of a key of that kind expires; undefined for any other key. */
export function expiryOf(key: string): number | undefined {
  const [, digits] = /^x\/a\/[0-9a-f]+\/e\/([0-9a-f]{12})\//.exec(key) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

function expiryKey(mountId: string, role: string, hash: string, expiresAt: number): string {
  return `${expiriesPrefix(mountId)}${sortable(expiresAt)}/${role}/${hash}`;
}

/** As lookups show it. */
export function secretIdOut({ accessor, numUses, ttl, createdAt, updatedAt, expiresAt, metadata }: SecretId): Out {
  return {
    cidr_list: [],
    creation_time: formatTime(createdAt),
    expiration_time: expiresAt === undefined ? '0001-01-01T00:00:00Z' : formatTime(expiresAt),
    last_updated_time: formatTime(updatedAt),
    metadata: sortedByName(Object.entries(metadata)),
    secret_id_accessor: accessor,
    secret_id_num_uses: numUses,
    secret_id_ttl: ttl,
    token_bound_cidrs: [],
  };
}
