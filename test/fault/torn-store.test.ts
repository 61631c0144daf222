import { FAULT_KINDS, matrixOperations, matrixStates, memoryHost, prepareState, tornStore, walkFaults } from '@sealkv/core/testing';
import { expect, test } from 'vitest';

// The negative control: the founding bug on purpose, under the very walk that the real stores pass. An operation that returns two writes or more,
// in any state, tears on it; here is each by name, with the number of its points that are condemned. One write can't tear.
const CONDEMNED: Readonly<Record<string, number>> = {
  put: 39,
  'put with cas': 6,
  'put of the first secret': 33,
  patch: 15,
  update: 39,
  'delete versions': 12,
  undelete: 6,
  destroy: 54,
  'put metadata': 6,
  'delete metadata': 18,
  'put config': 6,
  atomic: 267,
  'atomic: delete metadata and write anew': 72,
  'v1 put': 33,
  'v1 delete': 21,
  remount: 21,
  purge: 3,
  unmount: 21,
  'unmount v1': 21,
};

test('a store that commits write by write is condemned for every operation that returns two writes or more, by name', async () => {
  const condemned: Record<string, number> = {};
  const states = await Promise.all(matrixStates.map(prepareState));
  for (const operation of matrixOperations) {
    for (const prepared of states) {
      for (const kind of FAULT_KINDS) {
        const { writes, failures } = await walkFaults(memoryHost, prepared, operation, kind, { wrap: tornStore });
        if (writes < 2) {
          expect(failures).toEqual([]);
          break;
        }
        condemned[operation.name] = (condemned[operation.name] ?? 0) + failures.length;
      }
    }
  }
  const points = Object.values(condemned).reduce((sum, failures) => sum + failures, 0);
  console.log(`FIGURE condemned points of the torn store: ${points}, by operation: ${JSON.stringify(condemned)}`);
  expect(condemned).toEqual(CONDEMNED);
  expect(Object.values(condemned)).not.toContain(0);
});
