import type { FaultHost } from '@sealkv/core/testing';
import { matrixOperations, matrixStates, prepareState, tornStore, walkFaults } from '@sealkv/core/testing';
import { expect, test } from 'vitest';
import { idbHost } from '../fault/idb-host.ts';
import { walkMatrix } from '../fault/walk-matrix.ts';
import { openFrame } from './open-frame.ts';
import type { Death, Task } from './victim.ts';

/** This browser's IndexedDB. A crash is the real end of a page, in the middle of what it does; the state is looked at from another. */
function browserHost(name: string, { torn = false } = {}): FaultHost {
  return idbHost(name, {
    async kill(database, { name: operation }, now, n) {
      const task = JSON.stringify({ database, operation, now, n, torn } satisfies Task);
      return (await openFrame<Death>(new URL('./victim.ts', import.meta.url).href, 'end', task)) ?? undefined;
    },
  });
}

// The whole matrix is walked on memory and fake-indexeddb. A point here is a real page with a database of its own.
walkMatrix(
  browserHost('IndexedDB (Chromium)'),
  { operations: ['delete metadata'], states: ['no version', '1 version', '10 versions', '300 versions'] },
  { operations: ['put', 'destroy', 'atomic'], states: ['10 versions'] },
);

test('a store that commits write by write is condemned by the end of its page', async () => {
  const prepared = await prepareState(matrixStates.find(({ name }) => name.startsWith('10 versions'))!);
  const operation = matrixOperations.find(({ name }) => name === 'delete metadata')!;
  const { failures } = await walkFaults(browserHost('torn', { torn: true }), prepared, operation, 'crash', { wrap: tornStore });
  expect(failures.length).toBeGreaterThan(0);
});
