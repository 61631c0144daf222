import type { FaultHost } from '@sealkv/core/testing';
import { FAULT_KINDS, matrixOperations, matrixStates, prepareState, walkFaults } from '@sealkv/core/testing';
import { afterAll, describe, expect, test } from 'vitest';

export interface MatrixPart {
  /** The names of the operations; all by default. */
  readonly operations?: readonly string[];
  /** The beginnings of the states' names; all by default. */
  readonly states?: readonly string[];
}

/** Every operation, in every state, under every kind of fault, at every event; or some of them. Prints how many points that were. */
export function walkMatrix(host: FaultHost, ...parts: readonly MatrixPart[]): void {
  describe(`whatever fails at whatever event on ${host.name}, it happened as a whole or not at all`, () => {
    let points = 0;
    afterAll(() => console.log(`FIGURE fault points on ${host.name}: ${points}`));

    for (const part of parts.length > 0 ? parts : [{} as MatrixPart]) {
      const operations = part.operations?.map((name) => found(matrixOperations.find((operation) => operation.name === name))) ?? matrixOperations;
      const states = part.states?.map((start) => found(matrixStates.find(({ name }) => name.startsWith(start)))) ?? matrixStates;
      const preparing = Promise.all(states.map(prepareState));
      for (const operation of operations) {
        test(operation.name, async () => {
          const failures: string[] = [];
          for (const prepared of await preparing) {
            for (const kind of FAULT_KINDS) {
              const report = await walkFaults(host, prepared, operation, kind);
              expect(report.points).toBeGreaterThan(0);
              points += report.points;
              failures.push(...report.failures);
            }
          }
          expect(failures).toEqual([]);
        });
      }
    }
  });
}

function found<T>(item: T | undefined): T {
  if (item === undefined) throw new Error('the matrix has no such operation or state');
  return item;
}
