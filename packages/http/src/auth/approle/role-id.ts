import { badRequest } from '../../api-error.ts';
import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { hashRoleId, loadRole, noSuchRole, putRole, roleName } from './role-entry.ts';

/** `role/:role_name/role-id`: what names a role in logins. */
export const roleId: Route<AuthMount> = route({
  pattern: 'role/:role_name=/role-id',
  about: 'What names the role in logins.',
  fields: { role_id: { type: 'string', about: 'The new one.' } },
  operations: {
    async read({ store, params }, mount: AuthMount) {
      const role = await store.read((tx) => loadRole(tx, mount.id, roleName(params)));
      return role && data({ role_id: role.roleId });
    },

    async update({ services, store, params, values }, { id }) {
      const name = roleName(params);
      const given = values.role_id?.trim() ?? '';
      const roleIdHash = await hashRoleId(services.keys, id, given);
      return store.write(async (tx) => {
        const before = await loadRole(tx, id, name);
        if (before === undefined) throw noSuchRole();
        if (given === '') throw badRequest('missing role_id');
        return { result: undefined, writes: await putRole(tx, id, name, { ...before, roleId: given, roleIdHash }, before) };
      });
    },
  },
});
