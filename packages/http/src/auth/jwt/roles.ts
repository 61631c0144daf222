import type { Tree } from '@sealkv/core/json';
import { printTree } from '@sealkv/core/json';
import { badRequest } from '../../api-error.ts';
import type { Values } from '../../fields.ts';
import { listingFields } from '../../kv/listing.ts';
import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { checkPeriod, maxTtlWarnings } from '../lease-limits.ts';
import { listNames } from '../list-names.ts';
import { NO_PARAMETERS, oldTokenFields, refuseAddresses, tokenFields, withTokenParameters } from '../token-parameters.ts';
import { listOf, textOf } from './claims.ts';
import type { JwtRole } from './role-entry.ts';
import { deleteJwtRole, jwtRoleOut, loadJwtRole, putJwtRole, rolesPrefix } from './role-entry.ts';

/** `role`: which roles there are. */
export const jwtRoles: Route<AuthMount> = route({
  pattern: 'role/?',
  about: 'The names of the roles.',
  fields: listingFields,
  operations: {
    async list({ store, values }, mount: AuthMount) {
      return store.read((tx) => listNames(tx, rolesPrefix(mount.id), values));
    },
  },
});

const unusedFields = {
  allowed_redirect_uris: { type: 'strings', about: 'Kept and shown, of no effect, as all that follow: they are about logins with a browser.' },
  callback_mode: { type: 'string', about: 'Of no effect.' },
  max_age: { type: 'duration', about: 'Of no effect.' },
  oauth2_metadata: { type: 'strings', about: 'Of no effect.' },
  oidc_disable_confirmation: { type: 'bool', about: 'Of no effect.' },
  oidc_scopes: { type: 'strings', about: 'Of no effect.' },
  poll_interval: { type: 'int', about: 'Of no effect.' },
  verbose_oidc_logging: { type: 'bool', about: 'Of no effect.' },
} as const;

const fields = {
  role_type: { type: 'string', about: '`jwt`; the other one, `oidc`, is not supported.' },
  bound_audiences: { type: 'strings', about: 'One of them must be an audience of the token.' },
  bound_subject: { type: 'string', about: 'What `sub` must be.' },
  bound_claims: { type: 'map', about: 'What other claims must be: a value or a list of values, by the name of the claim or by a JSON pointer.' },
  bound_claims_type: { type: 'string', about: '`string`, or `glob`: the values are patterns in which `*` stands for any characters.' },
  claim_mappings: { type: 'texts', about: "Claims that go into the tokens' metadata, and their names there." },
  user_claim: { type: 'string', about: 'The claim that says who it is.' },
  user_claim_json_pointer: { type: 'bool', about: 'Whether `user_claim` is a JSON pointer.' },
  groups_claim: { type: 'string', about: 'A claim that must be a list of names, of no effect beyond that: there are no groups.' },
  expiration_leeway: { type: 'signedDuration', about: 'How long a token without `exp` is good; 0: 150 s, negative: not at all.' },
  not_before_leeway: { type: 'signedDuration', about: 'The same for one without `nbf` and `iat`.' },
  clock_skew_leeway: { type: 'signedDuration', about: 'By how much clocks may differ; 0: 60 s, negative: not at all.' },
  token_policies_template_claims: { type: 'bool', about: 'Not supported: only false is taken.' },
  bound_cidrs: { type: 'strings', about: 'Not supported: only an empty list is taken.' },
  ...unusedFields,
  ...oldTokenFields,
  ...tokenFields,
} as const;

const nameOf = ({ name }: Readonly<Record<string, string>>): string => name!.toLowerCase();

/** `role/:name`: which tokens of the issuer are good for a login, and what one gets for them. */
export const jwtRole: Route<AuthMount> = route({
  pattern: 'role/:name=',
  about: 'A role: make one, look at it, change it, remove it.',
  exists: async (tx, { params, auth }) => (await loadJwtRole(tx, auth!.id, nameOf(params))) !== undefined,
  grows: ['update'],
  fields,
  operations: {
    async read({ store, params }, mount: AuthMount) {
      const found = await store.read((tx) => loadJwtRole(tx, mount.id, nameOf(params)));
      return found && data(jwtRoleOut(found));
    },

    async update({ store, params, values }, mount) {
      const name = nameOf(params);
      const { parameters } = await store.write(async (tx) => {
        const role = withRoleValues(await loadJwtRole(tx, mount.id, name), values);
        checkPeriod(mount, role.parameters);
        return { result: role, writes: [putJwtRole(mount.id, name, role)] };
      });
      const warnings = maxTtlWarnings(mount, parameters);
      return warnings.length === 0 ? undefined : data(null, { warnings });
    },

    async delete({ store, params }, { id }) {
      return store.write(async () => ({ result: undefined, writes: [deleteJwtRole(id, nameOf(params))] }));
    },
  },
});

