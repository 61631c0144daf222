import { bare } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';

/** `sys/init`: without a token. */
export const init: Route = route({
  pattern: 'init',
  about: 'Whether the server has been set up.',
  open: true,
  fields: {},
  operations: { read: async () => bare({ initialized: true }) },
});
