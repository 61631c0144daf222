import type { Entry, KeyRange, ReadTx, Write } from '@sealkv/core';
import { prefixEnd, StoreError } from '@sealkv/core';

/**
 * The keys of everything that the API itself keeps, all below `x/`, and the one format of their records: a line of JSON with its format's number,
 * and, after the line feed, sealed bytes if there are any. Who owns what:
 *
 * ```text
 * x/t/h/<token hash>                a token: tokens/token-entry.ts
 * x/t/a/<accessor>                  the hash of the token with this accessor
 * x/t/c/<parent hash>/<token hash>  a token's children
 * x/t/e/<expiry>/<token hash>       tokens by the time they expire
 * x/t/l/<token hash>                a token that is gone while others below it are not: tokens/token-store.ts
 * x/t/r/<name>                      a role that tokens are made with: tokens/token-role.ts
 * x/y/s/<accessor>/<path>           a secret of a token's own: cubbyhole/cubbyhole-store.ts
 * x/y/e/<accessor>                  a token that has ended, whose cubbyhole is still to be emptied
 * x/p/<name>                        a policy: policies/policy-store.ts
 * x/n/c/<name>                      a namespace, in the root object: namespaces/namespace-entry.ts
 * x/n/d/<id>                        the object of a namespace that is gone, until it is empty
 * x/n/own                           which namespace this is, in any other object
 * x/w/<token hash>                  the answer that a wrapping token opens: wrapping/wrapped-answer.ts
 * x/g/                              what is looked at with every request: edge-settings.ts
 * x/g/audit                         whether and how requests are recorded: audit/audit-device.ts
 * x/g/cors                          which web pages may call: cors.ts
 * x/g/limit/<name>                  a rate limit: quotas/rate-limit.ts
 * x/l/<number>/<time>               a record of a request: audit/audit-log.ts
 * x/m/<path>                        an auth mount: auth/auth-mount.ts
 * x/a/<auth mount id>/...           what an auth mount keeps: files under auth/userpass, auth/approle, auth/jwt; l/<name>: auth/lockout.ts
 * x/u/<auth mount id>               an auth mount that is gone, until what it kept is gone too
 * x/i/init                          since when the namespace has a root token of its own: sys/init.ts
 * ```
 */
const FORMAT = 1;

export const tokenKey = (hash: string): string => `x/t/h/${hash}`;
export const accessorKey = (accessor: string): string => `x/t/a/${accessor}`;
export const childKey = (parent: string, hash: string): string => `x/t/c/${parent}/${hash}`;
export const expiryKey = (expiresAt: number, hash: string): string => `x/t/e/${sortable(expiresAt)}/${hash}`;
export const expiriesPrefix = 'x/t/e/';
export const leftoverKey = (hash: string): string => `x/t/l/${hash}`;
export const tokenRoleKey = (name: string): string => `x/t/r/${name}`;
export const cubbyholesPrefix = 'x/y/s/';
export const cubbyholePrefix = (accessor: string): string => `x/y/s/${accessor}/`;
export const endedCubbyholesPrefix = 'x/y/e/';
export const endedCubbyholeKey = (accessor: string): string => `x/y/e/${accessor}`;
export const namespaceKey = (name: string): string => `x/n/c/${name}`;
export const dyingNamespaceKey = (id: string): string => `x/n/d/${id}`;
export const ownNamespaceKey = 'x/n/own';
export const authMountKey = (path: string): string => `x/m/${path}`;
export const authMountsPrefix = 'x/m/';
export const authDataPrefix = (mountId: string): string => `x/a/${mountId}/`;
export const authPurgeKey = (mountId: string): string => `x/u/${mountId}`;
export const authPurgesPrefix = 'x/u/';
export const initKey = 'x/i/init';
export const policyKey = (name: string): string => `x/p/${name}`;
export const wrappedKey = (hash: string): string => `x/w/${hash}`;
export const edgePrefix = 'x/g/';
export const corsKey = 'x/g/cors';
export const auditDeviceKey = 'x/g/audit';
export const auditLogPrefix = 'x/l/';
export const rateLimitKey = (name: string): string => `x/g/limit/${name}`;

/** All keys that start with a prefix, which ends in a slash. */
export function below(prefix: string): KeyRange {
  return { from: prefix, to: prefixEnd(prefix) };
}

const BATCH = 500;

/** Visits all entries below a prefix in their order, reading some at a time. */
export async function forEachEntry(tx: ReadTx, prefix: string, visit: (entry: Entry) => Promise<void> | void): Promise<void> {
  let range = { ...below(prefix), limit: BATCH };
  for (;;) {
    const entries = await tx.scan(range);
    for (const entry of entries) await visit(entry);
    if (entries.length < BATCH) return;
    range = { ...range, from: `${entries.at(-1)!.key}\0` };
  }
}

/** A time in milliseconds, as text that sorts as the times do. */
export function sortable(ms: number): string {
  return Math.max(0, ms).toString(16).padStart(12, '0');
}

export function parseExpiryKey(key: string): { readonly expiresAt: number; readonly hash: string } {
  const [expiry, hash] = key.slice(expiriesPrefix.length).split('/');
  return { expiresAt: Number.parseInt(expiry!, 16), hash: hash! };
}

export function putRecord(key: string, facts: object, sealed?: Uint8Array): Write {
  const line = new TextEncoder().encode(`${JSON.stringify({ f: FORMAT, ...facts })}\n`);
  const value = new Uint8Array(line.length + (sealed?.length ?? 0));
  value.set(line);
  if (sealed !== undefined) value.set(sealed, line.length);
  return { kind: 'put', key, value };
}

/** @throws StoreError `CORRUPT`, `NEWER_FORMAT` */
export function readRecord<T>(bytes: Uint8Array): { readonly facts: T; readonly sealed: Uint8Array } {
  const end = bytes.indexOf(10);
  let facts: { f: number };
  try {
    facts = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  } catch (cause) {
    throw new StoreError('CORRUPT', 'a record is not readable', { cause });
  }
  const { f, ...rest } = facts;
  if (f > FORMAT) throw new StoreError('NEWER_FORMAT', `a record has format ${f}; this version of SealKV reads up to ${FORMAT}`);
  return { facts: rest as T, sealed: bytes.slice(end + 1) };
}
