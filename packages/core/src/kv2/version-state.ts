import type { VersionFacts } from '../errors.ts';
import type { VersionEntry } from '../record.ts';

/** A version's state at a moment. Deletion by request is a fact; only a deadline is compared with the clock, and has passed when reached. */
export function versionState({ deletedAt, expiresAt, destroyed }: VersionEntry, now: number): VersionFacts['state'] {
  if (destroyed) return 'destroyed';
  return deletedAt !== undefined || (expiresAt !== undefined && expiresAt <= now) ? 'deleted' : 'live';
}

export function versionFacts(version: number, entry: VersionEntry, now: number): VersionFacts {
  return {
    version,
    createdAt: entry.createdAt,
    deletionAt: entry.deletedAt ?? entry.expiresAt,
    destroyed: entry.destroyed === true,
    state: versionState(entry, now),
  };
}
