import type { Write } from '@sealkv/core';
import { checkStore } from '@sealkv/core/check';
import { memoryStore } from '@sealkv/core/memory';
import { apiOwners } from '@sealkv/http';
import { expect, test } from 'vitest';
import { Harness } from './harness.ts';

/** A store with wrapped answers, records, a rate limit and CORS, as requests have left it. */
async function used(): Promise<Harness> {
  const harness = new Harness();
  await harness.send('POST', 'sys/audit/log', { body: { type: 'store' } });
  await harness.send('POST', 'sys/config/cors', { body: { allowed_origins: '*' } });
  await harness.send('POST', 'sys/quotas/rate-limit/q', { body: { rate: 100 } });
  for (let i = 0; i < 2; i++) await harness.send('GET', 'sys/mounts', { headers: { 'x-vault-wrap-ttl': '60' } });
  return harness;
}

test.each([
  ['a wrapping token without its answer', /^x\/w\//, 'delete', 'missing-value'],
  ['a wrapped answer without its token', /^x\/t\/h\//, 'delete', 'orphan'],
  ['a record of a request too few', /^x\/l\/000000000003/, 'delete', 'inconsistent'],
  ['a rate limit under another name', /^x\/g\/limit\//, 'rename', 'inconsistent'],
  ['a setting that there is not', /^x\/g\/cors/, 'rename', 'orphan'],
  ['a record of a request under no number', /^x\/l\/000000000004/, 'rename', 'orphan'],
] as const)('checkStore() condemns %s', async (_, pattern, what, kind) => {
  const { memory } = await used();
  const entries = await memory.read((tx) => tx.scan({ from: 'x/', to: 'x0' }));
  const target = entries.find(({ key }) => pattern.test(key));
  expect(target).toBeDefined();
  const broken = memoryStore();
  await broken.write(async () => ({
    result: undefined,
    writes: entries.flatMap((entry): Write[] => {
      if (entry !== target) return [{ kind: 'put', ...entry }];
      return what === 'delete' ? [] : [{ kind: 'put', key: `${entry.key}-other`, value: entry.value }];
    }),
  }));
  const { problems } = await checkStore(broken, { owners: apiOwners });
  expect(problems.map((problem) => problem.kind)).toContain(kind);
});
