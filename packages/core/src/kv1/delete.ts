import type { SecretState } from '../record.ts';
import { deleteSecret } from '../record.ts';
import type { V1Decision, V1Facts } from './decision.ts';

/** Removes the value for good. Nothing there is fine. */
export function decideV1Delete(state: SecretState | undefined, { ref }: V1Facts): V1Decision {
  return state === undefined ? [] : deleteSecret(ref, state.head.incarnation);
}
