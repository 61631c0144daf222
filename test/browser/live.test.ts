import type { KvStore } from '@sealkv/core';
import { plaintextSealer, SecretEngine } from '@sealkv/core';
import { idbStore } from '@sealkv/idb-adapter';
import { createRoot } from 'react-dom/client';
import { mount as mountSvelte, unmount as unmountSvelte } from 'svelte';
import { writable } from 'svelte/store';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createApp, ref } from 'vue';
import { reactSecret, vueSecret } from '../live/components.ts';
import SvelteSecret from '../live/secret.svelte';
import { openTab } from './open-tab.ts';
import type { Tab } from './tab.ts';

interface Mounted {
  show(path: string): void;
  unmount(): void;
}

/** Each framework, showing a secret in an element. */
const frameworks: Readonly<Record<string, (element: Element, secrets: SecretEngine, path: string) => Mounted>> = {
  react(element, secrets, path) {
    const root = createRoot(element);
    const show = (next: string): void => root.render(reactSecret(secrets, next));
    show(path);
    return { show, unmount: () => root.unmount() };
  },
  svelte(element, secrets, first) {
    const path = writable(first);
    const component = mountSvelte(SvelteSecret, { target: element, props: { secrets, path } });
    return { show: (next) => path.set(next), unmount: () => void unmountSvelte(component) };
  },
  vue(element, secrets, first) {
    const path = ref(first);
    const app = createApp(vueSecret(secrets, path));
    app.mount(element);
    return { show: (next) => void (path.value = next), unmount: () => app.unmount() };
  },
};

/** A store, and how many listen to its commits now and have listened so far. */
function counted(below: KvStore): { store: KvStore; listeners: { now: number; ever: number } } {
  const listeners = { now: 0, ever: 0 };
  const onCommit: KvStore['onCommit'] = (listener) => {
    const unlisten = below.onCommit!(listener);
    listeners.now++;
    listeners.ever++;
    return () => {
      listeners.now--;
      unlisten();
    };
  };
  return { store: { read: below.read.bind(below), write: below.write.bind(below), close: below.close.bind(below), onCommit }, listeners };
}

const tabs: Tab[] = [];
afterEach(() => {
  for (const tab of tabs.splice(0)) tab.close();
  document.body.replaceChildren();
});

describe.for(Object.entries(frameworks))('%s', ([framework, mount]) => {
  const shows = (element: Element, text: string): Promise<void> => vi.waitFor(() => expect(element.textContent).toBe(text), { timeout: 60_000 });

  async function setup(title: string) {
    const tab = await openTab();
    tabs.push(tab);
    const name = `live: ${framework} ${title}`;
    const { store, listeners } = counted(idbStore(name));
    const here = new SecretEngine({ store, sealer: plaintextSealer() });
    const there = new SecretEngine({ store: tab.adapter.idbStore(name), sealer: plaintextSealer() });
    const place = (): Element => document.body.appendChild(document.createElement('main'));
    return { here, there, listeners, place };
  }

  test('shows a secret, and what another tab makes of it', async () => {
    const { here, there, listeners, place } = await setup('another tab');
    await there.put('app/login', { user: 'ada' });
    const main = place();
    const page = mount(main, here, 'app/login');
    await shows(main, '1 {"user":"ada"}');
    await there.put('app/login', { user: 'grace' });
    await shows(main, '2 {"user":"grace"}');
    await there.delete('app/login');
    await shows(main, '2 deleted');
    await there.deleteMetadata('app/login');
    await shows(main, 'nothing');
    await here.put('app/login', { user: 'joan' });
    await shows(main, '1 {"user":"joan"}');
    page.unmount();
    await vi.waitFor(() => expect(listeners).toEqual({ now: 0, ever: 1 }));
    await here.close();
  });

  test('two components share one watch, and the last one ends it', async () => {
    const { here, there, listeners, place } = await setup('two components');
    await there.put('a', { n: 1 });
    const elements = [place(), place()] as const;
    const pages = elements.map((element) => mount(element, here, 'a'));
    for (const element of elements) await shows(element, '1 {"n":1}');
    pages[0]!.unmount();
    await there.put('a', { n: 2 });
    await shows(elements[1], '2 {"n":2}');
    expect(listeners).toEqual({ now: 1, ever: 1 });
    pages[1]!.unmount();
    await vi.waitFor(() => expect(listeners).toEqual({ now: 0, ever: 1 }));
    await there.put('a', { n: 3 });
    await here.close();
  });

  test('goes on to another path, without a moment of the wrong secret', async () => {
    const { here, there, listeners, place } = await setup('another path');
    await there.put('a', { of: 'a' });
    await there.put('b', { of: 'b' });
    const main = place();
    const page = mount(main, here, 'a');
    await shows(main, '1 {"of":"a"}');
    const shown: (string | null)[] = [];
    new MutationObserver(() => shown.push(main.textContent)).observe(main, { subtree: true, childList: true, characterData: true });
    page.show('b');
    await shows(main, '1 {"of":"b"}');
    expect(shown).toEqual(['loading', '1 {"of":"b"}']);
    await there.put('a', { of: 'a again' });
    await there.put('b', { of: 'b again' });
    await shows(main, '2 {"of":"b again"}');
    page.unmount();
    await vi.waitFor(() => expect(listeners).toEqual({ now: 0, ever: 2 }));
    await here.close();
  });

  test('shows that the store was closed', async () => {
    const { here, listeners, place } = await setup('closed');
    const main = place();
    const page = mount(main, here, 'a');
    await shows(main, 'nothing');
    await here.close();
    await shows(main, 'failed: CLOSED');
    page.unmount();
    expect(listeners.now).toBe(0);
  });
});
