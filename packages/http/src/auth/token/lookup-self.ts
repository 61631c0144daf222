import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';

/** `auth/token/lookup-self`: what clients ask first, to see whether their token works. */
export const lookupSelf: Route = route({
  pattern: 'token/lookup-self',
  about: 'The token of the request.',
  fields: {},
  operations: {
    async read({ caller: { token, policies } }) {
      return data({
        accessor: '',
        creation_time: 0,
        creation_ttl: 0,
        display_name: 'root',
        entity_id: '',
        expire_time: null,
        explicit_max_ttl: 0,
        id: token,
        meta: null,
        num_uses: 0,
        orphan: true,
        path: 'auth/token/root',
        policies,
        ttl: 0,
        type: 'service',
      });
    },
  },
});
