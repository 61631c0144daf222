import type { ReadTx } from '@sealkv/core';
import type { StoreOwner, StoreProblem } from '@sealkv/core/check';
import type { AuditDevice } from './audit/audit-device.ts';
import type { RateLimit } from './quotas/rate-limit.ts';
import { auditDeviceKey, below, corsKey, edgePrefix, rateLimitKey, readRecord } from './records.ts';

/** What a namespace asks of every request before it is admitted. */
export interface EdgeSettings {
  readonly audit: AuditDevice | undefined;
  readonly rateLimits: readonly RateLimit[];
}

/**
 * Read with every request, in the transaction that looks at its token, and never remembered: so a change acts on the next request, whoever made it. It
 * is one range, which is empty in most stores and costs as much as a point read then.
 */
export async function loadEdgeSettings(tx: ReadTx): Promise<EdgeSettings> {
  const entries = await tx.scan(below(edgePrefix));
  const audit = entries.find(({ key }) => key === auditDeviceKey);
  return {
    audit: audit && readRecord<AuditDevice>(audit.value).facts,
    rateLimits: entries.filter(({ key }) => key.startsWith(rateLimitKey(''))).map(({ value }) => readRecord<RateLimit>(value).facts),
  };
}

/** There is nothing else, and every rate limit is where its name says. */
export const edgeRecords: StoreOwner = { prefix: edgePrefix, check: checkEdgeSettings };

async function checkEdgeSettings(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const problems: StoreProblem[] = [];
  for (const { key, value } of await tx.scan(below(edgePrefix))) {
    const { name } = readRecord<Partial<RateLimit>>(value).facts;
    if (key.startsWith(rateLimitKey(''))) {
      if (rateLimitKey(name ?? '') !== key) problems.push({ kind: 'inconsistent', key, detail: 'is a rate limit of another name' });
    } else if (key !== auditDeviceKey && key !== corsKey) problems.push({ kind: 'orphan', key, detail: 'is of no known kind' });
  }
  return problems;
}
