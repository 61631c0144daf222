import type { ApiError } from '../api-error.ts';
import { badRequest } from '../api-error.ts';
import { parseDuration } from '../time.ts';
import { resolvePolicies, sanitizePolicies } from './policy-set.ts';
import type { TokenEntry } from './token-entry.ts';
import type { TokenRole } from './token-role.ts';
import { calculateTtl } from './ttl.ts';

/** What a request for a new token asks for; empty texts, 0 and false where it says nothing. Durations are as sent: `90`, `1h30m`. */
export interface AskedToken {
  readonly policies: readonly string[];
  readonly noDefaultPolicy: boolean;
  readonly type: string;
  readonly ttl: string;
  /** An old name of `ttl`. */
  readonly lease: string;
  readonly explicitMaxTtl: string;
  readonly period: string;
  readonly numUses: number;
  readonly renewable: boolean;
  readonly displayName: string;
  readonly meta: Readonly<Record<string, string>> | undefined;
  readonly noParent: boolean;
  /** A text to be the token. */
  readonly id: string;
  readonly entityAlias: string;
}

export interface TokenQuestion {
  readonly asked: AskedToken;
  /** Whoever asks, a use of theirs already taken off. */
  readonly parent: { readonly hash: string | undefined; readonly entry: TokenEntry };
  /** Whether they have `sudo` for the path. */
  readonly isSudo: boolean;
  /** They are of another namespace. */
  readonly fromOutside: boolean;
  readonly role: TokenRole | undefined;
  /** The path itself makes orphans. */
  readonly orphan: boolean;
  /** The path behind `/v1/`. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface TokenPlan {
  /** Still without an accessor. */
  readonly entry: Omit<TokenEntry, 'accessor'>;
  readonly warnings: readonly string[];
}

/**
 * Whether this token may be made, and what it is to be (OpenBao vault/token_store.go).
 * @throws ApiError 400 if not
 */
export function planToken({ asked, parent, isSudo, fromOutside, role, orphan, path, now }: TokenQuestion): TokenPlan {
  const giver = parent.entry;
  if (giver.type === 'batch') throw badRequest('batch tokens cannot create more tokens');
  // It could escape its count otherwise.
  if (giver.numUses !== 0) throw badRequest('restricted use token cannot generate child tokens');
  if (fromOutside) checkOutsider(asked, isSudo);
  const type = typeOf(asked, role);
  if (asked.numUses < 0) throw badRequest('number of uses cannot be negative');
  if (asked.entityAlias !== '') throw noEntities(role, asked.entityAlias);
  if (asked.id !== '') checkOwnId(asked.id, isSudo);

  const policies = resolvePolicies({ ...asked, asked: asked.policies, parent: giver.policies, isSudo, role, fromOutside });
  const isRoot = policies.includes('root');
  if (isRoot && !giver.policies.includes('root')) throw badRequest('root tokens may not be created without parent token being root');
  // It could not be revoked.
  if (isRoot && type === 'batch') throw badRequest('batch tokens cannot be root tokens');
  if (role === undefined && asked.noParent && !isSudo) throw badRequest('root or sudo privileges required to create orphan token');
  const isOrphan = role === undefined ? orphan || asked.noParent : role.orphan;
  if (!isOrphan && parent.hash === undefined) throw badRequest('a token of another namespace cannot be a parent; ask for an orphan');

  const { ttl, period, explicitMaxTtl, warnings } = lifetimeOf(asked, { type, isRoot, isSudo, role });
  // Nobody has less to fear from an end than whoever made it.
  if (ttl === 0 && giver.creationTtl !== 0) throw badRequest('expiring root tokens cannot create non-expiring root tokens');
  if (asked.id !== '') warnings.push('An id of your own is as hard to guess as you made it.');

  return {
    entry: {
      ...(!isOrphan && { parent: parent.hash, ...(type === 'batch' && giver.accessor !== '' && { parentAccessor: giver.accessor }) }),
      policies,
      path: role === undefined || role.pathSuffix === '' ? path : `${path}/${role.pathSuffix}`,
      displayName: asked.displayName === '' ? 'token' : `token-${asked.displayName}`.replace(/[^a-zA-Z0-9-]/gu, '-').replace(/-$/, ''),
      meta: asked.meta,
      numUses: type === 'batch' ? 0 : leastGiven(asked.numUses, role?.numUses ?? 0),
      createdAt: now,
      ...(ttl > 0 && { expiresAt: now + ttl * 1000 }),
      creationTtl: ttl,
      explicitMaxTtl,
      period,
      renewable: type === 'service' && ttl > 0 && asked.renewable && role?.renewable !== false,
      type,
      ...(role !== undefined && { role: role.name }),
    },
    warnings,
  };
}

