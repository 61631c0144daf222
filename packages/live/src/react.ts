/** Live secrets in React 18 and newer. */
import type { SecretEngine } from '@sealkv/core';
import { useMemo, useSyncExternalStore } from 'react';
import type { Snapshot } from './live.ts';
import { live } from './live.ts';

export type { Snapshot } from './live.ts';

/** The secret at `path` as it is now; renders again when it changes. All components that show it share one watch. */
export function useSecret(secrets: SecretEngine, path: string): Snapshot {
  const { subscribe, getSnapshot, getServerSnapshot } = useMemo(() => live(secrets, path), [secrets, path]);
  return useSyncExternalStore(subscribe, getSnapshot, getServerSnapshot);
}
