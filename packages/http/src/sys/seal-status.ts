import { stableUuid } from '../auth/stable-uuid.ts';
import type { Out } from '../json-out.ts';
import { bare } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { VERSION } from '../version.ts';

/** `sys/seal-status`: without a token. */
export const sealStatus: Route = route({
  pattern: 'seal-status',
  about: 'Whether there is a key to open secrets with.',
  open: true,
  fields: {},
  operations: {
    async read({ services }) {
      const initialized = await services.isInitialized();
      const clusterId = initialized ? await stableUuid(services.keys, 'cluster') : undefined;
      return bare(sealFacts({ sealed: !initialized, initialized, clusterId }));
    },
  },
});

interface SealState {
  readonly sealed: boolean;
  readonly initialized?: boolean | undefined;
  readonly clusterId?: string | undefined;
}

export function sealFacts({ sealed, initialized = true, clusterId }: SealState): { readonly [name: string]: Out } {
  return {
    type: 'shamir',
    initialized,
    sealed,
    t: initialized ? 1 : 0,
    n: initialized ? 1 : 0,
    progress: 0,
    nonce: '',
    version: VERSION,
    build_date: '',
    migration: false,
    cluster_name: 'sealkv',
    ...(clusterId !== undefined && { cluster_id: clusterId }),
    recovery_seal: false,
    storage_type: 'sealkv',
  };
}
