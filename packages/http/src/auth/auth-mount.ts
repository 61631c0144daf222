import type { KvStore, MountTuning, ReadTx, Remount, Write } from '@sealkv/core';
import { ApiError, badRequest } from '../api-error.ts';
import { authDataPrefix, authMountKey, authMountsPrefix, authPurgeKey, below, putRecord, readRecord } from '../records.ts';
import type { Lockout } from './lockout.ts';

export type AuthType = 'approle' | 'jwt' | 'userpass';

/** Which tokens a mount's logins give. Without `default`, whatever a user or role says. */
export type MountTokenType = 'default-service' | 'default-batch' | 'service' | 'batch';

/** A place where people log in, as it is stored under its path. */
export interface AuthMount {
  /** Behind `auth/`; ends in a slash. */
  readonly path: string;
  /** 32 random hexadecimal digits, never used again: all of the mount's records lie under it, and its tokens name it. */
  readonly id: string;
  readonly type: AuthType;
  readonly description: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly tokenType: MountTokenType;
  readonly tuning: MountTuning;
  /** Undefined: as Vault does by default. */
  readonly lockout?: Partial<Lockout> | undefined;
  readonly lastRemount?: Remount | undefined;
}

/** The login that a token is from: it ends with the auth mount, and with its move to another path. */
export interface TokenLogin {
  readonly mountPath: string;
  readonly mountId: string;
  /** The last move of the mount before the login: a mount that moves away and back does not bring its tokens back. */
  readonly remountId?: string | undefined;
  /** The user or role that it was for, which renewals ask again. */
  readonly name: string;
}

export function accessorOf({ type, id }: Pick<AuthMount, 'id'> & { readonly type: string }): string {
  return `auth_${type}_${id.slice(0, 8)}`;
}

/** The mount that a path (behind `auth/`) lies in. Mounts don't nest, so it is the last one not after the path. */
export async function findAuthMount(tx: ReadTx, path: string): Promise<AuthMount | undefined> {
  const [last] = await tx.scan({ from: authMountsPrefix, to: `${authMountKey(path)}\0`, reverse: true, limit: 1 });
  const mount = last && decode(last.key, last.value);
  return mount && path.startsWith(mount.path) ? mount : undefined;
}

/** The mount with just this path. */
export async function authMountAt(tx: ReadTx, path: string): Promise<AuthMount | undefined> {
  const bytes = await tx.get(authMountKey(path));
  return bytes && decode(authMountKey(path), bytes);
}

/** All, by path. */
export async function listAuthMounts(tx: ReadTx): Promise<AuthMount[]> {
  return (await tx.scan(below(authMountsPrefix))).map(({ key, value }) => decode(key, value));
}

const MAX_PATH_BYTES = 255;

/** @throws ApiError 400 if no auth mount may have the path */
export function checkAuthMountPath(path: string): void {
  if (new TextEncoder().encode(path).length > MAX_PATH_BYTES) throw badRequest(`the path of a mount can have ${MAX_PATH_BYTES} bytes`);
}

/** The path of the mount that takes a path, lies in it or around it. Without the built-in one of tokens. */
export async function conflictingAuthMount(tx: ReadTx, path: string): Promise<string | undefined> {
  return (await listAuthMounts(tx)).map((mount) => mount.path).find((other) => other.startsWith(path) || path.startsWith(other));
}

/** Whether the mount of a login is still the one at its path, and was all the time. Tokens of one that is not are none. */
export async function isLoginValid(tx: ReadTx, login: TokenLogin | undefined): Promise<boolean> {
  if (login === undefined) return true;
  const mount = await authMountAt(tx, login.mountPath);
  return mount?.id === login.mountId && mount.lastRemount?.id === login.remountId;
}

export function putAuthMount({ path, ...facts }: AuthMount): Write {
  return putRecord(authMountKey(path), facts);
}

/** Gives a mount another path. Its users, roles and settings come along; its tokens are none from then on, as in OpenBao. */
export function moveAuthMount(mount: AuthMount, path: string, remountId: string): Write[] {
  return [{ kind: 'delete', key: authMountKey(mount.path) }, putAuthMount({ ...mount, path, lastRemount: { id: remountId, from: mount.path } })];
}

// Of more records, the rest is removed by housekeeping.
const MAX_REMOVED_AT_ONCE = 1000;

/**
 * Removes a mount: its tokens are none from then on. What it kept goes with it, or, if that is much, becomes unreachable and goes on the list of what
 * `purgeAuthMounts` removes.
 */
export async function removeAuthMount(tx: ReadTx, { path, id }: AuthMount): Promise<Write[]> {
  const range = below(authDataPrefix(id));
  const isSmall = (await tx.scanKeys({ ...range, limit: MAX_REMOVED_AT_ONCE + 1 })).length <= MAX_REMOVED_AT_ONCE;
  return [{ kind: 'delete', key: authMountKey(path) }, isSmall ? { kind: 'deleteRange', ...range } : putRecord(authPurgeKey(id), {})];
}

/** A mount's store: each transaction first looks whether the mount is still there, so that nothing is written below one that is gone. */
export function mountedStore(store: KvStore, { path, id }: AuthMount): KvStore {
  const check = async (tx: ReadTx): Promise<void> => {
    if ((await authMountAt(tx, path))?.id !== id) throw noHandler(`auth/${path}`);
  };
  return {
    read: (body, options) => store.read(async (tx) => (await check(tx), body(tx)), options),
    write: (body, options) => store.write(async (tx) => (await check(tx), body(tx)), options),
    close: () => store.close(),
  };
}

/** There is no mount at a path. */
export function noHandler(path: string): ApiError {
  return new ApiError(404, `no handler for route "${path}". route entry not found.`);
}

function decode(key: string, bytes: Uint8Array): AuthMount {
  return { path: key.slice(authMountsPrefix.length), ...readRecord<Omit<AuthMount, 'path'>>(bytes).facts };
}
