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
  operations: { read: async () => bare(sealFacts(false)) },
});

export function sealFacts(sealed: boolean): { readonly [name: string]: Out } {
  return {
    type: 'shamir',
    initialized: true,
    sealed,
    t: 1,
    n: 1,
    progress: 0,
    nonce: '',
    version: VERSION,
    build_date: '',
    migration: false,
    cluster_name: 'sealkv',
    recovery_seal: false,
    storage_type: 'sealkv',
  };
}
