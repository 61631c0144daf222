import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { accessorField, mustLoadByAccessor } from './accessor.ts';
import { tokenOut } from './token-out.ts';

/** `auth/token/lookup-accessor`: for who has no token, only its accessor. */
export const lookupAccessor: Route = route({
  pattern: 'token/lookup-accessor',
  about: 'What the token with an accessor is.',
  fields: { accessor: accessorField },
  operations: {
    async update({ services, store, admission, values }) {
      const now = services.clock();
      const { entry } = await store.read((tx) => mustLoadByAccessor(tx, values.accessor, admission.caller, now));
      return data(tokenOut('', entry, services));
    },
  },
});
