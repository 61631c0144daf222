import type { Out } from '../../json-out.ts';
import { sortedByName } from '../../json-out.ts';
import type { Services } from '../../services.ts';
import { formatTime } from '../../time.ts';
import type { TokenEntry } from '../../tokens/token-entry.ts';

/** A token as lookups show it. The id is the token itself; empty where it is not known. */
export function tokenOut(
  id: string,
  entry: TokenEntry,
  { clock, namespacePath }: Pick<Services, 'clock' | 'namespacePath'>,
): { readonly [name: string]: Out } {
  const now = clock();
  const { expiresAt, lastRenewedAt } = entry;
  return {
    accessor: entry.accessor,
    creation_time: Math.floor(entry.createdAt / 1000),
    creation_ttl: entry.creationTtl,
    display_name: entry.displayName,
    entity_id: entry.entityId ?? '',
    expire_time: expiresAt === undefined ? null : formatTime(expiresAt),
    explicit_max_ttl: entry.explicitMaxTtl,
    id,
    issue_time: formatTime(entry.createdAt),
    ...(lastRenewedAt !== undefined && { last_renewal: formatTime(lastRenewedAt), last_renewal_time: Math.floor(lastRenewedAt / 1000) }),
    meta: entry.meta === undefined ? null : sortedByName(Object.entries(entry.meta)),
    ...(namespacePath !== undefined && { namespace_path: namespacePath }),
    num_uses: entry.numUses,
    orphan: entry.parent === undefined,
    path: entry.path,
    ...(entry.period > 0 && { period: entry.period }),
    policies: entry.policies,
    renewable: entry.renewable,
    ...(entry.role !== undefined && { role: entry.role }),
    ttl: expiresAt === undefined ? 0 : Math.max(0, Math.floor((expiresAt - now) / 1000)),
    type: entry.type,
  };
}
