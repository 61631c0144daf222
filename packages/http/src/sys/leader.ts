import { bare } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';

/** `sys/leader`: without a token. There is one server, so it leads. */
export const leader: Route = route({
  pattern: 'leader',
  about: 'Who answers.',
  open: true,
  fields: {},
  operations: {
    read: async () =>
      bare({ ha_enabled: false, is_self: false, active_time: '0001-01-01T00:00:00Z', leader_address: '', leader_cluster_address: '' }),
  },
});
