import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { makeToken, makingFields } from './making.ts';

/** `auth/token/create/:role_name`: what it may be is up to the role. */
export const createWithRole: Route = route({
  pattern: 'token/create/:role_name=',
  about: 'A new token, as a role says.',
  grows: ['update'],
  fields: makingFields,
  operations: { update: (call) => makeToken(call, { role: call.params['role_name']! }) },
});
