import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { makeToken, makingFields } from './making.ts';

/** `auth/token/create-orphan`: for who may make orphans and need not have `sudo` for it. */
export const createOrphan: Route = route({
  pattern: 'token/create-orphan',
  about: 'A new token that does not end with the one that makes it.',
  grows: ['update'],
  fields: makingFields,
  operations: { update: (call) => makeToken(call, { orphan: true }) },
});
