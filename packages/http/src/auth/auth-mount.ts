import type { KvStore, MountTuning, ReadTx, Write } from '@sealkv/core';
import { ApiError } from '../api-error.ts';
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
}

/** The login that a token is from: it ends with the auth mount. */
export interface TokenLogin {
  readonly mountPath: string;
  readonly mountId: string;
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

/** Whether the mount of a login is still the one at its path. Tokens of one that is not are none. */
export async function isLoginValid(tx: ReadTx, login: TokenLogin | undefined): Promise<boolean> {
  return login === undefined || (await authMountAt(tx, login.mountPath))?.id === login.mountId;
}

export function putAuthMount({ path, ...facts }: AuthMount): Write {
  return putRecord(authMountKey(path), facts);
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