type RoleValues = Values<typeof fields>;

/** @throws ApiError 400 in OpenBao's words */
function withRoleValues(before: JwtRole | undefined, values: RoleValues): JwtRole {
  const { role_type: type = 'oidc' } = values;
  if (type !== 'jwt' && type !== 'oidc' && type !== '') throw badRequest(`invalid 'role_type': ${type}`);
  refuseAddresses('bound_cidrs', values.bound_cidrs);
  if (values.token_policies_template_claims) throw badRequest('token_policies_template_claims is not supported');
  const userClaim = values.user_claim ?? before?.userClaim ?? '';
  if (userClaim === '') throw badRequest('a user claim must be defined on the role');
  if (type !== 'jwt') throw noBrowserLogin(values);
  const boundClaimsType = claimsTypeOf(values.bound_claims_type);
  const { bound_claims: claims, claim_mappings: mappings } = values;
  if (claims !== undefined && claims !== 'null' && boundClaimsType === 'glob') checkPatterns(claims);
  if (mappings !== undefined) checkMappings(mappings);
  const role: JwtRole = {
    boundAudiences: values.bound_audiences ?? before?.boundAudiences,
    boundSubject: values.bound_subject ?? before?.boundSubject ?? '',
    boundClaims: claims === undefined ? before?.boundClaims : claims === 'null' ? undefined : printTree(claims),
    boundClaimsType,
    claimMappings: mappings === undefined ? before?.claimMappings : Object.fromEntries(mappings),
    userClaim,
    userClaimIsPointer: values.user_claim_json_pointer ?? before?.userClaimIsPointer ?? false,
    groupsClaim: values.groups_claim ?? before?.groupsClaim ?? '',
    expirationLeeway: values.expiration_leeway ?? before?.expirationLeeway ?? 0,
    notBeforeLeeway: values.not_before_leeway ?? before?.notBeforeLeeway ?? 0,
    clockSkewLeeway: values.clock_skew_leeway ?? before?.clockSkewLeeway ?? 0,
    parameters: withTokenParameters(before?.parameters ?? NO_PARAMETERS, values),
    unused: { ...before?.unused, ...unusedOf(values) },
  };
  const isBound = (role.boundAudiences ?? []).length > 0 || role.boundSubject !== '' || (role.boundClaims ?? '{}') !== '{}';
  if (!isBound) throw badRequest('must have at least one bound constraint when creating/updating a role');
  return role;
}

function noBrowserLogin({ allowed_redirect_uris: uris = [] }: RoleValues): Error {
  if (uris.length === 0) return badRequest(`'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified.`);
  return badRequest(`logins with a browser are not supported: 'role_type' must be 'jwt'`);
}

function claimsTypeOf(text: string | undefined): 'string' | 'glob' {
  if (text === undefined || text === '' || text === 'string') return 'string';
  if (text === 'glob') return text;
  throw badRequest(`invalid 'bound_claims_type': ${text}`);
}

function checkPatterns(claims: ReadonlyMap<string, Tree>): void {
  for (const value of claims.values()) {
    const patterns = listOf(value);
    if (patterns === undefined) throw badRequest('claim is not a string or list');
    if (patterns.some((pattern) => textOf(pattern) === undefined)) throw badRequest('claim is not a string');
  }
}

function checkMappings(mappings: ReadonlyMap<string, string>): void {
  const targets = new Set<string>();
  for (const target of mappings.values()) {
    if (target === 'role') throw badRequest(`metadata key "role" is reserved and may not be a mapping destination`);
    if (targets.has(target)) throw badRequest(`multiple keys are mapped to metadata key ${JSON.stringify(target)}`);
    targets.add(target);
  }
}

function unusedOf(values: RoleValues): JwtRole['unused'] {
  const { callback_mode: mode } = values;
  if (mode !== undefined && !['client', 'device', 'direct'].includes(mode)) throw badRequest(`invalid 'callback_mode': ${mode}`);
  const names = Object.keys(unusedFields) as (keyof typeof unusedFields)[];
  return Object.fromEntries(names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])));
}
