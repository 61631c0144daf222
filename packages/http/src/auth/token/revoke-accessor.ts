import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { loadByAccessor } from '../../tokens/named-token.ts';
import { revokeTree } from '../../tokens/token-store.ts';
import { accessorField, mustName } from './accessor.ts';
import { mustBeRevocable } from './revoking.ts';

/** `auth/token/revoke-accessor`: for who has no token, only its accessor. */
export const revokeAccessor: Route = route({
  pattern: 'token/revoke-accessor',
  about: 'Ends the token with an accessor, and with it all that it has made.',
  fields: { accessor: accessorField },
  operations: {
    async update({ services, store, admission, values }) {
      const accessor = mustName(values.accessor);
      const isFound = await store.write(async (tx) => {
        const named = await loadByAccessor(tx, accessor, admission.caller, services.clock());
        return { result: named !== undefined, writes: named === undefined ? [] : await revokeTree(tx, mustBeRevocable(named)) };
      });
      return isFound ? undefined : data(null, { warnings: ['No token found with this accessor'] });
    },
  },
});
