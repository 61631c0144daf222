import { engineContract } from '@sealkv/core/testing';
import { durableStore } from '../../packages/worker/src/durable-store.ts';
import { describe, test } from 'vitest';
import { inObject } from './in-object.ts';

describe.for([{}, { remembers: true }])('the engine keeps its semantics in a Durable Object (%j) inside workerd', (options) => {
  for (const { title, run } of engineContract) {
    test(title, () =>
      inObject(`${JSON.stringify(options)} ${title}`, ({ storage }) => run({ openStore: async () => durableStore(storage, options) })),
    );
  }
});
