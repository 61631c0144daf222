import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { makeToken, makingFields } from './making.ts';

/** `auth/token/create`: a child of the token of the request. */
export const create: Route = route({
  pattern: 'token/create',
  about: 'A new token.',
  grows: ['update'],
  fields: makingFields,
  operations: { update: (call) => makeToken(call) },
});
