import 'fake-indexeddb/auto';
import { plaintextSealer, SecretEngine } from '@sealkv/core';
import { memoryStore } from '@sealkv/core/memory';
import { watchBatches } from '@sealkv/core/watch';
import { idbStore } from '@sealkv/idb-adapter';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fold, foldOf } from './harness.ts';

const path = fc.constantFrom('app/a', 'app/b', 'app/sub/c', 'other');
const step = fc.oneof(
  fc.record({ do: fc.constant('put' as const), path }),
  fc.record({ do: fc.constant('delete' as const), path }),
  fc.record({ do: fc.constant('undelete' as const), path }),
  fc.record({ do: fc.constant('destroy' as const), path }),
  fc.record({ do: fc.constant('putMetadata' as const), path }),
  fc.record({ do: fc.constant('deleteMetadata' as const), path }),
  // Lets the watcher look, so that some histories are told in many pieces and others in few.
  fc.record({ do: fc.constant('look' as const), path }),
);

let databases = 0;
const stores = {
  memory: () => memoryStore(),
  'fake-indexeddb': () => idbStore(`histories ${databases++}`),
};

test.for(Object.entries(stores))('whatever is done, what was told amounts to what is there, on %s', async ([, open]) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.constantFrom('', 'app/', 'app/a'), fc.nat(10), async (steps, prefix, startAt) => {
      let now = 0;
      const secrets = new SecretEngine({ store: open(), sealer: plaintextSealer(), clock: () => now++ });
      const told = new Fold();
      let watching: ReturnType<typeof watchBatches> | undefined;
      let ended: Promise<void> = Promise.resolve();
      const begin = (): void => {
        watching = watchBatches(secrets, prefix);
        ended = (async () => {
          for await (const changes of watching) told.add(changes);
        })();
      };
      for (const [i, { do: what, path }] of steps.entries()) {
        if (i === startAt) begin();
        if (what === 'put') await secrets.put(path, { i });
        else if (what === 'putMetadata') await secrets.putMetadata(path, { customMetadata: { i: String(i) } });
        else if (what === 'undelete' || what === 'destroy') await secrets[what](path, [1, 2]);
        else if (what === 'look') await secrets.list('');
        else await secrets[what](path);
      }
      if (watching === undefined) begin();
      const isWatched = (line: string): boolean =>
        prefix === '' ? true : prefix === 'app/' ? line.startsWith(prefix) : line.split(' ')[0] === prefix;
      const there = (await foldOf(secrets)).split('\n').filter(isWatched).join('\n');
      // Told at last: what is asked afterwards is answered after the look that the last commit called for.
      for (let turn = 0; turn < 200 && String(told) !== there; turn++) await secrets.list('');
      expect(String(told)).toBe(there);
      await watching!.return();
      await ended;
      await secrets.close();
    }),
    { numRuns: 60, seed: 20_261_125 },
  );
});
