import { badRequest } from '../../api-error.ts';
import { sortedByName } from '../../json-out.ts';
import { data } from '../../reply.ts';
import type { Operation } from '../../request.ts';
import type { Handler, Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { checkPeriod } from '../lease-limits.ts';
import type { RoleValues } from './role-entry.ts';
import { loadRole, noSuchRole, putRole, roleFields, roleName, roleOut, withRoleValues } from './role-entry.ts';

type Member = keyof typeof roleFields;

/**
 * What a role has an endpoint of its own for. The first member is the one that is missed when none is given; the last one is what `DELETE` sets to
 * its default.
 */
const MEMBERS: readonly { readonly segment: string; readonly members: readonly Member[]; readonly initial?: RoleValues }[] = [
  { segment: 'policies', members: ['token_policies', 'policies'], initial: { token_policies: [] } },
  { segment: 'bind-secret-id', members: ['bind_secret_id'], initial: { bind_secret_id: true } },
  { segment: 'secret-id-num-uses', members: ['secret_id_num_uses'], initial: { secret_id_num_uses: 0 } },
  { segment: 'secret-id-ttl', members: ['secret_id_ttl'], initial: { secret_id_ttl: 0 } },
  { segment: 'period', members: ['period', 'token_period'], initial: { token_period: 0 } },
  { segment: 'token-num-uses', members: ['token_num_uses'], initial: { token_num_uses: 0 } },
  { segment: 'token-ttl', members: ['token_ttl'], initial: { token_ttl: 0 } },
  { segment: 'token-max-ttl', members: ['token_max_ttl'], initial: { token_max_ttl: 0 } },
  { segment: 'secret-id-bound-cidrs', members: ['secret_id_bound_cidrs'], initial: { secret_id_bound_cidrs: [] } },
  { segment: 'token-bound-cidrs', members: ['token_bound_cidrs'], initial: { token_bound_cidrs: [] } },
  { segment: 'local-secret-ids', members: ['local_secret_ids'] },
];

/** `role/:role_name/policies`, `…/token-ttl` and so on: single members of a role, for clients that may see or change just these. */
export const roleMembers: readonly Route<AuthMount>[] = MEMBERS.map(({ segment, members, initial }) => {
  const fields = Object.fromEntries(members.map((name) => [name, roleFields[name]]));

  const read: Handler<typeof fields, AuthMount> = async ({ store, params }, { id }) => {
    const role = await store.read((tx) => loadRole(tx, id, roleName(params)));
    if (role === undefined) return undefined;
    const out = Object.entries(roleOut(role)).filter(([name]) => Object.hasOwn(fields, name));
    return data(sortedByName(out));
  };

  const change =
    (valuesOf: (given: RoleValues) => RoleValues, whenMissing: 'refuse' | 'nothing'): Handler<typeof fields, AuthMount> =>
    async ({ store, params, values }, mount) =>
      store.write(async (tx) => {
        const name = roleName(params);
        const before = await loadRole(tx, mount.id, name);
        if (before === undefined && whenMissing === 'refuse') throw noSuchRole();
        if (before === undefined) return { result: undefined, writes: [] };
        const after = withRoleValues(before, valuesOf(values as RoleValues));
        checkPeriod(mount, after.parameters);
        return { result: undefined, writes: await putRole(tx, mount.id, name, after, before) };
      });

  const update = change((given) => {
    if (members.every((name) => given[name] === undefined)) throw badRequest(`missing ${members[0]}`);
    return given;
  }, 'refuse');
  const operations: { [O in Operation]?: Handler<typeof fields, AuthMount> } =
    initial === undefined ? { read } : { read, update, delete: change(() => initial, 'nothing') };
  return route({ pattern: `role/:role_name=/${segment}`, about: `Of a role: ${members.join(', ')}.`, fields, operations });
});
