import type { ReadTx } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import { limitsOf } from './new-token.ts';
import type { TokenEntry } from './token-entry.ts';
import { loadTokenRole } from './token-role.ts';
import { calculateTtl } from './ttl.ts';

/** What bounds a renewal besides the token itself: what its role, or the user or role of its login, says now. Seconds; 0: nothing. */
export interface RenewalTerms {
  readonly ttl?: number | undefined;
  readonly maxTtl?: number | undefined;
  readonly period?: number | undefined;
  readonly explicitMaxTtl?: number | undefined;
  /** Of the auth mount that it is from. */
  readonly maxLeaseTtl?: number | undefined;
}

/** The terms of a token that was made with a token. @throws ApiError 400 if its role is gone */
export async function tokenTerms(tx: ReadTx, entry: TokenEntry): Promise<RenewalTerms> {
  const role = entry.role === undefined ? undefined : await loadTokenRole(tx, entry.role);
  if (entry.role !== undefined && role === undefined) throw badRequest(`original token role "${entry.role}" could not be found, not renewing`);
  return limitsOf(entry, role);
}

export interface Renewal {
  readonly entry: TokenEntry;
  /** For how long it lives from now on, in seconds. */
  readonly ttl: number;
  readonly warnings: readonly string[];
}

/**
 * A token's entry with a later end; without an increment it gets what it got the last time.
 * @throws ApiError 400 if it can't be renewed, or not any more
 */
export function renew(entry: TokenEntry, terms: RenewalTerms, { increment, now }: { readonly increment: number; readonly now: number }): Renewal {
  const { expiresAt, lastRenewedAt, createdAt } = entry;
  if (entry.type === 'batch') throw badRequest('batch tokens cannot be renewed');
  // The use that this request is was the last one.
  if (entry.numUses < 0) throw badRequest('token not found');
  if (!entry.renewable || expiresAt === undefined) throw badRequest('lease is not renewable');
  const lastTtl = lastRenewedAt === undefined ? entry.creationTtl : Math.round((expiresAt - lastRenewedAt) / 1000);
  const age = Math.floor(now / 1000) - Math.floor(createdAt / 1000);
  const { ttl, warnings } = calculateTtl({ ...terms, ttl: terms.ttl || lastTtl, increment, age });
  return { entry: { ...entry, expiresAt: now + ttl * 1000, lastRenewedAt: now }, ttl, warnings };
}
