import { below, tokenRoleKey } from '../../records.ts';
import { listing } from '../../kv/listing.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';

/** `auth/token/roles`: their names. */
export const roles: Route = route({
  pattern: 'token/roles/?',
  about: 'The roles that tokens are made with.',
  fields: {},
  operations: {
    async list({ store }) {
      const prefix = tokenRoleKey('');
      const keys = await store.read((tx) => tx.scanKeys(below(prefix)));
      return listing(keys.map((key) => key.slice(prefix.length)));
    },
  },
});
