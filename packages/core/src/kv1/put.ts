import type { SealedRecord, SecretState } from '../record.ts';
import { putHead, putPayload } from '../record.ts';
import type { V1Decision, V1Facts } from './decision.ts';

export interface V1PutCommand {
  readonly kind: 'put';
  readonly path: string;
  readonly payload: SealedRecord;
  readonly freshIncarnation: string;
}

/** KV v1 keeps one value per path, replaced in place: version 1 of the very records that KV v2 uses, so that a mount can be upgraded. */
export function decideV1Put(state: SecretState | undefined, command: V1PutCommand, { ref, now: clock }: V1Facts): V1Decision {
  const now = Math.max(clock, state?.head.touchedAt ?? clock);
  const incarnation = state?.head.incarnation ?? command.freshIncarnation;
  const head = {
    incarnation,
    createdAt: state?.head.createdAt ?? now,
    updatedAt: now,
    touchedAt: now,
    currentVersion: 1,
    // As Vault reports it of a secret that it has upgraded.
    oldestVersion: 1,
    metadataVersion: 0,
    maxVersions: 0,
    casRequired: false,
    metadataCasRequired: false,
    deleteVersionAfterMs: 0,
    entries: [{ createdAt: now, recordId: command.payload.recordId }],
  };
  return [putPayload(ref, incarnation, 1, command.payload.sealed), putHead(ref, head)];
}
