import { engineContract } from '@sealkv/core/testing';
import { durableStore } from '../../packages/worker/src/durable-store.ts';
import { describe, test } from 'vitest';
import { inObject } from './in-object.ts';

describe('the engine keeps its semantics in a Durable Object inside workerd', () => {
  for (const { title, run } of engineContract) {
    test(title, () => inObject(title, ({ storage }) => run({ openStore: async () => durableStore(storage) })));
  }
});
