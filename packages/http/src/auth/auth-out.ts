import type { Out } from '../json-out.ts';
import { sortedByName } from '../json-out.ts';
import type { TokenEntry } from '../tokens/token-entry.ts';

/** The `auth` member of an answer: a new or renewed token. `id` is empty where it is not told again. */
export function authOut(id: string, entry: TokenEntry, leaseSeconds: number): Out {
  return {
    client_token: id,
    accessor: entry.accessor,
    policies: entry.policies,
    ...(entry.policies.length > 0 && { token_policies: entry.policies }),
    metadata: entry.meta === undefined ? null : sortedByName(Object.entries(entry.meta)),
    lease_duration: leaseSeconds,
    renewable: entry.renewable,
    entity_id: entry.entityId ?? '',
    token_type: entry.type,
    orphan: entry.parent === undefined,
    mfa_requirement: null,
    num_uses: entry.numUses,
  };
}
