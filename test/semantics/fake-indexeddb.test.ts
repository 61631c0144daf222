import 'fake-indexeddb/auto';
import { engineContract } from '@sealkv/core/testing';
import { idbStore } from '@sealkv/idb-adapter';
import { describe, test } from 'vitest';

describe('the engine keeps its semantics on IndexedDB, on fake-indexeddb', () => {
  for (const { title, run } of engineContract) test(title, () => run({ openStore: async () => idbStore(title) }));
});
