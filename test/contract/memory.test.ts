import { MemoryDatabase, memoryStore } from '@sealkv/core/memory';
import { storeContract } from '@sealkv/core/testing';
import { describe, test } from 'vitest';

describe('the memory store keeps the contract of the port', () => {
  for (const { title, run } of storeContract) {
    test(title, () => {
      const database = new MemoryDatabase();
      return run({ open: async () => memoryStore({ database }) });
    });
  }
});
