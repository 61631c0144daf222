import type { VersionFacts } from '../errors.ts';
import type { VersionEntry } from '../record.ts';

export type VersionState = { readonly kind: 'live' } | { readonly kind: 'deleted'; readonly at: number } | { readonly kind: 'destroyed' };

/** A version's state at a moment. Deletion by request is a fact; only a deadline is compared with the clock, and has passed when reached. */
export function versionState({ deletedAt, expiresAt, destroyed }: VersionEntry, now: number): VersionState {
  if (destroyed) return { kind: 'destroyed' };
  if (deletedAt !== undefined) return { kind: 'deleted', at: deletedAt };
  if (expiresAt !== undefined && expiresAt <= now) return { kind: 'deleted', at: expiresAt };
  return { kind: 'live' };
}

export function versionFacts(version: number, entry: VersionEntry, now: number): VersionFacts {
  return {
    version,
    createdAt: entry.createdAt,
    deletionAt: entry.deletedAt ?? entry.expiresAt,
    destroyed: entry.destroyed === true,
    state: versionState(entry, now).kind,
  };
}
