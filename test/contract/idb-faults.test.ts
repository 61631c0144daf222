import 'fake-indexeddb/auto';
import { expect, test } from 'vitest';
import { walkNativeFaults } from './idb-fault-walk.ts';

const EVENTS = ['open', 'transaction', 'get', 'getAllKeys', 'getAll', 'openKeyCursor', 'openCursor', 'get', 'put', 'put', 'delete', 'put', 'commit'];

test('a native call that throws has the write refused, as a whole', async () => {
  expect(await walkNativeFaults('throw')).toEqual([...EVENTS.map((event) => `${event}: FAILED, old`), 'complete: COMMIT_UNKNOWN, new']);
});

test('a storage that gives the transaction up has the write refused, as a whole', async () => {
  expect(await walkNativeFaults('abort')).toEqual([
    'open: FAILED, old',
    ...EVENTS.slice(1).map((event) => `${event}: ABORTED, old`),
    'complete: COMMIT_UNKNOWN, new',
  ]);
});

test('a tab that dies leaves the state before its commit request, or the one after', async () => {
  expect(await walkNativeFaults('crash')).toEqual([...EVENTS.map((event) => `${event}: died, old`), 'complete: died, new']);
});
