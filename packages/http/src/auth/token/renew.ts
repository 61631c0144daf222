import { badRequest } from '../../api-error.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { credentialsOf } from '../../tokens/credentials.ts';
import { loadNamed } from '../../tokens/named-token.ts';
import { incrementField, renewalReply, renewNamed } from './renewing.ts';

/** `auth/token/renew`: any token, for who has it. */
export const renew: Route = route({
  pattern: 'token/renew',
  about: 'Lets a token live longer.',
  fields: { token: { type: 'string', about: 'The token.' }, increment: incrementField },
  operations: {
    async update({ services, store, admission, values }) {
      const id = values.token;
      if (!id) throw badRequest('missing token ID');
      const credentials = await credentialsOf(id, services);
      const now = services.clock();
      const renewal = await store.write(async (tx) => {
        const named = await loadNamed(tx, credentials, admission.caller, now);
        return renewNamed(tx, named, { increment: values.increment, now });
      });
      return renewalReply(id, renewal);
    },
  },
});
