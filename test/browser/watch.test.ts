import { plaintextSealer, SecretEngine } from '@sealkv/core';
import type { SecretChange } from '@sealkv/core/watch';
import { watch } from '@sealkv/core/watch';
import { idbStore } from '@sealkv/idb-adapter';
import { afterEach, expect, test } from 'vitest';
import { openTab } from './open-tab.ts';
import type { Tab } from './tab.ts';

const tabs: Tab[] = [];
afterEach(() => {
  for (const tab of tabs.splice(0)) tab.close();
});

/** An engine in this page and one in another, on one database. */
async function twoTabs(name: string): Promise<{ here: SecretEngine; there: SecretEngine; tab: Tab }> {
  const tab = await openTab();
  tabs.push(tab);
  return {
    here: new SecretEngine({ store: idbStore(name), sealer: plaintextSealer() }),
    there: new SecretEngine({ store: tab.adapter.idbStore(name), sealer: plaintextSealer() }),
    tab,
  };
}

async function next(watching: AsyncIterator<SecretChange>): Promise<string> {
  const { value, done } = await watching.next();
  return done ? 'end' : `${value.path} ${value.version} ${value.state}${value.initial ? ' (initial)' : ''}`;
}

test("another tab's changes are told after what is there, and a watch in that tab hears of this one's", async () => {
  const { here, there } = await twoTabs('watch: two tabs');
  await there.put('app/a', { n: 1 });
  const [mine, theirs] = [watch(here, 'app/'), watch(there, 'app/a')];
  expect(await next(mine)).toBe('app/a 1 live (initial)');
  expect(await next(theirs)).toBe('app/a 1 live (initial)');
  await there.put('app/b', { n: 1 });
  expect(await next(mine)).toBe('app/b 1 live');
  await there.delete('app/b');
  expect(await next(mine)).toBe('app/b 1 deleted');
  await here.put('app/a', { n: 2 });
  expect(await next(theirs)).toBe('app/a 2 live');
  expect(await next(mine)).toBe('app/a 2 live');
  await there.deleteMetadata('app/a');
  expect(await next(mine)).toBe('app/a 2 removed');
  expect(await next(theirs)).toBe('app/a 2 removed');
  await mine.return();
  await theirs.return();
  await here.close();
});

test.for(['pageshow', 'visibilitychange'])('what a tab committed without telling is found at the next %s', async (event) => {
  const { here, there, tab } = await twoTabs(`watch: lost at ${event}`);
  const watching = watch(here, '');
  await here.put('a', { n: 1 });
  expect(await next(watching)).toBe('a 1 live (initial)');

  // As if the tab had died between its commit and its message.
  tab.window.BroadcastChannel = undefined as never;
  await there.put('a', { n: 2 });
  await there.put('b', { n: 1 });
  const told = next(watching);
  (event === 'pageshow' ? window : document).dispatchEvent(new Event(event, { bubbles: true }));
  expect(await told).toBe('a 2 live');
  expect(await next(watching)).toBe('b 1 live');
  await watching.return();
  await here.close();
});
