import { badRequest } from '../../api-error.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { credentialsOf } from '../../tokens/credentials.ts';
import { loadNamed } from '../../tokens/named-token.ts';
import { revokeTree } from '../../tokens/token-store.ts';
import { mustBeRevocable } from './revoking.ts';

/** `auth/token/revoke`: ends a token and all that descend from it. */
export const revoke: Route = route({
  pattern: 'token/revoke',
  about: 'Ends a token, and with it all that it has made.',
  fields: { token: { type: 'string', about: 'The token.' } },
  operations: {
    async update({ services, store, admission, values }) {
      const id = values.token;
      if (!id) throw badRequest('missing token ID');
      const credentials = await credentialsOf(id, services);
      await store.write(async (tx) => {
        const named = await loadNamed(tx, credentials, admission.caller, services.clock());
        return { result: undefined, writes: named === undefined ? [] : await revokeTree(tx, mustBeRevocable(named)) };
      });
      return undefined;
    },
  },
});
