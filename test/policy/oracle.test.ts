import { expect, test } from 'vitest';
import * as acl from '../../packages/http/src/policy/acl.ts';
import { play } from './play.ts';

/** What has to decide at least one triple in a hundred, so that agreement means something. */
const FEATURES = [
  ...['create', 'read', 'update', 'patch', 'delete', 'list', 'scan', 'sudo'].map((name) => `capability ${name}`),
  'exact',
  '+',
  '*',
  'deny',
  'deny in a merge',
  'merge',
  'required parameters',
  'denied parameters',
  'allowed parameters',
  'pagination limit',
  'wrapping TTL',
  'filter path',
  'expiration',
  'exact without slash',
  'wildcards without slash',
  ...['first wildcard', 'no star', 'fewer plus', 'longer', 'alphabet'].map((name) => `tie: ${name}`),
];

// Some twenty seconds; a machine that does ten other things takes longer.
test('policies decide as the oracle does, whatever is asked', { timeout: 600_000 }, () => {
  const { triples, decidedBy, disagreement } = play(acl, { seed: 20_261_125, triples: 1_200_000 });
  const rows = FEATURES.map((feature) => [feature, decidedBy.get(feature) ?? 0] as const);
  const table = rows.map(([name, count]) => `${name.padEnd(24)}${String(count).padStart(9)}${((100 * count) / triples).toFixed(1).padStart(7)} %`);
  console.log(`${triples} triples, of which were decided by\n${table.join('\n')}`);
  expect(disagreement).toBeUndefined();
  expect(triples).toBeGreaterThanOrEqual(1_000_000);
  expect([...decidedBy.keys()].filter((feature) => !FEATURES.includes(feature))).toEqual([]);
  expect(rows.filter(([, count]) => count < triples / 100)).toEqual([]);
});
