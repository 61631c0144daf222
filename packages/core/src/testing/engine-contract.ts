import type { EngineCase } from './engine/bench.ts';
import { atomicCases } from './engine/atomic.ts';
import { cancelCases } from './engine/cancel.ts';
import { changeCases } from './engine/change.ts';
import { checkCases } from './engine/check.ts';
import { kv1Cases } from './engine/kv1.ts';
import { listingCases } from './engine/listing.ts';
import { metadataCases } from './engine/metadata.ts';
import { mountCases } from './engine/mounts.ts';
import { putCases } from './engine/put.ts';
import { sealingCases } from './engine/sealing.ts';
import { timeCases } from './engine/time.ts';
import { valueCases } from './engine/values.ts';
import { versionCases } from './engine/versions.ts';

export type { EngineCase, EngineHost } from './engine/bench.ts';

/**
 * The semantics of the engine, executable: KV v2 and v1, mounts, sealing, and what each refuses. Needs no test runner:
 *
 * ```ts
 * for (const { title, run } of engineContract) test(title, () => run({ openStore }));
 * ```
 *
 * Time and randomness are injected, and every case ends with `checkStore()`.
 */
export const engineContract: readonly EngineCase[] = [
  ...putCases,
  ...versionCases,
  ...timeCases,
  ...changeCases,
  ...metadataCases,
  ...listingCases,
  ...atomicCases,
  ...mountCases,
  ...valueCases,
  ...sealingCases,
  ...cancelCases,
  ...kv1Cases,
  ...checkCases,
];
