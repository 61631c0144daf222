import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { oldTokenFields, tokenFields, withTokenParameters } from '../token-parameters.ts';
import { mustLoadUser, putUser, userName } from './user-entry.ts';

/** `users/:username/policies`: other policies for the tokens to come. */
export const userPolicies: Route<AuthMount> = route({
  pattern: 'users/:username=/policies',
  about: 'Sets the policies of a user.',
  fields: { policies: oldTokenFields.policies, token_policies: tokenFields.token_policies },
  operations: {
    async update({ store, params, values }, { id }: AuthMount) {
      const name = userName(params);
      return store.write(async (tx) => {
        const user = await mustLoadUser(tx, id, name);
        return { result: undefined, writes: [putUser(id, name, { ...user, parameters: withTokenParameters(user.parameters, values) })] };
      });
    },
  },
});
