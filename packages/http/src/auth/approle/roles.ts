import { badRequest } from '../../api-error.ts';
import { sortedByName } from '../../json-out.ts';
import { listingFields } from '../../kv/listing.ts';
import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { checkPeriod, maxTtlWarnings } from '../lease-limits.ts';
import { listNames } from '../list-names.ts';
import { NO_PARAMETERS } from '../token-parameters.ts';
import { deleteRole, hashRoleId, loadRole, putRole, roleFields, roleName, roleOut, rolesPrefix, withRoleValues } from './role-entry.ts';

/** `role`: which roles there are. */
export const roles: Route<AuthMount> = route({
  pattern: 'role/?',
  about: 'The names of the roles.',
  fields: listingFields,
  operations: {
    async list({ store, values }, mount: AuthMount) {
      return store.read((tx) => listNames(tx, rolesPrefix(mount.id), values));
    },
  },
});

/** `role/:role_name`: a role, which programs log in to. Tokens and secret ids that there are already are not touched by changes. */
export const role: Route<AuthMount> = route({
  pattern: 'role/:role_name=',
  about: 'A role: make one, look at it, change it, remove it with its secret ids.',
  exists: async (tx, { params, auth }) => (await loadRole(tx, auth!.id, roleName(params))) !== undefined,
  grows: ['update'],
  fields: { ...roleFields, role_id: { type: 'string', about: 'What names the role in logins; a random UUID if not given.' } },
  operations: {
    async read({ store, params }, mount: AuthMount) {
      const found = await store.read((tx) => loadRole(tx, mount.id, roleName(params)));
      return found && data(sortedByName(Object.entries(roleOut(found))));
    },

    async update({ services, store, params, values }, mount) {
      const { id } = mount;
      const name = roleName(params);
      const given = values.role_id?.trim();
      if (given === '') throw badRequest('invalid role_id supplied, or failed to generate a role_id');
      const { type, warning } = tokenTypeOf(values.token_type);
      const newRoleId = given ?? services.newUuid();
      const newHash = await hashRoleId(services.keys, id, newRoleId);
      const parameters = await store.write(async (tx) => {
        const before = await loadRole(tx, id, name);
        const localSecretIds = before?.localSecretIds ?? values.local_secret_ids ?? false;
        if (before !== undefined && values.local_secret_ids !== undefined)
          throw badRequest('local_secret_ids can only be modified during role creation');
        const keepsRoleId = before !== undefined && given === undefined;
        const { roleId, roleIdHash } = keepsRoleId ? before : { roleId: newRoleId, roleIdHash: newHash };
        const settings = before ?? { localSecretIds, secretIdNumUses: 0, secretIdTtl: 0, parameters: NO_PARAMETERS };
        const after = { ...withRoleValues(settings, { ...values, token_type: type }), roleId, roleIdHash };
        checkPeriod(mount, after.parameters);
        return { result: after.parameters, writes: await putRole(tx, id, name, after, before) };
      });
      const warnings = [...(warning === undefined ? [] : [warning]), ...maxTtlWarnings(mount, parameters)];
      return warnings.length === 0 ? undefined : data(null, { warnings });
    },

    async delete({ store, params }, { id }) {
      const name = roleName(params);
      return store.write(async (tx) => {
        const found = await loadRole(tx, id, name);
        return { result: undefined, writes: found === undefined ? [] : deleteRole(id, name, found) };
      });
    },
  },
});

/** What a mount can be set to means nothing for a role; OpenBao takes it for what comes nearest. */
function tokenTypeOf(given: string | undefined): { readonly type: string | undefined; readonly warning?: string } {
  if (given !== 'default-service' && given !== 'default-batch') return { type: given };
  const type = given.slice('default-'.length);
  return { type, warning: `${given} has no useful meaning; adjusting to ${type}` };
}
