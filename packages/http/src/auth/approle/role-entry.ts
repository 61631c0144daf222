import type { ReadTx, Write } from '@sealkv/core';
import { ApiError, badRequest, multiError } from '../../api-error.ts';
import type { Values } from '../../fields.ts';
import type { Out } from '../../json-out.ts';
import type { Keys } from '../../keys.ts';
import { authDataPrefix, below, putRecord, readRecord } from '../../records.ts';
import { lockoutKey } from '../lockout.ts';
import type { TokenParameters } from '../token-parameters.ts';
import { oldTokenFields, refuseAddresses, tokenFields, tokenParametersOut, withTokenParameters } from '../token-parameters.ts';
import { secretIdsOfRole } from './secret-id-entry.ts';

/** A role as it is stored, under its name in lower case. Durations in seconds. */
export interface Role {
  /** Names the role in logins. */
  readonly roleId: string;
  /** Its keyed hash, under which the role is found by it. */
  readonly roleIdHash: string;
  /** For each new secret id; 0: any number. */
  readonly secretIdNumUses: number;
  /** For each new secret id; 0: it lives for ever. */
  readonly secretIdTtl: number;
  /** Kept and shown: there is one server, so all are local. */
  readonly localSecretIds: boolean;
  readonly parameters: TokenParameters;
}

export const rolesPrefix = (mountId: string): string => `${authDataPrefix(mountId)}r/`;

const roleKey = (mountId: string, name: string): string => rolesPrefix(mountId) + name;
const roleIdKey = (mountId: string, hash: string): string => `${authDataPrefix(mountId)}i/${hash}`;

/** The one name that a role goes by, as captured from a path. */
export function roleName({ role_name: name }: Readonly<Record<string, string>>): string {
  return name!.toLowerCase();
}

export function hashRoleId(keys: Keys, mountId: string, roleId: string): Promise<string> {
  return keys.mac('login', `role id ${mountId} ${roleId}`);
}

export async function loadRole(tx: ReadTx, mountId: string, name: string): Promise<Role | undefined> {
  const bytes = await tx.get(roleKey(mountId, name));
  return bytes && readRecord<Role>(bytes).facts;
}

/** @throws ApiError 400 */
export async function mustLoadRole(tx: ReadTx, mountId: string, name: string): Promise<Role> {
  const role = await loadRole(tx, mountId, name);
  if (role === undefined) throw badRequest(`role ${JSON.stringify(name)} does not exist`);
  return role;
}

/** The role that has this role id. */
export async function findByRoleId(tx: ReadTx, mountId: string, hash: string): Promise<{ readonly name: string; readonly role: Role } | undefined> {
  const bytes = await tx.get(roleIdKey(mountId, hash));
  if (bytes === undefined) return undefined;
  const { name } = readRecord<{ name: string }>(bytes).facts;
  const role = await loadRole(tx, mountId, name);
  return role && { name, role };
}

/**
 * Stores a role under its name and its role id.
 * @throws ApiError 400 if another one has the role id
 */
export async function putRole(tx: ReadTx, mountId: string, name: string, role: Role, before: Role | undefined): Promise<Write[]> {
  const other = await findByRoleId(tx, mountId, role.roleIdHash);
  if (other !== undefined && other.name !== name) throw badRequest('role_id already in use');
  const writes: Write[] = [putRecord(roleKey(mountId, name), role)];
  if (before?.roleIdHash === role.roleIdHash) return writes;
  if (before !== undefined) writes.push({ kind: 'delete', key: roleIdKey(mountId, before.roleIdHash) });
  return [...writes, putRecord(roleIdKey(mountId, role.roleIdHash), { name })];
}

/** Its secret ids and failures go with it. */
export function deleteRole(mountId: string, name: string, { roleIdHash }: Role): Write[] {
  const keys = [roleKey(mountId, name), roleIdKey(mountId, roleIdHash), lockoutKey(mountId, name)];
  const ranges = secretIdsOfRole(mountId, name).map((prefix) => ({ kind: 'deleteRange' as const, ...below(prefix) }));
  return [...keys.map((key) => ({ kind: 'delete' as const, key })), ...ranges];
}

const ownFields = {
  bind_secret_id: { type: 'bool', about: 'Whether a login takes a secret id. It does: there is nothing else to tell one client from another.' },
  secret_id_num_uses: { type: 'int', about: 'For how many logins each secret id is good; 0: any number.' },
  secret_id_ttl: { type: 'duration', about: 'How long each secret id lives; 0: for ever.' },
  local_secret_ids: { type: 'bool', about: 'Kept and shown, of no effect. Only for a new role.' },
  secret_id_bound_cidrs: { type: 'strings', about: 'Not supported: only an empty list is taken.' },
  bound_cidr_list: { type: 'strings', about: 'The old name of `secret_id_bound_cidrs`.' },
} as const;
const { policies, period } = oldTokenFields;

type RoleFields = typeof ownFields & Pick<typeof oldTokenFields, 'policies' | 'period'> & typeof tokenFields;

/** What a role can be given, as a whole or one by one. */
export const roleFields: RoleFields = { ...ownFields, policies, period, ...tokenFields };

export type RoleValues = Values<RoleFields>;

type RoleSettings = Omit<Role, 'roleId' | 'roleIdHash'>;

/**
 * A role with what a request gives of it.
 * @throws ApiError 400 in OpenBao's words
 */
export function withRoleValues<R extends RoleSettings>(before: R, values: RoleValues): R {
  if (values.bind_secret_id === false) throw badRequest('at least one constraint should be enabled on the role');
  refuseAddresses('secret_id_bound_cidrs', values.secret_id_bound_cidrs);
  refuseAddresses('bound_cidr_list', values.bound_cidr_list);
  const secretIdNumUses = values.secret_id_num_uses ?? before.secretIdNumUses;
  if (secretIdNumUses < 0) throw badRequest('secret_id_num_uses cannot be negative');
  return {
    ...before,
    secretIdNumUses,
    secretIdTtl: values.secret_id_ttl ?? before.secretIdTtl,
    parameters: withTokenParameters(before.parameters, values),
  };
}

/** As reads show it. */
export function roleOut({ localSecretIds, secretIdNumUses, secretIdTtl, parameters }: Role): { readonly [name: string]: Out } {
  return {
    bind_secret_id: true,
    local_secret_ids: localSecretIds,
    secret_id_bound_cidrs: null,
    secret_id_num_uses: secretIdNumUses,
    secret_id_ttl: secretIdTtl,
    ...tokenParametersOut(parameters),
  };
}

/** What is asked of a role that is not there is no endpoint. */
export const noSuchRole = (): ApiError => new ApiError(404, multiError('unsupported path'));
