import { badRequest } from '../../api-error.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { logIn } from '../login.ts';
import { isPassword } from './password-hash.ts';
import { loadUser, userName } from './user-entry.ts';

/** `login/:username`: a token for a password. */
export const userpassLogin: Route<AuthMount> = route({
  pattern: 'login/:username=',
  about: 'Logs in with a name and a password.',
  open: true,
  writesAfter: 'login',
  fields: { password: { type: 'string', about: 'The password.' } },
  operations: {
    async update(call, mount: AuthMount) {
      const { services, params, values } = call;
      const name = userName(params);
      const password = values.password ?? '';
      if (password === '') throw badRequest('missing password');
      return logIn(call, mount, {
        alias: name,
        read: (tx) => loadUser(tx, mount.id, name),
        nameOf: (user) => user && name,
        async verify(user) {
          // Whether there is such a user or not.
          const isRight = await isPassword(services, password, user?.password);
          if (user === undefined || !isRight) return { kind: 'failed', message: 'invalid username or password' };
          return { kind: 'proven', name, alias: name, displayName: name, parameters: user.parameters, metadata: { username: name } };
        },
      });
    },
  },
});
