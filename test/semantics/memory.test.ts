import { MemoryDatabase, memoryStore } from '@sealkv/core/memory';
import { engineContract } from '@sealkv/core/testing';
import { describe, test } from 'vitest';

describe('the engine keeps its semantics on the memory store', () => {
  for (const { title, run } of engineContract) {
    test(title, () => {
      const database = new MemoryDatabase();
      return run({ openStore: async () => memoryStore({ database }) });
    });
  }
});
