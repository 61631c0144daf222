import type { ReadTx, Write } from '@sealkv/core';
import type { ApiError } from '../api-error.ts';
import { permissionDenied } from '../api-error.ts';
import { isLoginValid } from '../auth/auth-mount.ts';
import type { Redacted } from '../redacted.ts';
import type { Issuer } from './batch-token.ts';
import { openBatchToken } from './batch-token.ts';
import type { TokenEntry } from './token-entry.ts';
import { putToken, ROOT_PARENT } from './token-entry.ts';
import { endToken, isExpired, loadToken } from './token-store.ts';
import { notAWrappingToken } from '../wrapping/wrapped-answer.ts';

/** A token's text as far as it can be looked at outside of a transaction: WebCrypto is done with here. */
export type Credentials =
  | { readonly kind: 'root'; readonly id: string }
  | { readonly kind: 'stored'; readonly id: string; readonly hash: string }
  | { readonly kind: 'batch'; readonly id: string; readonly hash: string; readonly entry: TokenEntry }
  | ({ readonly kind: 'delegate' } & Delegate)
  /** Presented where a wrapping token opens what it wraps; anywhere else it is no token. */
  | { readonly kind: 'wrapping'; readonly id: string; readonly hash: string };

/** Somebody of the root namespace, verified there, in another one. Their policies are those of the root namespace. */
export interface Delegate {
  readonly entry: TokenEntry;
  /** The texts of the policies, whose paths begin with `prefix` where they are about this namespace. */
  readonly policyTexts: readonly string[];
  /** The namespace's path: `ns1/`. */
  readonly prefix: string;
}

/** Whoever sent a request, and what the token says of them. */
export interface Principal {
  readonly id: string;
  /** What children of the token name as their parent; undefined where it can have none. */
  readonly hash: string | undefined;
  /** As it is after this request: a use is already taken off. */
  readonly entry: TokenEntry;
  /** Of the root namespace, in another one. */
  readonly fromOutside?: true;
}

/** What is known of a token text; undefined if it can't be a token. */
export async function credentialsOf(id: string, issuer: Issuer & { readonly rootToken: Redacted | undefined }): Promise<Credentials | undefined> {
  const { keys, rootToken } = issuer;
  // Comparing keyed hashes takes the same time whatever the texts are.
  const [hash, rootHash] = await Promise.all([keys.mac('token', id), rootToken && keys.mac('token', rootToken.reveal())]);
  if (hash === rootHash) return { kind: 'root', id };
  if (!id.startsWith('b.')) return { kind: 'stored', id, hash };
  const entry = await openBatchToken(id, issuer);
  return entry && { kind: 'batch', id, hash, entry };
}

/**
 * The principal of these credentials, if they are valid at this moment, and the writes that take one use off.
 */
export async function loadPrincipal(
  tx: ReadTx,
  credentials: Credentials,
  now: number,
): Promise<{ readonly principal: Principal; readonly writes: Write[] } | undefined> {
  const id = credentials.kind === 'delegate' ? '' : credentials.id;
  switch (credentials.kind) {
    case 'root':
      return { principal: { id, hash: ROOT_PARENT, entry: ROOT_ENTRY }, writes: [] };
    case 'delegate': {
      const { entry } = credentials;
      // The root token of the binding never ends, so it can be the parent of tokens anywhere; of any other one, another root token included, this
      // object would not learn that it ended.
      return { principal: { id, hash: isOfBinding(entry) ? ROOT_PARENT : undefined, entry, fromOutside: true }, writes: [] };
    }
    case 'wrapping': {
      const entry = await loadToken(tx, credentials.hash, now);
      return entry?.type === 'wrapping' ? { principal: { id, hash: credentials.hash, entry }, writes: [] } : undefined;
    }
    case 'batch': {
      const { entry } = credentials;
      return (await isAliveBatch(tx, entry, now)) ? { principal: { id, hash: undefined, entry }, writes: [] } : undefined;
    }
    case 'stored': {
      const { hash } = credentials;
      const before = await loadToken(tx, hash, now);
      // A wrapping token opens what it wraps and nothing else.
      if (before === undefined || before.type === 'wrapping') return undefined;
      if (before.numUses === 0) return { principal: { id, hash, entry: before }, writes: [] };
      // OpenBao shows -1 at the last use; the token ends with it.
      const entry = { ...before, numUses: before.numUses === 1 ? -1 : before.numUses - 1 };
      return { principal: { id, hash, entry }, writes: entry.numUses < 0 ? await endToken(tx, hash, before) : putToken(hash, entry, before) };
    }
    default:
      return credentials satisfies never;
  }
}

/** Whether a batch token is in its time, and what it came from is still there: its parent, or where it logged in. */
export async function isAliveBatch(tx: ReadTx, entry: TokenEntry, now: number): Promise<boolean> {
  if (entry.expiresAt === undefined || isExpired(entry, now) || !(await isLoginValid(tx, entry.login))) return false;
  if (entry.parent === undefined || entry.parent === ROOT_PARENT) return true;
  const parent = await loadToken(tx, entry.parent, now);
  return parent !== undefined && parent.accessor === entry.parentAccessor;
}

/** Tells holders of tokens apart. */
export function holderOf(credentials: Credentials): string {
  if (credentials.kind === 'root') return 'root';
  return credentials.kind === 'delegate' ? credentials.entry.accessor : credentials.hash;
}

/** What is told to who has no valid token. */
export function unknownToken({ kind }: Credentials): ApiError {
  return kind === 'wrapping' ? notAWrappingToken() : permissionDenied();
}

/** Whether this is {@link ROOT_ENTRY}, also after a way through messages: all other tokens that are no batch tokens have an accessor. */
function isOfBinding({ type, accessor }: TokenEntry): boolean {
  return type === 'service' && accessor === '';
}

/** The root token of the binding: it has no record, and never ends. It looks like one that was made with an id of one's own, as OpenBao's `-dev` does. */
export const ROOT_ENTRY: TokenEntry = {
  accessor: '',
  policies: ['root'],
  path: 'auth/token/create',
  displayName: 'token',
  numUses: 0,
  createdAt: 0,
  creationTtl: 0,
  explicitMaxTtl: 0,
  period: 0,
  renewable: false,
  type: 'service',
};
