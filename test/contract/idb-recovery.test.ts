import 'fake-indexeddb/auto';
import { describe } from 'vitest';
import { idbRecoveryTests } from './idb-recovery-tests.ts';

// The fast tier. The proof is the same in test/browser.
describe('the IndexedDB store on fake-indexeddb', idbRecoveryTests);
