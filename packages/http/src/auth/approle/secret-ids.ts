import { ApiError, badRequest } from '../../api-error.ts';
import type { Values } from '../../fields.ts';
import { listingFields } from '../../kv/listing.ts';
import type { Reply } from '../../reply.ts';
import { data } from '../../reply.ts';
import type { Call, Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { maxLeaseTtlOf } from '../lease-limits.ts';
import { listNames } from '../list-names.ts';
import { refuseAddresses } from '../token-parameters.ts';
import type { Role } from './role-entry.ts';
import { loadRole, mustLoadRole, roleName } from './role-entry.ts';
import { accessorsPrefix, deleteSecretId, hashSecretId, isExpired, loadStored, putSecretId } from './secret-id-entry.ts';
import { parseMetadata } from './secret-id-metadata.ts';

const issueFields = {
  metadata: { type: 'string', about: 'What tokens get as their metadata: a JSON object of texts, as a text; or `a=b,c=d`.' },
  num_uses: { type: 'int', about: 'For how many logins it is good, at most as many as the role says; 0: any number.' },
  ttl: { type: 'duration', about: 'How long it lives, at most as long as the role says; 0: for ever.' },
  cidr_list: { type: 'strings', about: 'Not supported: only an empty list is taken.' },
  token_bound_cidrs: { type: 'strings', about: 'Not supported: only an empty list is taken.' },
} as const;

/** `role/:role_name/secret-id`: a new random secret id, told once; the list shows accessors. */
export const secretIds: Route<AuthMount> = route({
  pattern: 'role/:role_name=/secret-id/?',
  about: 'Makes a secret id; lists the accessors of those there are.',
  grows: ['update'],
  fields: { ...issueFields, ...listingFields },
  operations: {
    async list({ store, params, values }, mount: AuthMount) {
      const name = roleName(params);
      return store.read(async (tx) => {
        await mustLoadRole(tx, mount.id, name);
        return listNames(tx, accessorsPrefix(mount.id, name), values);
      });
    },

    update: (call, mount) => issue(call, mount, call.services.newUuid()),
  },
});

/** `role/:role_name/custom-secret-id`: a secret id of the caller's choice. */
export const customSecretId: Route<AuthMount> = route({
  pattern: 'role/:role_name=/custom-secret-id',
  about: 'Takes a text as a secret id.',
  grows: ['update'],
  fields: { ...issueFields, secret_id: { type: 'string', about: 'The text.' } },
  operations: { update: (call, mount: AuthMount) => issue(call, mount, call.values.secret_id ?? '') },
});

async function issue({ services, store, params, values }: Call<typeof issueFields>, mount: AuthMount, secretId: string): Promise<Reply> {
  const { id } = mount;
  const name = roleName(params);
  if (secretId.trim() === '') throw badRequest('missing secret_id');
  refuseAddresses('cidr_list', values.cidr_list);
  refuseAddresses('token_bound_cidrs', values.token_bound_cidrs);
  const metadata = parseMetadata(values.metadata ?? '');
  const accessor = services.newUuid();
  const hash = await hashSecretId(services.keys, id, secretId);
  const { numUses, lifetime } = await store.write(async (tx) => {
    const role = await loadRole(tx, id, name);
    if (role === undefined) throw new ApiError(404, `role ${JSON.stringify(name)} does not exist`);
    const now = services.clock();
    const before = await loadStored(tx, id, name, hash);
    if (before !== undefined && !isExpired(before, now)) throw badRequest('failed to store secret_id: SecretID is already registered');
    const limits = limitsOf(role, values);
    // None outlives what the mount allows anything.
    const seconds = Math.min(limits.ttl, maxLeaseTtlOf(mount));
    const times = { createdAt: now, updatedAt: now, ...(seconds > 0 && { expiresAt: now + seconds * 1000 }) };
    const writes = before === undefined ? [] : deleteSecretId(id, name, hash, before);
    writes.push(...putSecretId(id, name, hash, { accessor, ...limits, ...times, metadata }));
    return { result: { numUses: limits.numUses, lifetime: seconds }, writes };
  });
  return data({ secret_id: secretId, secret_id_accessor: accessor, secret_id_num_uses: numUses, secret_id_ttl: lifetime });
}

/** @throws ApiError 400 if the role does not allow so much */
function limitsOf(role: Role, { num_uses: uses, ttl }: Values<typeof issueFields>): { readonly numUses: number; readonly ttl: number } {
  const isMore = (asked: number, most: number): boolean => most > 0 && (asked === 0 || asked > most);
  if (uses !== undefined && uses < 0) throw badRequest('num_uses cannot be negative');
  if (uses !== undefined && isMore(uses, role.secretIdNumUses)) throw badRequest("num_uses cannot be higher than the role's secret_id_num_uses");
  if (ttl !== undefined && isMore(ttl, role.secretIdTtl)) throw badRequest("ttl cannot be longer than the role's secret_id_ttl");
  return { numUses: uses ?? role.secretIdNumUses, ttl: ttl ?? role.secretIdTtl };
}
