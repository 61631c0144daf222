import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { accessorField, mustLoadByAccessor } from './accessor.ts';
import { incrementField, renewalReply, renewNamed } from './renewing.ts';

/** `auth/token/renew-accessor`: for who has no token, only its accessor. */
export const renewAccessor: Route = route({
  pattern: 'token/renew-accessor',
  about: 'Lets the token with an accessor live longer.',
  fields: { accessor: accessorField, increment: incrementField },
  operations: {
    async update({ services, store, admission, values }) {
      const now = services.clock();
      const renewal = await store.write(async (tx) => {
        const named = await mustLoadByAccessor(tx, values.accessor, admission.caller, now);
        return renewNamed(tx, named, { increment: values.increment, now });
      });
      return renewalReply('', renewal);
    },
  },
});
