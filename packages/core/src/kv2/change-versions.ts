import type { SecretState, VersionEntry, Write } from '../record.ts';
import { entryOf, replaceEntries } from '../record.ts';
import type { Decision, Facts } from './decision.ts';
import { commitTime, unchanged } from './decision.ts';

/**
 * The shape that delete, undelete and destroy share: change the entries of the versions that exist. `change` answers the new entry, or
 * undefined to leave the version as it is. Versions that don't exist are passed over, as in Vault.
 */
export function changeVersions(
  state: SecretState | undefined,
  versions: readonly number[],
  facts: Facts,
  change: (entry: VersionEntry, now: number, state: SecretState) => VersionEntry | undefined,
  alsoWrite: (version: number, state: SecretState) => Write[] = () => [],
): Decision<undefined> {
  if (state === undefined) return unchanged(undefined);
  const now = commitTime(facts, state);
  const changed = new Map<number, VersionEntry>();
  for (const version of new Set(versions)) {
    const entry = entryOf(state, version);
    const next = entry && change(entry, now, state);
    if (next !== undefined) changed.set(version, next);
  }
  if (changed.size === 0) return unchanged(undefined);
  const { next, writes } = replaceEntries(facts.ref, state, changed, now);
  const more = Array.from(changed.keys()).flatMap((version) => alsoWrite(version, state));
  return { kind: 'commit', next, writes: [...writes, ...more], result: undefined };
}
