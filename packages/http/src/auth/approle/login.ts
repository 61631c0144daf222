import { badRequest } from '../../api-error.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { logIn } from '../login.ts';
import { findByRoleId, hashRoleId } from './role-entry.ts';
import { hashSecretId, loadSecretId, useSecretId } from './secret-id-entry.ts';

/**
 * `login`: a token for a role id and a secret id. Both are looked up by keyed hashes, so that an answer takes as long for a role that there is
 * as for one that there is not, and tells nothing by how long it takes.
 */
export const approleLogin: Route<AuthMount> = route({
  pattern: 'login',
  about: 'Logs in with the id of a role and a secret id.',
  open: true,
  writesAfter: 'login',
  fields: {
    role_id: { type: 'string', about: 'The id of the role.' },
    secret_id: { type: 'string', about: 'A secret id of it.' },
  },
  operations: {
    async update(call, mount: AuthMount) {
      const { services, values } = call;
      const roleId = values.role_id?.trim() ?? '';
      if (roleId === '') throw badRequest('missing role_id');
      const [roleHash, hash] = await Promise.all([
        hashRoleId(services.keys, mount.id, roleId),
        hashSecretId(services.keys, mount.id, values.secret_id ?? ''),
      ]);
      return logIn(call, mount, {
        alias: roleId,
        async read(tx) {
          const found = await findByRoleId(tx, mount.id, roleHash);
          return found && { ...found, secretId: await loadSecretId(tx, mount.id, found.name, hash, services.clock()) };
        },
        nameOf: (seen) => seen?.name,
        async verify(seen) {
          if (seen?.secretId === undefined) return { kind: 'failed', message: 'invalid role or secret ID' };
          const { name, role, secretId } = seen;
          return {
            kind: 'proven',
            name,
            alias: roleId,
            displayName: '',
            parameters: role.parameters,
            metadata: { ...secretId.metadata, role_name: name },
            writes: useSecretId(mount.id, name, hash, secretId, services.clock()),
          };
        },
      });
    },
  },
});
