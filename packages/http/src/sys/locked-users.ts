import type { ReadTx } from '@sealkv/core';
import type { AuthMount } from '../auth/auth-mount.ts';
import { accessorOf, listAuthMounts } from '../auth/auth-mount.ts';
import { isLockedOut, listFailures, lockoutKey, lockoutOf } from '../auth/lockout.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';

/** `sys/locked-users`: who is locked out for now, after too many failures. */
export const lockedUsers: Route = route({
  pattern: 'locked-users',
  about: 'The users and roles that are locked out.',
  fields: { mount_accessor: { type: 'string', about: 'Only those of the auth mount with this accessor.' } },
  operations: {
    async read({ services, store, values }) {
      const { mount_accessor: only } = values;
      const now = services.clock();
      const byMount = await store.read(async (tx) => {
        const mounts = (await listAuthMounts(tx)).filter((mount) => !only || accessorOf(mount) === only);
        return Promise.all(mounts.map((mount) => lockedOf(tx, mount, now)));
      });
      const locked = byMount.filter(({ counts }) => counts > 0).sort((a, b) => b.counts - a.counts);
      const total = locked.reduce((sum, { counts }) => sum + counts, 0);
      // Of this namespace only: no other one can be looked into from here.
      return data({
        by_namespace: [{ namespace_id: services.namespaceId ?? 'root', namespace_path: '', counts: total, mount_accessors: locked }],
        total,
      });
    },
  },
});

/** `sys/locked-users/:mount_accessor/unlock/:alias_identifier`: lets somebody try again at once. */
export const unlockUser: Route = route({
  pattern: 'locked-users/:mount_accessor/unlock/:alias_identifier+',
  about: 'Forgets the failures of a user, or of a role by its id.',
  fields: {},
  operations: {
    async update({ store, params }) {
      const { mount_accessor: accessor, alias_identifier: alias } = params;
      return store.write(async (tx) => {
        const mount = (await listAuthMounts(tx)).find((each) => accessorOf(each) === accessor);
        const failures = mount === undefined ? [] : await listFailures(tx, mount.id);
        const names = failures.filter((each) => each.alias === alias).map(({ name }) => name);
        return { result: undefined, writes: names.map((name) => ({ kind: 'delete', key: lockoutKey(mount!.id, name) })) };
      });
    },
  },
});

type Locked = { readonly mount_accessor: string; readonly counts: number; readonly alias_identifiers: readonly string[] };

async function lockedOf(tx: ReadTx, mount: AuthMount, now: number): Promise<Locked> {
  const lockout = lockoutOf(mount);
  const locked = (await listFailures(tx, mount.id)).filter((failures) => isLockedOut(lockout, failures, now));
  return { mount_accessor: accessorOf(mount), counts: locked.length, alias_identifiers: locked.map(({ alias }) => alias) };
}
