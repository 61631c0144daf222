import { expect, test } from 'vitest';
import { walkNativeFaults } from './idb-fault-walk.ts';

const EVENTS = ['open', 'transaction', 'get', 'getAllKeys', 'getAll', 'openKeyCursor', 'openCursor', 'get', 'put', 'put', 'delete', 'put', 'commit'];

/** What becomes of a write whatever native call fails, in whatever way. */
export function idbFaultTests(): void {
  test.each(['throw', 'abort'] as const)(
    'a write that meets one %s before its commit is done once more; after it nothing is repeated',
    async (fault) => {
      expect(await walkNativeFaults(fault)).toEqual([...EVENTS.map((event) => `${event}: done, new`), 'complete: COMMIT_UNKNOWN, new']);
    },
  );

  test('a native call that throws twice has the write refused, as a whole', async () => {
    const report = await walkNativeFaults('throw', { twice: true });
    expect(report).toEqual([...EVENTS.map((event) => `${event}: FAILED, old`), 'complete: COMMIT_UNKNOWN, new']);
  });

  test('a storage that gives the transaction up twice has the write refused, as a whole', async () => {
    const [open, ...rest] = await walkNativeFaults('abort', { twice: true });
    expect(open).toBe('open: FAILED, old');
    expect(rest).toEqual([...EVENTS.slice(1).map((event) => `${event}: ABORTED, old`), 'complete: COMMIT_UNKNOWN, new']);
  });

  test('what is never answered is told: before the commit that nothing was done, after it that this is not known', async () => {
    // Nobody waits for the answers to the requests that come with a commit.
    const [opening, ...reading] = EVENTS.slice(0, 7).filter((event) => event !== 'transaction');
    const told = [`${opening}: TIMED_OUT, old`, 'transaction: done, new', ...reading.map((event) => `${event}: TIMED_OUT, old`)];
    const silent = EVENTS.slice(7).map((event) => `${event}: done, new`);
    expect(await walkNativeFaults('hang')).toEqual([...told, ...silent, 'complete: COMMIT_UNKNOWN, new']);
  });

  test('a commit that the storage takes and then gives up without a reason is not known, and not repeated', async () => {
    const report = await walkNativeFaults('refuse');
    expect(report.find((line) => line.startsWith('commit'))).toBe('commit: COMMIT_UNKNOWN, old');
  });

  test('a tab that dies leaves the state before its commit request, or the one after', async () => {
    expect(await walkNativeFaults('crash')).toEqual([...EVENTS.map((event) => `${event}: died, old`), 'complete: died, new']);
  });
}
