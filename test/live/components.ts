import type { SecretEngine } from '@sealkv/core';
import { useSecret as useReactSecret } from '@sealkv/live/react';
import { useSecret as useVueSecret } from '@sealkv/live/vue';
import type { ReactElement } from 'react';
import { createElement, StrictMode } from 'react';
import type { Component, Ref } from 'vue';
import { defineComponent, h } from 'vue';
import { words } from './words.ts';

// The same component in each framework; Svelte's is secret.svelte.

function ReactSecret({ secrets, path }: { readonly secrets: SecretEngine; readonly path: string }): ReactElement {
  return createElement('output', null, words(useReactSecret(secrets, path)));
}

/** In strict mode, which subscribes, unsubscribes and subscribes again. */
export function reactSecret(secrets: SecretEngine, path: string): ReactElement {
  return createElement(StrictMode, null, createElement(ReactSecret, { secrets, path }));
}

export function vueSecret(secrets: SecretEngine, path: Ref<string>): Component {
  return defineComponent(() => {
    const secret = useVueSecret(secrets, path);
    return () => h('output', words(secret.value));
  });
}
