import { storeContract } from '@sealkv/core/testing';
import { durableStore } from '../../packages/worker/src/durable-store.ts';
import { describe, test } from 'vitest';
import { inObject } from './in-object.ts';

describe('the store of a Durable Object keeps the contract of the port inside workerd', () => {
  for (const { title, run } of storeContract) {
    test(title, () => inObject(title, ({ storage }) => run({ open: async () => durableStore(storage) })));
  }
});
