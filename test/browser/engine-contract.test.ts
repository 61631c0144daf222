import { engineContract } from '@sealkv/core/testing';
import { idbStore } from '@sealkv/idb-adapter';
import { lateWebCrypto } from '@sealkv/idb-adapter/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';

describe('the engine keeps its semantics on IndexedDB in this browser', () => {
  let undo = (): void => {};
  beforeAll(() => {
    undo = lateWebCrypto();
  });
  afterAll(() => undo());
  for (const { title, run } of engineContract) test(title, () => run({ openStore: async () => idbStore(`engine: ${title}`) }));
});
