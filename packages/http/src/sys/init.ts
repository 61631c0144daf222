import { badRequest, permissionDenied } from '../api-error.ts';
import { bare } from '../reply.ts';
import { tokenOf } from '../request.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import type { Services } from '../services.ts';
import { mintToken } from '../tokens/mint.ts';
import type { TokenEntry } from '../tokens/token-entry.ts';
import { putToken } from '../tokens/token-entry.ts';
import { hasInitRecord, putInitRecord } from './initialization.ts';

/**
 * `sys/init`: makes the first root token, for a server that has none in a binding of its Worker. It works once, and only with the bootstrap secret from
 * another binding, which is good for nothing else. There are no shares of a key: the key is a binding as well.
 */
export const init: Route = route({
  pattern: 'init',
  about: 'Whether there is a root token; makes one, once.',
  open: true,
  writesAfter: 'bootstrap',
  fields: {
    bootstrap_secret: { type: 'string', about: 'The bootstrap secret; or it is in the place of a token.' },
    secret_shares: { type: 'int', about: 'Of no effect, as the next one: the key is not shared out.' },
    secret_threshold: { type: 'int', about: 'Of no effect.' },
    root_token_pgp_key: { type: 'string', about: 'Not supported.' },
  },
  operations: {
    read: async ({ services }) => bare({ initialized: await services.isInitialized() }),

    async update({ services, head, values }) {
      const done = (): Error => badRequest('Vault is already initialized');
      if (await services.isInitialized()) throw done();
      if (!(await isBootstrapSecret(services, values.bootstrap_secret || tokenOf(head)))) throw permissionDenied();
      if (values.root_token_pgp_key) throw badRequest('root_token_pgp_key is not supported');
      const minted = await mintToken(services);
      const isFirst = await services.store.write(async (tx) => {
        if (await hasInitRecord(tx)) return { result: false, writes: [] };
        const now = services.clock();
        return { result: true, writes: [putInitRecord(now), ...putToken(minted.hash, rootToken(minted.accessor, now))] };
      });
      if (!isFirst) throw done();
      return bare({ keys: [], keys_base64: [], root_token: minted.id });
    },
  },
});

async function isBootstrapSecret({ keys, bootstrapSecret }: Services, given: string | undefined): Promise<boolean> {
  if (bootstrapSecret === undefined || given === undefined) return false;
  // Comparing keyed hashes takes the same time whatever the texts are.
  const [a, b] = await Promise.all([keys.mac('login', `bootstrap ${given}`), keys.mac('login', `bootstrap ${bootstrapSecret.reveal()}`)]);
  return a === b;
}

function rootToken(accessor: string, now: number): TokenEntry {
  return {
    accessor,
    policies: ['root'],
    path: 'auth/token/root',
    displayName: 'root',
    numUses: 0,
    createdAt: now,
    creationTtl: 0,
    explicitMaxTtl: 0,
    period: 0,
    renewable: false,
    type: 'service',
  };
}
