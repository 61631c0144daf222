/** Live secrets in Svelte. */
import type { SecretEngine } from '@sealkv/core';
import type { Readable } from 'svelte/store';
import type { Snapshot } from './live.ts';
import { live } from './live.ts';

export type { Snapshot } from './live.ts';

/** The secret at `path` as a store: `$secret` in a component. All stores of it share one watch. */
export function secretStore(secrets: SecretEngine, path: string): Readable<Snapshot> {
  const { subscribe, getSnapshot } = live(secrets, path);
  return {
    subscribe(run) {
      const unsubscribe = subscribe(() => run(getSnapshot()));
      run(getSnapshot());
      return unsubscribe;
    },
  };
}
