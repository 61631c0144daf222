import type { Tree } from '@sealkv/core/json';
import type { ApiError } from '../../api-error.ts';
import { badRequest } from '../../api-error.ts';
import type { Out } from '../../json-out.ts';
import type { Values } from '../../fields.ts';
import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { sanitizeNames, sanitizePolicies } from '../../tokens/policy-set.ts';
import type { TokenRole } from '../../tokens/token-role.ts';
import { deleteTokenRole, loadTokenRole, putTokenRole } from '../../tokens/token-role.ts';
import { DEFAULT_TTL } from '../../tokens/ttl.ts';

const fields = {
  allowed_policies: { type: 'strings', about: 'Policies its tokens may have; those of the caller mean nothing then.' },
  allowed_policies_glob: { type: 'strings', about: 'More of them, with `*` for anything.' },
  disallowed_policies: { type: 'strings', about: 'Policies its tokens must not have.' },
  disallowed_policies_glob: { type: 'strings', about: 'More of them, with `*` for anything.' },
  orphan: { type: 'bool', about: 'Its tokens do not end with those that make them.' },
  renewable: { type: 'bool', about: 'Whether its tokens can be renewed; yes unless told otherwise.' },
  path_suffix: { type: 'string', about: 'What the path that its tokens show ends in.' },
  token_type: { type: 'string', about: '`service`, `batch`, or with `default-` before it what a request that says nothing gets.' },
  token_period: { type: 'duration', about: 'Its tokens can be renewed for ever, by so much at a time.' },
  period: { type: 'duration', about: 'An old name of `token_period`.' },
  token_explicit_max_ttl: { type: 'duration', about: 'For how long its tokens can be made to live.' },
  explicit_max_ttl: { type: 'duration', about: 'An old name of `token_explicit_max_ttl`.' },
  token_no_default_policy: { type: 'bool', about: 'Its tokens come without the policy `default`.' },
  token_num_uses: { type: 'int', about: 'How many requests its tokens are good for; 0: any number.' },
  token_bound_cidrs: { type: 'strings', about: 'Not supported; has to be empty.' },
  bound_cidrs: { type: 'strings', about: 'An old name of `token_bound_cidrs`.' },
  allowed_entity_aliases: { type: 'strings', about: 'Kept and told; there are no entities here.' },
} as const;

/** `auth/token/roles/:role_name`: what tokens that are made with it may be and get. */
export const role: Route = route({
  pattern: 'token/roles/:role_name=',
  about: 'A role that tokens are made with.',
  grows: ['update'],
  exists: async (tx, { params }) => (await loadTokenRole(tx, params['role_name']!)) !== undefined,
  fields,
  operations: {
    async read({ store, params }) {
      const name = params['role_name']!;
      const found = await store.read((tx) => loadTokenRole(tx, name));
      return found && data(roleOut(found));
    },

    async update({ store, params, input, values }) {
      const name = params['role_name']!;
      const warnings = await store.write(async (tx) => {
        const before = (await loadTokenRole(tx, name)) ?? newRole(name);
        const after = changedRole(before, values, input);
        return { result: after.warnings, writes: [putTokenRole(after.role)] };
      });
      return warnings.length === 0 ? undefined : data(null, { warnings });
    },

    async delete({ store, params }) {
      const name = params['role_name']!;
      await store.write(async () => ({ result: undefined, writes: [deleteTokenRole(name)] }));
      return undefined;
    },
  },
});

function newRole(name: string): TokenRole {
  return {
    name,
    allowedPolicies: [],
    allowedPoliciesGlob: [],
    disallowedPolicies: [],
    disallowedPoliciesGlob: [],
    orphan: false,
    renewable: true,
    pathSuffix: '',
    tokenType: 'default-service',
    period: 0,
    oldPeriod: 0,
    explicitMaxTtl: 0,
    oldExplicitMaxTtl: 0,
    noDefaultPolicy: false,
    numUses: 0,
    allowedEntityAliases: [],
  };
}

/**
 * A role with what a request changes of it (OpenBao vault/token_store.go).
 * @throws ApiError 400 if it would contradict itself
 */
