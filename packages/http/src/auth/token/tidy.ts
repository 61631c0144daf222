import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';

/** `auth/token/tidy`: there is nothing to tidy, because every transaction leaves its records whole. Answered as OpenBao does. */
export const tidy: Route = route({
  pattern: 'token/tidy',
  about: 'Does nothing: no records are left behind that would have to be tidied up.',
  fields: {},
  operations: {
    update: async () => data(null, { status: 202, warnings: ['Tidy operation successfully started. There is nothing to tidy, so it is over.'] }),
  },
});
