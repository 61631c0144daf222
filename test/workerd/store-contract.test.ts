import { storeContract } from '@sealkv/core/testing';
import { durableStore } from '../../packages/worker/src/durable-store.ts';
import { describe, test } from 'vitest';
import { inObject } from './in-object.ts';

describe.for([{}, { remembers: true }])('the store of a Durable Object (%j) keeps the contract of the port inside workerd', (options) => {
  for (const { title, run } of storeContract) {
    test(title, () => inObject(`${JSON.stringify(options)} ${title}`, ({ storage }) => run({ open: async () => durableStore(storage, options) })));
  }
});
