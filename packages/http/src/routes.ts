import type { SecretEngine } from '@sealkv/core';
import type { Kv1Engine } from '@sealkv/core/kv1';
import { approleLogin } from './auth/approle/login.ts';
import { roleId } from './auth/approle/role-id.ts';
import { roleMembers } from './auth/approle/role-member.ts';
import { role, roles } from './auth/approle/roles.ts';
import { destroyAccessor, destroySecretId, lookupAccessor, lookupSecretId } from './auth/approle/secret-id-lookup.ts';
import { customSecretId, secretIds } from './auth/approle/secret-ids.ts';
import { tidySecretIds } from './auth/approle/tidy.ts';
import type { AuthMount, AuthType } from './auth/auth-mount.ts';
import { jwtConfig } from './auth/jwt/config.ts';
import { jwtLogin } from './auth/jwt/login.ts';
import { jwtRole, jwtRoles } from './auth/jwt/roles.ts';
import { tokenRoutes } from './auth/token/routes.ts';
import { userpassLogin } from './auth/userpass/login.ts';
import { userPassword } from './auth/userpass/user-password.ts';
import { userPolicies } from './auth/userpass/user-policies.ts';
import { user, users } from './auth/userpass/users.ts';
import { cubbyhole } from './cubbyhole/cubbyhole.ts';
import { atomic } from './kv/atomic.ts';
import { config } from './kv/config.ts';
import { secretData } from './kv/data.ts';
import { deleteVersions } from './kv/delete.ts';
import { destroy } from './kv/destroy.ts';
import { detailedMetadata } from './kv/detailed-metadata.ts';
import { metadata } from './kv/metadata.ts';
import { invalidPath } from './kv/invalid-path.ts';
import { subkeys } from './kv/subkeys.ts';
import { undelete } from './kv/undelete.ts';
import { v1Secret } from './kv/v1.ts';
import { ApiError, multiError } from './api-error.ts';
import type { Route } from './route.ts';
import type { Section } from './openapi.ts';
import { openApiDocument } from './openapi.ts';
import { bare } from './reply.ts';
import { route } from './route.ts';
import { auditDevice, auditDevices, auditHash } from './sys/audit.ts';
import { auditExport, auditLog, auditRecord } from './sys/audit-log.ts';
import { authMount, authMounts } from './sys/auth.ts';
import { authTune, authTuneAsMount } from './sys/auth-tune.ts';
import { capabilities, capabilitiesAccessor, capabilitiesSelf } from './sys/capabilities.ts';
import { configCors } from './sys/config-cors.ts';
import { health } from './sys/health.ts';
import { init } from './sys/init.ts';
import { preflight, preflightAll } from './sys/internal-ui-mounts.ts';
import { resultantAcl } from './sys/internal-ui-resultant-acl.ts';
import { leader } from './sys/leader.ts';
import { leases } from './sys/leases.ts';
import { lockedUsers, unlockUser } from './sys/locked-users.ts';
import { mountTune } from './sys/mount-tune.ts';
import { mount, mounts } from './sys/mounts.ts';
import { namespace, namespaces } from './sys/namespaces.ts';
import { detailedPolicies, policies, policy } from './sys/policies-acl.ts';
import { oldPolicies, oldPolicy } from './sys/policy.ts';
import { rateLimit, rateLimits } from './sys/quotas.ts';
import { remount, remountStatus } from './sys/remount.ts';
import { sealStatus } from './sys/seal-status.ts';
import { lookupWrapped, rewrap, unwrap, wrap } from './sys/wrapping.ts';

/** The route table: every endpoint there is, the first that matches counts. */

const policyRoutes: readonly Route[] = [
  policies,
  policy,
  detailedPolicies,
  oldPolicies,
  oldPolicy,
  capabilitiesSelf,
  capabilities,
  capabilitiesAccessor,
  resultantAcl,
];

/** The mounts, and how clients find out about them. */
const mountRoutes: readonly Route[] = [
  authMounts,
  authTune,
  authMount,
  authTuneAsMount,
  lockedUsers,
  unlockUser,
  mounts,
  mountTune,
  mount,
  remount,
  remountStatus,
  preflight,
  preflightAll,
  ...leases,
];

/** What is between a request and everything else: wrapping, records, limits, and which pages may call. */
const edgeRoutes: readonly Route[] = [
  wrap,
  unwrap,
  lookupWrapped,
  rewrap,
  auditDevices,
  auditDevice,
  auditHash,
  auditExport,
  auditRecord,
  auditLog,
  configCors,
  rateLimits,
  rateLimit,
];

/** The whole table as it stands, for tools. */
const openApi: Route = route({
  pattern: 'internal/specs/openapi',
  about: 'This API as an OpenAPI 3.1 document.',
  open: true,
  fields: {},
  operations: { read: async () => bare(openApiDocument(sections())) },
});

/** Paths that no mount can have. */
export const bases: readonly { readonly prefix: string; readonly routes: readonly Route[] }[] = [
  { prefix: 'sys/', routes: [health, sealStatus, init, leader, openApi, ...mountRoutes, namespaces, namespace, ...policyRoutes, ...edgeRoutes] },
  { prefix: 'auth/', routes: tokenRoutes },
  { prefix: 'cubbyhole/', routes: [cubbyhole] },
  { prefix: 'identity/', routes: [] },
];

/** Below a KV v2 mount. */
export const kv2Routes: readonly Route<SecretEngine>[] = [
  config,
  secretData,
  metadata,
  detailedMetadata,
  destroy,
  subkeys,
  atomic,
  deleteVersions,
  undelete,
  invalidPath,
];

/** Below a KV v1 mount. */
export const kv1Routes: readonly Route<Kv1Engine>[] = [v1Secret];

/** Below an auth mount, by its type. */
export const authRoutes: { readonly [T in AuthType]: readonly Route<AuthMount>[] } = {
  approle: [
    approleLogin,
    roles,
    role,
    roleId,
    ...roleMembers,
    secretIds,
    customSecretId,
    lookupSecretId,
    destroySecretId,
    lookupAccessor,
    destroyAccessor,
    tidySecretIds,
  ],
  jwt: [jwtLogin, jwtConfig, jwtRoles, jwtRole],
  userpass: [userpassLogin, users, user, userPassword, userPolicies],
};

/** All of the above, for the OpenAPI document. */
export function sections(): Section[] {
  return [
    { tag: 'kv-v2', base: '{kv_v2_mount_path}/', routes: kv2Routes.filter((row) => row !== invalidPath) },
    { tag: 'kv-v1', base: '{kv_v1_mount_path}/', routes: kv1Routes },
    ...bases.map(({ prefix, routes }) => ({ tag: prefix.slice(0, -1), base: prefix, routes })),
    ...Object.entries(authRoutes).map(([type, routes]) => ({ tag: type, base: `auth/{${type}_mount_path}/`, routes })),
  ].filter(({ routes }) => routes.length > 0);
}

/** Paths below a base that are none. Refused like any other request: by the token first, then by the policies. */
export const unsupportedPath: Route = noEndpoint();
export const unsupportedPathInAuth: Route<AuthMount> = noEndpoint();

function noEndpoint<E>(): Route<E> {
  return route<Record<string, never>, E>({
    pattern: ':rest*',
    about: 'No endpoint.',
    fields: {},
    operations: { read: refuse, list: refuse, scan: refuse, update: refuse, patch: refuse, delete: refuse },
  });
}

async function refuse(): Promise<never> {
  throw new ApiError(404, multiError('unsupported path'));
}
