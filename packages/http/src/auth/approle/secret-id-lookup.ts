import type { ReadTx } from '@sealkv/core';
import { ApiError, badRequest } from '../../api-error.ts';
import type { Reply } from '../../reply.ts';
import { data } from '../../reply.ts';
import type { Call, Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { mustLoadRole, roleName } from './role-entry.ts';
import { deleteSecretId, findByAccessor, hashSecretId, loadSecretId, secretIdOut } from './secret-id-entry.ts';

const bySecretId = { secret_id: { type: 'string', about: 'The secret id.' } } as const;
const byAccessor = { secret_id_accessor: { type: 'string', about: 'The accessor of the secret id.' } } as const;

/** `role/:role_name/secret-id/lookup`: what is known of a secret id. */
export const lookupSecretId: Route<AuthMount> = route({
  pattern: 'role/:role_name=/secret-id/lookup/?',
  about: 'What is known of a secret id.',
  fields: bySecretId,
  operations: { update: async (call, mount: AuthMount) => lookup(call, mount, await hashFinder(call, mount)) },
});

/** `role/:role_name/secret-id/destroy`: ends a secret id. */
export const destroySecretId: Route<AuthMount> = route({
  pattern: 'role/:role_name=/secret-id/destroy/?',
  about: 'Ends a secret id.',
  fields: bySecretId,
  operations: {
    update: async (call, mount: AuthMount) => destroy(call, mount, await hashFinder(call, mount)),
    delete: async (call, mount) => destroy(call, mount, await hashFinder(call, mount)),
  },
});

/** `role/:role_name/secret-id-accessor/lookup`: the same, for who knows the accessor only. */
export const lookupAccessor: Route<AuthMount> = route({
  pattern: 'role/:role_name=/secret-id-accessor/lookup/?',
  about: 'What is known of the secret id with this accessor.',
  fields: byAccessor,
  operations: { update: (call, mount: AuthMount) => lookup(call, mount, accessorFinder(call, mount)) },
});

/** `role/:role_name/secret-id-accessor/destroy`: the same, for who knows the accessor only. */
export const destroyAccessor: Route<AuthMount> = route({
  pattern: 'role/:role_name=/secret-id-accessor/destroy/?',
  about: 'Ends the secret id with this accessor.',
  fields: byAccessor,
  operations: {
    update: (call, mount: AuthMount) => destroy(call, mount, accessorFinder(call, mount)),
    delete: (call, mount) => destroy(call, mount, accessorFinder(call, mount)),
  },
});

/** Finds the hash of the secret id that is meant, within a transaction. */
type Finder = (tx: ReadTx) => Promise<string>;

async function hashFinder({ services, values }: Call<typeof bySecretId>, { id }: AuthMount): Promise<Finder> {
  if (!values.secret_id) throw badRequest('missing secret_id');
  const hash = await hashSecretId(services.keys, id, values.secret_id);
  return async () => hash;
}

function accessorFinder({ params, values }: Call<typeof byAccessor>, { id }: AuthMount): Finder {
  const { secret_id_accessor: accessor } = values;
  if (!accessor) throw badRequest('missing secret_id_accessor');
  return async (tx) => {
    const hash = await findByAccessor(tx, id, roleName(params), accessor);
    if (hash === undefined) throw new ApiError(404, `failed to find accessor entry for secret_id_accessor: ${JSON.stringify(accessor)}`);
    return hash;
  };
}

async function lookup({ services, store, params }: Omit<Call, 'values'>, { id }: AuthMount, find: Finder): Promise<Reply> {
  const name = roleName(params);
  const found = await store.read(async (tx) => {
    await mustLoadRole(tx, id, name);
    return loadSecretId(tx, id, name, await find(tx), services.clock());
  });
  return found && data(secretIdOut(found));
}

async function destroy({ services, store, params }: Omit<Call, 'values'>, { id }: AuthMount, find: Finder): Promise<Reply> {
  const name = roleName(params);
  return store.write(async (tx) => {
    await mustLoadRole(tx, id, name);
    const hash = await find(tx);
    const found = await loadSecretId(tx, id, name, hash, services.clock());
    return { result: undefined, writes: found === undefined ? [] : deleteSecretId(id, name, hash, found) };
  });
}
