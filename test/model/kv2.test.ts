import 'fake-indexeddb/auto';
import { memoryStore } from '@sealkv/core/memory';
import { idbStore } from '@sealkv/idb-adapter';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { histories } from './actions.ts';
import { expectedTranscript } from './model.ts';
import { transcriptOf } from './run.ts';

// A failure prints the seed and the shortest history that fails; keep that history as a test with a name of its own.
const START = Date.UTC(2026, 0, 1);

test('any history on memory gives the answers of the model', async () => {
  const property = fc.asyncProperty(histories, async (actions) => {
    expect(await transcriptOf(memoryStore(), actions, START)).toEqual(expectedTranscript(actions, START));
  });
  await fc.assert(property, { numRuns: 1000 });
});

test('any history on IndexedDB gives the very transcript that it gives on memory', async () => {
  let databases = 0;
  const property = fc.asyncProperty(histories, async (actions) => {
    const store = idbStore(`model ${databases++}`);
    const transcript = await transcriptOf(store, actions, START);
    await store.close();
    expect(transcript).toEqual(await transcriptOf(memoryStore(), actions, START));
    expect(transcript).toEqual(expectedTranscript(actions, START));
  });
  await fc.assert(property, { numRuns: 100 });
});
