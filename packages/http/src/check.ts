import type { StoreOwner } from '@sealkv/core/check';
import { auditRecords } from './audit/audit-log.ts';
import { authRecords } from './auth/check.ts';
import { cubbyholeRecords } from './cubbyhole/check.ts';
import { edgeRecords } from './edge-settings.ts';
import { namespaceRecords } from './namespaces/check.ts';
import { initRecord } from './sys/initialization.ts';
import { policyRecords } from './policy/check.ts';
import { tokenRecords } from './tokens/check.ts';
import { wrappedAnswerRecords } from './wrapping/wrapped-answer.ts';

/** Everybody who keeps records for the API, for `checkStore()`: its stores have keys of nobody else. */
export const apiOwners: readonly StoreOwner[] = [
  tokenRecords,
  ...authRecords,
  initRecord,
  ...cubbyholeRecords,
  policyRecords,
  wrappedAnswerRecords,
  edgeRecords,
  auditRecords,
  namespaceRecords,
];
