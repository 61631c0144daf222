import { matrixOperations, matrixStates, prepareState, tornStore, walkFaults } from '@sealkv/core/testing';
import { expect, test } from 'vitest';
import { walkMatrix } from '../fault/walk-matrix.ts';
import { durableHost } from './durable-host.ts';

// The whole matrix is walked on memory and fake-indexeddb. A point here is a real object with a database of its own, at some twenty milliseconds.
walkMatrix(durableHost('Durable Objects'), {
  operations: ['put', 'undelete', 'destroy', 'delete metadata', 'atomic', 'unmount'],
  states: ['no version', '1 version', '10 versions', '300 versions'],
});

test('a store that commits write by write is condemned by the end of its object', async () => {
  const prepared = await prepareState(matrixStates.find(({ name }) => name.startsWith('10 versions'))!);
  const operation = matrixOperations.find(({ name }) => name === 'delete metadata')!;
  const { failures } = await walkFaults(durableHost('torn'), prepared, operation, 'crash', { wrap: tornStore });
  expect(failures.length).toBeGreaterThan(0);
});
