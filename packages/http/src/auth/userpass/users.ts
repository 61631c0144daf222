import { listingFields } from '../../kv/listing.ts';
import { sortedByName } from '../../json-out.ts';
import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { listNames } from '../list-names.ts';
import { NO_PARAMETERS, oldTokenFields, tokenFields, tokenParametersOut, withTokenParameters } from '../token-parameters.ts';
import { refuseAddresses } from '../token-parameters.ts';
import { hashPassword } from './password-hash.ts';
import { givenPassword, passwordFields, passwordMissing } from './password-input.ts';
import { deleteUser, loadUser, putUser, userName, usersPrefix } from './user-entry.ts';

/** `users`: who can log in. */
export const users: Route<AuthMount> = route({
  pattern: 'users/?',
  about: 'The names of the users.',
  fields: listingFields,
  operations: {
    async list({ store, values }, mount: AuthMount) {
      return store.read((tx) => listNames(tx, usersPrefix(mount.id), values));
    },
  },
});

const { policies, ttl, max_ttl } = oldTokenFields;

/** `users/:username`: a user, their password, and what their tokens are like. Tokens that they have already are not touched. */
export const user: Route<AuthMount> = route({
  pattern: 'users/:username=',
  about: 'A user: make one, look at it, change it, remove it.',
  exists: async (tx, { params, auth }) => (await loadUser(tx, auth!.id, userName(params))) !== undefined,
  grows: ['update'],
  fields: {
    ...passwordFields,
    ...tokenFields,
    policies,
    ttl,
    max_ttl,
    bound_cidrs: { type: 'strings', about: 'Not supported: only an empty list is taken.' },
  },
  operations: {
    async read({ store, params }, mount: AuthMount) {
      const found = await store.read((tx) => loadUser(tx, mount.id, userName(params)));
      return found && data(sortedByName(Object.entries(tokenParametersOut(found.parameters))));
    },

    async update({ services, store, params, values }, { id }) {
      const name = userName(params);
      refuseAddresses('bound_cidrs', values.bound_cidrs);
      // A hash is slow: only for who may, and not for what will be refused anyway.
      const given = givenPassword(values);
      await store.read(async (tx) => {
        const before = await loadUser(tx, id, name);
        if (given === undefined && before === undefined) throw passwordMissing();
        withTokenParameters(before?.parameters ?? NO_PARAMETERS, values);
      });
      const hashed = given === undefined ? undefined : await hashPassword(services, given);
      return store.write(async (tx) => {
        const before = await loadUser(tx, id, name);
        const password = hashed ?? before?.password;
        if (password === undefined) throw passwordMissing();
        const parameters = withTokenParameters(before?.parameters ?? NO_PARAMETERS, values);
        return { result: undefined, writes: [putUser(id, name, { password, parameters })] };
      });
    },

    async delete({ store, params }, { id }) {
      return store.write(async () => ({ result: undefined, writes: deleteUser(id, userName(params)) }));
    },
  },
});
