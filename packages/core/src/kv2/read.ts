import type { VersionFacts } from '../errors.ts';
import type { SecretState } from '../record.ts';
import { entryOf } from '../record.ts';
import { versionFacts } from './version-state.ts';

export interface ReadableVersion extends VersionFacts {
  readonly recordId: string;
}

/** The version number that a read means: 0, like no number, is the current one. */
export function versionAsked({ head }: SecretState, version: number | undefined): number {
  return version === undefined || version <= 0 ? head.currentVersion : version;
}

/** What a read of this version sees at `now`; undefined if there is no such version, or it was pruned. */
export function readVersion(state: SecretState, version: number, now: number): ReadableVersion | undefined {
  const entry = entryOf(state, version);
  return entry && { ...versionFacts(version, entry, now), recordId: entry.recordId };
}
