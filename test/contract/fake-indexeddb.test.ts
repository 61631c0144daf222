import 'fake-indexeddb/auto';
import { storeContract } from '@sealkv/core/testing';
import { idbStore } from '@sealkv/idb-adapter';
import { describe, test } from 'vitest';

// The fast tier: fake-indexeddb forgives what browsers do not. The proof is the same suite in test/browser.
describe('the IndexedDB store keeps the contract of the port on fake-indexeddb', () => {
  for (const { title, run } of storeContract) test(title, () => run({ open: async () => idbStore(title) }));
});