function checkOutsider({ policies }: AskedToken, isSudo: boolean): void {
  if (!isSudo) throw badRequest('root or sudo privileges required to directly generate a token in a child namespace');
  if (sanitizePolicies(policies).includes('root')) throw badRequest('root tokens may not be created from a parent namespace');
}

function noEntities(role: TokenRole | undefined, alias: string): ApiError {
  if (role === undefined) return badRequest("'entity_alias' is only allowed in combination with token role");
  return badRequest(role.allowedEntityAliases.includes(alias.toLowerCase()) ? 'there are no entities here' : "invalid 'entity_alias' value");
}

function checkOwnId(id: string, isSudo: boolean): void {
  if (!isSudo) throw badRequest('root or sudo privileges required to specify token id');
  for (const prefix of ['hvs.', 's.']) if (id.startsWith(prefix)) throw badRequest(`custom token ID cannot have the '${prefix}' prefix`);
  if (id.includes('.')) throw badRequest("custom token ID cannot have a '.' in the value");
}

function typeOf(asked: AskedToken, role: TokenRole | undefined): 'service' | 'batch' {
  const forced = role !== undefined && !role.tokenType.startsWith('default-') ? role.tokenType : undefined;
  const type = forced ?? (asked.type || (role?.tokenType === 'default-batch' ? 'batch' : 'service'));
  if (type === 'service') return 'service';
  if (type !== 'batch') throw badRequest("invalid 'token_type' value");
  const refused = (name: string): ApiError => badRequest(`batch tokens cannot have "${name}" set`);
  if (mustParse('explicit_max_ttl', asked.explicitMaxTtl) !== 0) throw refused('explicit_max_ttl');
  if (asked.numUses !== 0 || (role?.numUses ?? 0) !== 0) throw refused('num_uses');
  if (mustParse('period', asked.period) !== 0) throw refused('period');
  return 'batch';
}

interface Lifetime {
  /** 0: it never ends. */
  readonly ttl: number;
  /** As asked for. Those of the role are looked up again whenever they matter. */
  readonly period: number;
  readonly explicitMaxTtl: number;
  readonly warnings: string[];
}

interface LifetimeOptions {
  readonly type: 'service' | 'batch';
  readonly isRoot: boolean;
  readonly isSudo: boolean;
  readonly role: TokenRole | undefined;
}

function lifetimeOf(asked: AskedToken, { type, isRoot, isSudo, role }: LifetimeOptions): Lifetime {
  const explicitMaxTtl = mustParse('explicit_max_ttl', asked.explicitMaxTtl);
  const period = mustParse('period', asked.period);
  if (period > 0 && !isSudo) throw badRequest('root or sudo privileges required to create periodic token');
  const wanted = asked.ttl === '' ? mustParse('lease', asked.lease) : mustParse('ttl', asked.ttl);

  const limits = type === 'batch' ? { period: 0, explicitMaxTtl: 0 } : limitsOf({ period, explicitMaxTtl }, role);
  const warnings: string[] = [];
  const lesser = (name: string, seconds: number): void =>
    void warnings.push(`${name} specified both during creation call and in role; using the lesser value of ${seconds} seconds`);
  if (type === 'service' && explicitMaxTtl > 0 && role !== undefined && role.explicitMaxTtl > 0) lesser('Explicit max TTL', limits.explicitMaxTtl);
  if (type === 'service' && period > 0 && role !== undefined && role.period > 0) lesser('Period', limits.period);

  // Only root tokens can do without an end.
  if (isRoot && limits.period === 0 && wanted === 0) return { ttl: limits.explicitMaxTtl, period, explicitMaxTtl, warnings };
  const calculated = calculateTtl({ ...limits, ttl: wanted });
  return { ttl: calculated.ttl, period, explicitMaxTtl, warnings: [...warnings, ...calculated.warnings] };
}

/** Of what a token says itself and what its role says, the lesser; 0 is nothing said. */
export function limitsOf(
  token: Pick<TokenEntry, 'period' | 'explicitMaxTtl'>,
  role: TokenRole | undefined,
): { readonly period: number; readonly explicitMaxTtl: number } {
  return {
    period: leastGiven(token.period, role?.period ?? 0),
    explicitMaxTtl: leastGiven(token.explicitMaxTtl, role?.explicitMaxTtl ?? 0),
  };
}

function leastGiven(a: number, b: number): number {
  return a === 0 ? b : b === 0 ? a : Math.min(a, b);
}

function mustParse(name: string, text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined) throw badRequest(`'${name}' value could not be parsed`);
  if (seconds < 0) throw badRequest(`${name} must be positive`);
  return seconds;
}
