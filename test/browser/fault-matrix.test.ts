import type { FaultHost } from '@sealkv/core/testing';
import { matrixOperations, matrixStates, prepareState, tornStore, walkFaults } from '@sealkv/core/testing';
import { expect, test } from 'vitest';
import { idbHost } from '../fault/idb-host.ts';
import { walkMatrix } from '../fault/walk-matrix.ts';
import type { Death, Task } from './victim.ts';

/** This browser's IndexedDB. A crash is the real end of a page, in the middle of what it does; the state is looked at from another. */
function browserHost(name: string, { torn = false } = {}): FaultHost {
  return idbHost(name, {
    kill: (database, { name: operation }, now, n) =>
      new Promise((resolve, reject) => {
        const frame = document.createElement('iframe');
        frame.name = JSON.stringify({ database, operation, now, n, torn } satisfies Task);
        frame.addEventListener('end', (event) => resolve((event as CustomEvent<Death>).detail ?? undefined));
        document.body.append(frame);
        const script = frame.contentDocument!.createElement('script');
        script.type = 'module';
        script.src = new URL('./victim.ts', import.meta.url).href;
        script.onerror = () => reject(new Error('the page did not load'));
        frame.contentDocument!.body.append(script);
      }),
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