function changedRole(
  before: TokenRole,
  values: Values<typeof fields>,
  input: ReadonlyMap<string, Tree>,
): { readonly role: TokenRole; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const both = (name: string): void =>
    void warnings.push(`Both 'token_${name}' and deprecated '${name}' value supplied, ignoring the deprecated value`);
  if (values.token_period !== undefined && values.period !== undefined) both('period');
  if (values.token_explicit_max_ttl !== undefined && values.explicit_max_ttl !== undefined) both('explicit_max_ttl');
  if ((values.token_bound_cidrs ?? values.bound_cidrs ?? []).length > 0)
    throw badRequest('bound CIDRs are not supported: a token must not look safer than it is');
  if ((values.token_num_uses ?? 0) < 0) throw badRequest("error parsing role fields: 'token_num_uses' cannot be negative");

  const role: TokenRole = {
    ...before,
    allowedPolicies: sanitizePolicies(values.allowed_policies ?? before.allowedPolicies),
    allowedPoliciesGlob: sanitizePolicies(values.allowed_policies_glob ?? before.allowedPoliciesGlob),
    disallowedPolicies: sanitizeNames(values.disallowed_policies ?? before.disallowedPolicies),
    disallowedPoliciesGlob: sanitizeNames(values.disallowed_policies_glob ?? before.disallowedPoliciesGlob),
    orphan: values.orphan ?? before.orphan,
    renewable: values.renewable ?? before.renewable,
    pathSuffix: values.path_suffix === undefined ? before.pathSuffix : checkedSuffix(values.path_suffix),
    tokenType: tokenTypeOf(values.token_type, input.get('token_type') === 'null') ?? before.tokenType,
    period: values.token_period ?? values.period ?? before.period,
    oldPeriod: values.token_period === undefined ? (values.period ?? before.oldPeriod) : 0,
    explicitMaxTtl: values.token_explicit_max_ttl ?? values.explicit_max_ttl ?? before.explicitMaxTtl,
    oldExplicitMaxTtl: values.token_explicit_max_ttl === undefined ? (values.explicit_max_ttl ?? before.oldExplicitMaxTtl) : 0,
    noDefaultPolicy: values.token_no_default_policy ?? before.noDefaultPolicy,
    numUses: values.token_num_uses ?? before.numUses,
    allowedEntityAliases: sanitizeNames(values.allowed_entity_aliases ?? before.allowedEntityAliases),
  };
  if (role.tokenType === 'batch') checkBatch(role);
  const maxTtl = values.token_explicit_max_ttl ?? values.explicit_max_ttl ?? 0;
  if (maxTtl > DEFAULT_TTL)
    warnings.push(
      `Given explicit max TTL of ${maxTtl} is greater than system/mount allowed value of ${DEFAULT_TTL} seconds; tokens will live no longer than that`,
    );
  return { role, warnings };
}

/** @throws ApiError 400 */
function checkedSuffix(suffix: string): string {
  const pattern = String.raw`\w[\w-.]+\w`;
  if (suffix !== '' && !/\w[\w.-]+\w/.test(suffix)) throw badRequest(`given role path suffix contains invalid characters; must match ${pattern}`);
  if (suffix.includes('..')) throw badRequest('error registering path suffix: path cannot contain parent references');
  return suffix;
}

function tokenTypeOf(type: string | undefined, isNull: boolean): TokenRole['tokenType'] | undefined {
  if (isNull) throw badRequest("Invalid 'token_type' value: null");
  switch (type) {
    case undefined:
    case 'service':
    case 'batch':
    case 'default-service':
    case 'default-batch':
      return type;
    default:
      throw badRequest(`invalid 'token_type' value ${JSON.stringify(type)}`);
  }
}

/** @throws ApiError 400 for what a batch token can't be */
function checkBatch({ orphan, period, renewable, explicitMaxTtl, numUses }: TokenRole): void {
  const refuse = (what: string): ApiError => badRequest(`'token_type' cannot be 'batch' when role is set to generate ${what}`);
  if (!orphan) throw refuse('non-orphan tokens');
  if (period > 0) throw refuse('periodic tokens');
  if (renewable) throw refuse('renewable tokens');
  if (explicitMaxTtl > 0) throw refuse('tokens with an explicit max TTL');
  if (numUses > 0) throw refuse('tokens with limited use count');
}

function roleOut(role: TokenRole): { readonly [name: string]: Out } {
  return {
    allowed_entity_aliases: role.allowedEntityAliases.length === 0 ? null : role.allowedEntityAliases,
    allowed_policies: role.allowedPolicies,
    allowed_policies_glob: role.allowedPoliciesGlob,
    disallowed_policies: role.disallowedPolicies,
    disallowed_policies_glob: role.disallowedPoliciesGlob,
    explicit_max_ttl: role.oldExplicitMaxTtl,
    name: role.name,
    orphan: role.orphan,
    path_suffix: role.pathSuffix,
    period: role.oldPeriod,
    renewable: role.renewable,
    token_explicit_max_ttl: role.explicitMaxTtl,
    token_no_default_policy: role.noDefaultPolicy,
    ...(role.numUses > 0 && { token_num_uses: role.numUses }),
    token_period: role.period,
    token_type: role.tokenType,
  };
}
