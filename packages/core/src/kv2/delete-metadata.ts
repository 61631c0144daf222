import type { SecretState } from '../record.ts';
import { deleteSecret } from '../record.ts';
import type { Decision, Facts } from './decision.ts';
import { unchanged } from './decision.ts';

export interface DeleteMetadataCommand {
  readonly kind: 'deleteMetadata';
  readonly path: string;
}

/** Removes a secret for good: metadata and every version, however many. */
export function decideDeleteMetadata(state: SecretState | undefined, _: DeleteMetadataCommand, facts: Facts): Decision<undefined> {
  if (state === undefined) return unchanged(undefined);
  return { kind: 'commit', next: undefined, writes: deleteSecret(facts.ref, state.head.incarnation), result: undefined };
}
