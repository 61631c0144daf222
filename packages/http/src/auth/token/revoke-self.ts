import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { ownToken } from '../../tokens/named-token.ts';
import { revokeTree } from '../../tokens/token-store.ts';
import { mustBeRevocable } from './revoking.ts';

/** `auth/token/revoke-self`: what clients do to log out. */
export const revokeSelf: Route = route({
  pattern: 'token/revoke-self',
  about: 'Ends the token of the request, and with it all that it has made.',
  fields: {},
  operations: {
    async update({ store, admission }) {
      await store.write(async (tx) => ({ result: undefined, writes: await revokeTree(tx, mustBeRevocable(ownToken(admission.caller))) }));
      return undefined;
    },
  },
});
