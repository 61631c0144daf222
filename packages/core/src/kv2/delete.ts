import type { SecretState, VersionEntry } from '../record.ts';
import { changeVersions } from './change-versions.ts';
import type { Decision, Facts } from './decision.ts';

/** Soft delete of the current version (`versions` undefined) or of the given ones. */
export interface DeleteCommand {
  readonly kind: 'delete';
  readonly path: string;
  readonly versions?: readonly number[] | undefined;
}

export function decideDelete(state: SecretState | undefined, command: DeleteCommand, facts: Facts): Decision<undefined> {
  const versions = command.versions ?? [state?.head.currentVersion ?? 0];
  return changeVersions(state, versions, facts, softDelete);
}

function softDelete(entry: VersionEntry, now: number): VersionEntry | undefined {
  if (entry.destroyed || entry.deletedAt !== undefined) return undefined;
  // An expired version keeps the time it shows, but is now deleted by request: it must not come back when the clock is set back.
  const expired = entry.expiresAt !== undefined && entry.expiresAt <= now;
  return { ...entry, deletedAt: expired ? entry.expiresAt : now, expiresAt: undefined };
}
