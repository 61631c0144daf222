import type { KvStore, Touched, Write } from '@sealkv/core';
import { idbStore } from '@sealkv/idb-adapter';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openTab } from './open-tab.ts';
import type { Tab } from './tab.ts';

let tab: Tab;
beforeEach(async () => {
  tab = await openTab();
});
afterEach(() => {
  tab.close();
  vi.unstubAllGlobals();
});

describe('what is told of a commit', () => {
  test('goes to the other tabs, in both directions, with keys and without values', async () => {
    const [here, there] = [idbStore('two tabs'), tab.adapter.idbStore('two tabs')];
    const [ears, othersEars] = [await listen(here), await listen(there)];
    const messages: unknown[] = [];
    const channel = new BroadcastChannel('sealkv:two tabs');
    channel.onmessage = ({ data }) => messages.push(data);

    await commit(there, put('a/1'), { kind: 'deleteRange', from: 'b/', to: 'b0' }, { kind: 'delete', key: 'c' });
    const touched = [
      { kind: 'put', key: 'a/1' },
      { kind: 'deleteRange', from: 'b/', to: 'b0' },
      { kind: 'delete', key: 'c' },
    ];
    expect(await ears.next()).toEqual(touched);
    expect(await othersEars.next()).toEqual(touched);
    await commit(here, put('d'));
    expect(await othersEars.next()).toEqual([{ kind: 'put', key: 'd' }]);
    expect(await ears.next()).toEqual([{ kind: 'put', key: 'd' }]);

    await vi.waitFor(() => expect(messages).toHaveLength(2));
    const revision = expect.stringMatching(/^\d{20,40}$/) as string;
    expect(messages).toEqual([
      { from: undefined, to: revision, touched },
      { from: (messages[0] as { to: string }).to, to: revision, touched: [{ kind: 'put', key: 'd' }] },
    ]);
    channel.close();
    await here.close();
  });

  test('is told by a page in which nobody listens, and costs it no channel that stays open', async () => {
    let open = 0;
    class CountedChannel extends tab.window.BroadcastChannel {
      constructor(name: string) {
        super(name);
        open++;
      }
      override close(): void {
        super.close();
        open--;
      }
    }
    tab.window.BroadcastChannel = CountedChannel;
    const [here, there] = [idbStore('a writer'), tab.adapter.idbStore('a writer')];
    const ears = await listen(here);
    await commit(there, put('a'));
    expect(await ears.next()).toEqual([{ kind: 'put', key: 'a' }]);
    expect(open).toBe(0);
    const end = there.onCommit!(() => undefined);
    expect(open).toBe(1);
    end();
    expect(open).toBe(0);
    await here.close();
  });

  test('is heard by all handles of the page where there is no BroadcastChannel, and found elsewhere at the next look', async () => {
    vi.stubGlobal('BroadcastChannel', undefined);
    const [here, other, there] = [idbStore('no channel'), idbStore('no channel'), tab.adapter.idbStore('no channel')];
    const ears = await listen(here);
    await commit(other, put('a'));
    expect(await ears.next()).toEqual([{ kind: 'put', key: 'a' }]);
    await commit(there, put('b'));
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    expect(await ears.next()).toBeUndefined();
    await Promise.all([here.close(), other.close()]);
  });
});

describe('a message that was lost', () => {
  // The page ends between its commit and its message.
  async function commitAndDie(name: string): Promise<void> {
    const died = Promise.withResolvers<void>();
    const indexedDB = tab.faultyIndexedDB(tab.window.indexedDB, {
      onEvent(_, event) {
        if (event !== 'complete') return 'go';
        tab.close();
        died.resolve();
        return 'crash';
      },
    });
    void commit(tab.adapter.idbStore(name, { indexedDB }), put('a'));
    await died.promise;
  }

  const wake = { pageshow: () => dispatchEvent(new Event('pageshow')), visibilitychange: () => document.dispatchEvent(visible()) };
  const visible = (): Event => new Event('visibilitychange', { bubbles: true });

  test.each(['pageshow', 'visibilitychange'] as const)('is made up for at %s, and only if there was one', async (type) => {
    const name = `lost, ${type}`;
    const store = idbStore(name);
    const ears = await listen(store);
    await commit(store, put('before'));
    await ears.next();
    wake[type]();
    await store.read(async (tx) => tx.get('a')); // its turn comes after that of the look
    expect(ears.left()).toBe(0);
    await commitAndDie(name);
    wake[type]();
    expect(await ears.next()).toBeUndefined();
    await commit(store, put('after'));
    expect(await ears.next()).toEqual([{ kind: 'put', key: 'after' }]);
    await store.close();
  });

  test('is found out by the next commit that is heard of', async () => {
    const store = idbStore('lost, next');
    const ears = await listen(store);
    await commit(store, put('before'));
    await ears.next();
    await commitAndDie('lost, next');
    const another = await openTab();
    await commit(another.adapter.idbStore('lost, next'), put('c'));
    expect(await ears.next()).toBeUndefined();
    await commit(store, put('after'));
    expect(await ears.next()).toEqual([{ kind: 'put', key: 'after' }]);
    another.close();
    await store.close();
  });

  test('while the page is in the back/forward cache is made up for when it comes back; the channel is closed meanwhile', async () => {
    const [here, there] = [idbStore('bfcache'), tab.adapter.idbStore('bfcache')];
    const [ears, othersEars] = [await listen(here), await listen(there)];
    dispatchEvent(new Event('pagehide'));
    await commit(there, put('a'));
    await othersEars.next();
    // Messages come in their order: what is said now comes after what would have been heard.
    const channels = [new BroadcastChannel('sealkv:bfcache'), new tab.window.BroadcastChannel('sealkv:bfcache')] as const;
    await new Promise((resolve) => {
      channels[0].onmessage = resolve;
      channels[1].postMessage(undefined);
    });
    expect(ears.left()).toBe(0);
    for (const channel of channels) channel.close();
    dispatchEvent(new Event('pageshow'));
    expect(await ears.next()).toBeUndefined();
    await commit(there, put('b'));
    expect(await ears.next()).toEqual([{ kind: 'put', key: 'b' }]);
    await here.close();
  });
});

interface Ears {
  /** What was heard next. */
  next(): Promise<readonly Touched[] | undefined>;
  /** How much was heard that nobody has asked for. */
  left(): number;
}

async function listen(store: KvStore): Promise<Ears> {
  const heard: (readonly Touched[] | undefined)[] = [];
  let wake = (): void => {};
  store.onCommit!((touched) => {
    heard.push(touched);
    wake();
  });
  await store.read((tx) => tx.get('a')); // then it knows where it starts from
  return {
    async next() {
      while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return heard.shift();
    },
    left: () => heard.length,
  };
}

function commit(store: KvStore, ...writes: readonly Write[]): Promise<void> {
  return store.write(async () => ({ result: undefined, writes }));
}

function put(key: string): Write {
  return { kind: 'put', key, value: new TextEncoder().encode('the value') };
}
