import type { Head, SealedRecord, SecretState } from '../record.ts';
import { putHead } from '../record.ts';
import { checkMetadataCas } from './cas.ts';
import type { Decision, Facts } from './decision.ts';
import { commitTime, reject, unchanged } from './decision.ts';
import { newHead } from './new-head.ts';
import { givenSettings } from './settings.ts';

/** The settings of a secret's own; only those given change. */
export interface MetadataSettings {
  readonly maxVersions?: number | undefined;
  readonly casRequired?: boolean | undefined;
  readonly metadataCasRequired?: boolean | undefined;
  readonly deleteVersionAfterMs?: number | undefined;
}

export interface PutMetadataCommand {
  readonly kind: 'putMetadata';
  readonly path: string;
  readonly settings: MetadataSettings;
  /** Replaces the custom metadata; `null` clears it; undefined leaves it. */
  readonly customMetadata?: SealedRecord | null | undefined;
  readonly metadataCas?: number | undefined;
  /** For a patch: what it was made from. The secret must exist. */
  readonly basedOn?: MetadataBasis | undefined;
  readonly freshIncarnation: string;
}

/** What a metadata patch has read: the commit is refused with `CONFLICT` if it is not so any more. */
export interface MetadataBasis {
  readonly incarnation: string;
  /** The record id of the custom metadata that was merged with; it is new in every write. */
  readonly customMetadataId: string | undefined;
}

/** Settings that were stored but have no effect, since the mount demands otherwise. */
export type IgnoredSetting = 'casRequired' | 'metadataCasRequired';

/** Writes settings and custom metadata; creates the secret, without a version, if there is none. */
export function decidePutMetadata(state: SecretState | undefined, command: PutMetadataCommand, facts: Facts): Decision<readonly IgnoredSetting[]> {
  const settings = givenSettings(command.settings) as Partial<Head>;
  if (Object.keys(settings).length === 0 && command.customMetadata === undefined) return unchanged([]);
  const refusal = checkBasis(state, command) ?? checkMetadataCas(state, command.metadataCas, facts.config);
  if (refusal !== undefined) return refusal;

  const now = commitTime(facts, state);
  const before = state?.head ?? newHead(command.freshIncarnation, now);
  const head: Head = {
    ...before,
    ...settings,
    updatedAt: now,
    touchedAt: now,
    metadataVersion: before.metadataVersion + 1,
    customMetadata: command.customMetadata === undefined ? before.customMetadata : (command.customMetadata ?? undefined),
  };
  return {
    kind: 'commit',
    next: { head, pages: state?.pages ?? new Map() },
    writes: [putHead(facts.ref, head)],
    result: (['casRequired', 'metadataCasRequired'] as const).filter((name) => settings[name] === false && facts.config[name]),
  };
}

function checkBasis(state: SecretState | undefined, { basedOn }: PutMetadataCommand): ReturnType<typeof checkMetadataCas> {
  if (basedOn === undefined) return undefined;
  if (state === undefined) return reject('NOT_FOUND', {});
  const { incarnation, customMetadata } = state.head;
  const same = incarnation === basedOn.incarnation && customMetadata?.recordId === basedOn.customMetadataId;
  return same ? undefined : reject('CONFLICT', { attempts: 1 });
}
