import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { hashPassword } from './password-hash.ts';
import { givenPassword, passwordFields, passwordMissing } from './password-input.ts';
import { mustLoadUser, putUser, userName } from './user-entry.ts';

/** `users/:username/password`: a new password. */
export const userPassword: Route<AuthMount> = route({
  pattern: 'users/:username=/password',
  about: 'Sets the password of a user.',
  fields: passwordFields,
  operations: {
    async update({ services, store, params, values }, { id }: AuthMount) {
      const name = userName(params);
      const given = givenPassword(values);
      await store.read((tx) => mustLoadUser(tx, id, name));
      if (given === undefined) throw passwordMissing();
      const password = await hashPassword(services, given);
      return store.write(async (tx) => ({ result: undefined, writes: [putUser(id, name, { ...(await mustLoadUser(tx, id, name)), password })] }));
    },
  },
});
