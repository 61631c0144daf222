import type { VersionFacts } from '../errors.ts';
import type { Head, SealedRecord, SecretState, VersionEntry, Write } from '../record.ts';
import { deletePages, deletePayloads, entryOf, firstVersion, pageOf, putHead, putPage, putPayload } from '../record.ts';
import type { Cas } from './cas.ts';
import { checkCas } from './cas.ts';
import type { Decision, Facts } from './decision.ts';
import { commitTime, reject } from './decision.ts';
import { newHead } from './new-head.ts';
import { expiry, maxVersions } from './retention.ts';
import { versionFacts, versionState } from './version-state.ts';

export interface PutCommand {
  readonly kind: 'put';
  readonly path: string;
  readonly payload: SealedRecord;
  readonly cas?: Cas | undefined;
  /** For `update` and `patch`: what the new value was made from. */
  readonly basedOn?: Basis | undefined;
  /** The incarnation to use if the secret does not exist. */
  readonly freshIncarnation: string;
}

/** What an update has read: the commit is refused with `CONFLICT` if it is not so any more. */
export interface Basis {
  readonly incarnation: string | undefined;
  readonly version: number;
  readonly live: boolean;
  /** Stands for a check-and-set where one is demanded: the caller gives none, since this is a stricter one. */
  readonly standsForCas: boolean;
}

export interface PutOutcome extends VersionFacts {
  readonly incarnation: string;
  readonly customMetadata: SealedRecord | undefined;
}

/** Writes a new version, prunes those beyond `max_versions`, and closes a full page of version entries. */
export function decidePut(state: SecretState | undefined, command: PutCommand, facts: Facts): Decision<PutOutcome> {
  const { cas, basedOn } = command;
  const refusal = (basedOn?.standsForCas && cas === undefined ? undefined : checkCas(state, cas, facts.config)) ?? checkBasis(state, command, facts);
  if (refusal !== undefined) return refusal;

  const now = commitTime(facts, state);
  const before = state?.head ?? newHead(command.freshIncarnation, now);
  const version = before.currentVersion + 1;
  const entry: VersionEntry = { createdAt: now, recordId: command.payload.recordId, expiresAt: expiry(before, facts.config, now) };
  const { oldestVersion, prune } = retain(before, version, maxVersions(before, facts.config));

  const writes: Write[] = [putPayload(facts.ref, before.incarnation, version, command.payload.sealed)];
  if (prune !== undefined) writes.push(deletePayloads(facts.ref, before.incarnation, prune.from, prune.to));
  // The page of the version before is complete and leaves the head, unless pruning has just emptied it.
  const opensPage = version > 1 && pageOf(version) > pageOf(version - 1);
  if (opensPage && version - 1 >= oldestVersion) writes.push(putPage(facts.ref, before.incarnation, pageOf(version - 1), before.entries));
  const stale = pageOf(firstVersion(before));
  const kept = Math.min(pageOf(oldestVersion), pageOf(before.currentVersion));
  if (prune !== undefined && stale < kept) writes.push(deletePages(facts.ref, before.incarnation, stale, kept - 1));

  const entries = opensPage ? [entry] : [...before.entries, entry];
  const head: Head = { ...before, touchedAt: now, updatedAt: now, currentVersion: version, oldestVersion, entries };
  writes.push(putHead(facts.ref, head));
  return {
    kind: 'commit',
    next: { head, pages: opensPage ? new Map(state?.pages).set(pageOf(version - 1), before.entries) : (state?.pages ?? new Map()) },
    writes,
    result: { ...versionFacts(version, entry, now), incarnation: head.incarnation, customMetadata: head.customMetadata },
  };
}

/** Which versions leave, as OpenBao's `AddVersion` counts: `oldestVersion` stays 0 until the limit is reached for the first time. */
function retain(before: Head, version: number, limit: number): { oldestVersion: number; prune: { from: number; to: number } | undefined } {
  if (version - before.oldestVersion < limit) return { oldestVersion: before.oldestVersion, prune: undefined };
  const cut = version - limit;
  const from = firstVersion(before);
  return { oldestVersion: cut + 1, prune: cut >= from ? { from, to: cut } : undefined };
}

function checkBasis(state: SecretState | undefined, { basedOn }: PutCommand, { now }: Facts): ReturnType<typeof checkCas> {
  if (basedOn === undefined) return undefined;
  const version = state?.head.currentVersion ?? 0;
  const entry = state && entryOf(state, version);
  const live = entry !== undefined && versionState(entry, now) === 'live';
  const same = basedOn.incarnation === state?.head.incarnation && basedOn.version === version && basedOn.live === live;
  return same ? undefined : reject('CONFLICT', { attempts: 1 });
}
