import type { ReadTx } from '@sealkv/core';
import type { Credentials, Principal } from './credentials.ts';
import { isAliveBatch, ROOT_ENTRY } from './credentials.ts';
import type { TokenEntry } from './token-entry.ts';
import { ROOT_PARENT } from './token-entry.ts';
import { findByAccessor, loadToken } from './token-store.ts';

/** A valid token that a request is about. Being named is no use of it. */
export type NamedToken =
  /** That of the binding: it has no record. */
  | { readonly kind: 'root'; readonly entry: TokenEntry }
  | { readonly kind: 'batch'; readonly entry: TokenEntry }
  | { readonly kind: 'stored'; readonly hash: string; readonly entry: TokenEntry };

/** The caller's own. */
export function ownToken({ hash, entry }: Principal): NamedToken {
  if (hash === undefined) return { kind: 'batch', entry };
  return hash === ROOT_PARENT ? { kind: 'root', entry } : { kind: 'stored', hash, entry };
}

/** The token with these credentials; undefined if it is not valid. */
export async function loadNamed(tx: ReadTx, credentials: Credentials | undefined, caller: Principal, now: number): Promise<NamedToken | undefined> {
  switch (credentials?.kind) {
    case 'root':
      return { kind: 'root', entry: ROOT_ENTRY };
    case 'batch':
      return (await isAliveBatch(tx, credentials.entry, now)) ? { kind: 'batch', entry: credentials.entry } : undefined;
    case 'stored': {
      const entry = await loadToken(tx, credentials.hash, now);
      return entry && stored(credentials.hash, entry, caller);
    }
    // These are made of a request, never of a token that one names.
    case 'delegate':
    case 'wrapping':
    case undefined:
      return undefined;
    default:
      return credentials satisfies never;
  }
}

/** The token with this accessor; undefined if it is not valid. */
export async function loadByAccessor(tx: ReadTx, accessor: string, caller: Principal, now: number): Promise<NamedToken | undefined> {
  const found = await findByAccessor(tx, accessor, now);
  return found && stored(found.hash, found.entry, caller);
}

/** Of the caller's own token, this request has taken a use off that the store still shows. */
function stored(hash: string, entry: TokenEntry, caller: Principal): NamedToken {
  return { kind: 'stored', hash, entry: hash === caller.hash ? caller.entry : entry };
}
