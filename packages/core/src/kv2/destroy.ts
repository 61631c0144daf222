import type { SecretState } from '../record.ts';
import { deletePayload } from '../record.ts';
import { changeVersions } from './change-versions.ts';
import type { Decision, Facts } from './decision.ts';

export interface DestroyCommand {
  readonly kind: 'destroy';
  readonly path: string;
  readonly versions: readonly number[];
}

/** Removes the values of versions for good; their entries stay, and keep a deletion time they had. */
export function decideDestroy(state: SecretState | undefined, command: DestroyCommand, facts: Facts): Decision<undefined> {
  return changeVersions(
    state,
    command.versions,
    facts,
    (entry) => (entry.destroyed ? undefined : { ...entry, destroyed: true }),
    (version, { head }) => [deletePayload(facts.ref, head.incarnation, version)],
  );
}
