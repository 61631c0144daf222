import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { ownToken } from '../../tokens/named-token.ts';
import { incrementField, renewalReply, renewNamed } from './renewing.ts';

/** `auth/token/renew-self`: what clients do to stay logged in. */
export const renewSelf: Route = route({
  pattern: 'token/renew-self',
  about: 'Lets the token of the request live longer.',
  fields: { token: { type: 'string', about: 'Not looked at.' }, increment: incrementField },
  operations: {
    async update({ services, store, admission, values }) {
      const now = services.clock();
      const renewal = await store.write((tx) => renewNamed(tx, ownToken(admission.caller), { increment: values.increment, now }));
      return renewalReply(admission.caller.id, renewal);
    },
  },
});
