import { describe } from 'vitest';
import { idbFaultTests } from '../contract/idb-fault-tests.ts';
import { idbRecoveryTests } from '../contract/idb-recovery-tests.ts';

describe('the IndexedDB store in this browser', () => {
  idbFaultTests();
  idbRecoveryTests();
});
