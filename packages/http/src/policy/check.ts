import type { ReadTx } from '@sealkv/core';
import type { StoreOwner, StoreProblem } from '@sealkv/core/check';
import { forEachEntry, policyKey, readRecord } from '../records.ts';
import { canonicalName } from './names.ts';
import { parsePolicy } from './parse-policy.ts';
import type { PolicyRecord } from './policy-store.ts';

/** Policies by their names. */
export const policyRecords: StoreOwner = { prefix: policyKey(''), check: checkPolicies };

/** Every policy is under the one name that it can be found by, and its text parses. */
export async function checkPolicies(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const problems: StoreProblem[] = [];
  await forEachEntry(tx, policyRecords.prefix, ({ key, value }) => {
    const name = key.slice(policyRecords.prefix.length);
    if (name !== canonicalName(name)) problems.push({ kind: 'orphan', key, detail: 'has a name that is never looked for' });
    try {
      parsePolicy(readRecord<PolicyRecord>(value).facts.text);
    } catch {
      problems.push({ kind: 'unreadable', key, detail: 'does not decode, or its text does not parse' });
    }
  });
  return problems;
}
