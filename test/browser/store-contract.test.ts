import { storeContract } from '@sealkv/core/testing';
import { idbStore } from '@sealkv/idb-adapter';
import { lateWebCrypto } from '@sealkv/idb-adapter/testing';
import { afterEach, describe, expect, test } from 'vitest';

let undo = (): void => {};
afterEach(() => undo());

describe('the IndexedDB store keeps the contract of the port in this browser', () => {
  for (const { title, run } of storeContract) {
    test(title, () => {
      undo = lateWebCrypto();
      return run({ open: async () => idbStore(title) });
    });
  }
});

test('nothing that is refused, thrown or cancelled leaves an unhandled rejection behind', async () => {
  undo = lateWebCrypto();
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent): number => unhandled.push(event.reason);
  addEventListener('unhandledrejection', note);
  const cases = storeContract.filter(({ title }) => /refused|throws|aborted|FOREIGN_AWAIT|TRANSACTION_FINISHED|CLOSED|close/.test(title));
  expect(cases.length).toBeGreaterThan(20);
  for (const { title, run } of cases) await run({ open: async () => idbStore(`unhandled: ${title}`) });
  // Told in a task of their own.
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  removeEventListener('unhandledrejection', note);
  expect(unhandled).toEqual([]);
});

// The limit of the rule for bodies, and why the suite above runs with a late WebCrypto.
test.runIf('chrome' in globalThis)(
  'Chromium settles a digest before it hands out the promise: a body that awaits it goes on, and commits in full',
  async () => {
    const store = idbStore('digest at once');
    let settled = false;
    void crypto.subtle.digest('SHA-256', new Uint8Array(1)).then(() => (settled = true));
    await Promise.resolve();
    expect(settled).toBe(true);
    const body = async (): Promise<{ result: string; writes: { kind: 'put'; key: string; value: Uint8Array }[] }> => {
      await crypto.subtle.digest('SHA-256', new Uint8Array(1));
      return { result: 'committed', writes: ['a', 'b'].map((key) => ({ kind: 'put', key, value: new Uint8Array(1) })) };
    };
    expect(await store.write(body)).toBe('committed');
    expect(await store.read((tx) => tx.scanKeys({ from: 'a', to: 'c' }))).toEqual(['a', 'b']);
    await store.close();
  },
);
