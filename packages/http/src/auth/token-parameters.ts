import { badRequest } from '../api-error.ts';
import type { Values } from '../fields.ts';
import type { Out } from '../json-out.ts';

/** What a user or role says of the tokens it gets. Durations in seconds; 0: as the mount says. */
export interface TokenParameters {
  readonly policies: readonly string[];
  readonly noDefaultPolicy: boolean;
  readonly ttl: number;
  readonly maxTtl: number;
  readonly explicitMaxTtl: number;
  readonly period: number;
  /** 0: any number. */
  readonly numUses: number;
  readonly type: 'default' | 'service' | 'batch';
  /** Which of them were given by the names they had before (`policies` for `token_policies`): by those they are shown as well. */
  readonly oldNames: readonly OldName[];
}

export const NO_PARAMETERS: TokenParameters = {
  policies: [],
  noDefaultPolicy: false,
  ttl: 0,
  maxTtl: 0,
  explicitMaxTtl: 0,
  period: 0,
  numUses: 0,
  type: 'default',
  oldNames: [],
};

export const tokenFields = {
  token_policies: { type: 'strings', about: 'The policies of the tokens.' },
  token_no_default_policy: { type: 'bool', about: 'Whether the tokens go without the policy `default`.' },
  token_ttl: { type: 'duration', about: 'How long a token lives unless it is renewed; 0: as the mount says.' },
  token_max_ttl: { type: 'duration', about: 'How long it can be kept alive by renewals; 0: as the mount says.' },
  token_explicit_max_ttl: { type: 'duration', about: 'The same, fixed when the token is made.' },
  token_period: { type: 'duration', about: 'With it a token can be renewed for ever, for so long each time.' },
  token_num_uses: { type: 'int', about: 'How often a token can be used; 0: any number of times.' },
  token_type: { type: 'string', about: '`service`, `batch` or `default`: as the mount says.' },
  token_bound_cidrs: { type: 'strings', about: 'Not supported: only an empty list is taken.' },
  token_strictly_bind_ip: { type: 'bool', about: 'Not supported: only false is taken.' },
} as const;

/** What some of them were called once. */
const OLD_NAMES = {
  policies: { now: 'token_policies', member: 'policies' },
  ttl: { now: 'token_ttl', member: 'ttl' },
  max_ttl: { now: 'token_max_ttl', member: 'maxTtl' },
  period: { now: 'token_period', member: 'period' },
  num_uses: { now: 'token_num_uses', member: 'numUses' },
} as const;

export type OldName = keyof typeof OLD_NAMES;
export const oldTokenFields = {
  policies: { type: 'strings', about: 'The old name of `token_policies`.' },
  ttl: { type: 'duration', about: 'The old name of `token_ttl`.' },
  max_ttl: { type: 'duration', about: 'The old name of `token_max_ttl`.' },
  period: { type: 'duration', about: 'The old name of `token_period`.' },
  num_uses: { type: 'int', about: 'The old name of `token_num_uses`.' },
} as const;

type Given = Values<typeof tokenFields> & Values<typeof oldTokenFields>;

/**
 * The parameters with what a request gives of them.
 * @throws ApiError 400 in OpenBao's words
 */
export function withTokenParameters(before: TokenParameters, given: Given): TokenParameters {
  refuseAddresses('token_bound_cidrs', given.token_bound_cidrs);
  if (given.token_strictly_bind_ip) throw badRequest('token_strictly_bind_ip is not supported: tokens are not bound to addresses');
  const after: TokenParameters = {
    policies: given.token_policies ?? given.policies ?? before.policies,
    noDefaultPolicy: given.token_no_default_policy ?? before.noDefaultPolicy,
    ttl: given.token_ttl ?? given.ttl ?? before.ttl,
    maxTtl: given.token_max_ttl ?? given.max_ttl ?? before.maxTtl,
    explicitMaxTtl: given.token_explicit_max_ttl ?? before.explicitMaxTtl,
    period: given.token_period ?? given.period ?? before.period,
    numUses: given.token_num_uses ?? given.num_uses ?? before.numUses,
    type: given.token_type === undefined ? before.type : tokenTypeOf(given.token_type),
    oldNames: (Object.keys(OLD_NAMES) as OldName[]).filter((name) => {
      if (given[name] !== undefined) return true;
      return before.oldNames.includes(name) && given[OLD_NAMES[name].now] === undefined;
    }),
  };
  if (after.numUses < 0) throw badRequest(`'token_num_uses' cannot be negative`);
  if (after.type === 'batch') {
    const batch = `'token_type' cannot be 'batch' or 'default_batch' when set to generate`;
    if (after.period > 0) throw badRequest(`${batch} periodic tokens`);
    if (after.numUses > 0) throw badRequest(`${batch} tokens with limited use count`);
  }
  if (after.maxTtl > 0 && after.ttl > after.maxTtl) throw badRequest(`'token_ttl' cannot be greater than 'token_max_ttl'`);
  return after;
}

/**
 * A server that does not know for certain where a request comes from must not promise to look.
 * @throws ApiError 400 if there are any
 */
export function refuseAddresses(field: string, addresses: readonly string[] | undefined): void {
  if (addresses !== undefined && addresses.length > 0) throw badRequest(`${field} is not supported: nothing is bound to addresses`);
}

function tokenTypeOf(text: string): TokenParameters['type'] {
  if (text === '' || text === 'default') return 'default';
  if (text === 'service' || text === 'batch') return text;
  throw badRequest(`invalid 'token_type' value ${JSON.stringify(text)}`);
}

/** As reads of a user or role show them. */
export function tokenParametersOut(parameters: TokenParameters): { readonly [name: string]: Out } {
  const old = parameters.oldNames.map((name) => [name, parameters[OLD_NAMES[name].member]] as const);
  return {
    token_bound_cidrs: [],
    token_explicit_max_ttl: parameters.explicitMaxTtl,
    token_max_ttl: parameters.maxTtl,
    token_no_default_policy: parameters.noDefaultPolicy,
    token_num_uses: parameters.numUses,
    token_period: parameters.period,
    token_policies: parameters.policies,
    token_strictly_bind_ip: false,
    token_ttl: parameters.ttl,
    token_type: parameters.type,
    ...Object.fromEntries(old.filter(([, value]) => (typeof value === 'number' ? value > 0 : value.length > 0))),
  };
}
