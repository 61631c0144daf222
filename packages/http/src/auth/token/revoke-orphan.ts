import { badRequest } from '../../api-error.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { credentialsOf } from '../../tokens/credentials.ts';
import { loadNamed } from '../../tokens/named-token.ts';
import { revokeOrphan as orphaning } from '../../tokens/token-store.ts';
import { mustBeRevocable } from './revoking.ts';

/** `auth/token/revoke-orphan`: ends a token alone; its children live on as orphans. */
export const revokeOrphan: Route = route({
  pattern: 'token/revoke-orphan',
  about: 'Ends a token, and nothing of what it has made.',
  fields: { token: { type: 'string', about: 'The token.' } },
  operations: {
    async update({ services, store, admission, values }) {
      const id = values.token;
      if (!id) throw badRequest('missing token ID');
      const credentials = await credentialsOf(id, services);
      await store.write(async (tx) => {
        if (!admission.caller.accesses.every(({ sudo }) => sudo)) throw badRequest('root or sudo privileges required to revoke and orphan');
        const named = await loadNamed(tx, credentials, admission.caller, services.clock());
        if (named === undefined) throw badRequest('token to revoke not found');
        return { result: undefined, writes: await orphaning(tx, mustBeRevocable(named)) };
      });
      return undefined;
    },
  },
});
