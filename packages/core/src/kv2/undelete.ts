import type { SecretState } from '../record.ts';
import { changeVersions } from './change-versions.ts';
import type { Decision, Facts } from './decision.ts';
import { expiry } from './retention.ts';

export interface UndeleteCommand {
  readonly kind: 'undelete';
  readonly path: string;
  readonly versions: readonly number[];
}

/** Restores versions that are not destroyed. `delete_version_after` starts anew, on live versions too, as in OpenBao. */
export function decideUndelete(state: SecretState | undefined, command: UndeleteCommand, facts: Facts): Decision<undefined> {
  return changeVersions(state, command.versions, facts, (entry, now, { head }) => {
    if (entry.destroyed) return undefined;
    const expiresAt = expiry(head, facts.config, now);
    if (entry.deletedAt === undefined && entry.expiresAt === expiresAt) return undefined;
    return { ...entry, deletedAt: undefined, expiresAt };
  });
}
