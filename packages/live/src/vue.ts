/** Live secrets in Vue 3. */
import type { SecretEngine } from '@sealkv/core';
import type { ComputedRef, MaybeRefOrGetter } from 'vue';
import { computed, shallowRef, toValue, triggerRef, watchPostEffect } from 'vue';
import type { Snapshot } from './live.ts';
import { live } from './live.ts';

export type { Snapshot } from './live.ts';

/** The secret at `path`, which may be a ref or a getter, as it is now. All components that show it share one watch; a server that renders starts none. */
export function useSecret(secrets: SecretEngine, path: MaybeRefOrGetter<string>): ComputedRef<Snapshot> {
  const changes = shallowRef();
  watchPostEffect((onCleanup) => {
    onCleanup(live(secrets, toValue(path)).subscribe(() => triggerRef(changes)));
    triggerRef(changes); // what has changed between rendering and listening
  });
  return computed(() => {
    void changes.value;
    return live(secrets, toValue(path)).getSnapshot();
  });
}
