import type { KvStore } from '@sealkv/core';
import { plaintextSealer, SecretEngine } from '@sealkv/core';
import { renderToString as renderReact } from 'react-dom/server';
import { writable } from 'svelte/store';
import { render as renderSvelte } from 'svelte/server';
import { expect, test } from 'vitest';
import { createSSRApp, ref } from 'vue';
import { renderToString as renderVue } from 'vue/server-renderer';
import { reactSecret, vueSecret } from './components.ts';
import SvelteSecret from './secret.svelte';

const frameworks: Readonly<Record<string, (secrets: SecretEngine) => string | Promise<string>>> = {
  react: (secrets) => renderReact(reactSecret(secrets, 'app/login')),
  svelte: (secrets) => renderSvelte(SvelteSecret, { props: { secrets, path: writable('app/login') } }).body,
  vue: (secrets) => renderVue(createSSRApp(vueSecret(secrets, ref('app/login')))),
};

test.for(Object.entries(frameworks))('%s renders "loading", and touches no store', async ([, render]) => {
  const touched: string[] = [];
  const touch = (what: string) => (): never => {
    touched.push(what);
    throw new Error('there is no database on a server');
  };
  const store: KvStore = { read: touch('read'), write: touch('write'), close: touch('close'), onCommit: touch('onCommit') };
  const secrets = new SecretEngine({ store, sealer: plaintextSealer() });
  expect(await render(secrets)).toContain('<output>loading</output>');
  await new Promise((resolve) => setImmediate(resolve));
  expect(touched).toEqual([]);
});
