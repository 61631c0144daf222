import { badRequest } from '../api-error.ts';
import { matchesGlob } from '../glob.ts';
import { canonicalName } from '../policy/names.ts';
import type { TokenRole } from './token-role.ts';

/*
 * Which policies a token gets (OpenBao vault/token_store.go, sdk/helper/policyutil).
 */

/** The policies as a token has them: canonical names, each once, sorted; `root` leaves no others. */
export function sanitizePolicies(names: readonly string[], { addDefault = false }: { readonly addDefault?: boolean } = {}): string[] {
  const set = canonicalSet(names);
  if (set.has('root')) return ['root'];
  if (addDefault) set.add('default');
  return [...set].sort();
}

/** As {@link sanitizePolicies}, for names that are compared and not given to anybody: `root` is one like any other. */
export function sanitizeNames(names: readonly string[]): string[] {
  return [...canonicalSet(names)].sort();
}

function canonicalSet(names: readonly string[]): Set<string> {
  return new Set(names.map(canonicalName).filter((name) => name !== ''));
}

export interface PolicyQuestion {
  /** None: those of the parent. */
  readonly asked: readonly string[];
  readonly noDefaultPolicy: boolean;
  readonly parent: readonly string[];
  /** Whether the caller has `sudo` for the path. */
  readonly isSudo: boolean;
  readonly role: TokenRole | undefined;
  /** The parent is of another namespace, and its policies are too. */
  readonly fromOutside: boolean;
}

/** What no token can be given: it is what wrapping tokens are made of. */
const NOT_ASSIGNABLE = ['response-wrapping'];

export function isAssignable(name: string): boolean {
  return !NOT_ASSIGNABLE.includes(name);
}

/** @throws ApiError 400 if the caller may not give these */
export function resolvePolicies(question: PolicyQuestion): string[] {
  const { noDefaultPolicy } = question;
  const policies = chosen(question).filter((name) => !noDefaultPolicy || name !== 'default');
  const forbidden = policies.find((name) => !isAssignable(name));
  if (forbidden !== undefined) throw badRequest(`cannot assign policy "${forbidden}"`);
  return policies;
}

function chosen(question: PolicyQuestion): string[] {
  const { asked, noDefaultPolicy, parent, isSudo, role, fromOutside } = question;
  if (role !== undefined && hasRules(role)) return chosenByRole(question, role);
  if (fromOutside) return sanitizePolicies(asked, { addDefault: !noDefaultPolicy });
  // `default` only if the parent has it.
  if (asked.length === 0) return sanitizePolicies(parent);
  if (isSudo) return sanitizePolicies(asked, { addDefault: !noDefaultPolicy });
  const own = new Set(sanitizePolicies(parent));
  if (!sanitizePolicies(asked).every((name) => own.has(name))) throw badRequest('child policies must be subset of parent');
  return sanitizePolicies(asked, { addDefault: !noDefaultPolicy && own.has('default') });
}

/** Whether a role says which policies there may be; then those of the parent mean nothing. */
function hasRules({ allowedPolicies, allowedPoliciesGlob, disallowedPolicies, disallowedPoliciesGlob }: TokenRole): boolean {
  return [allowedPolicies, allowedPoliciesGlob, disallowedPolicies, disallowedPoliciesGlob].some(({ length }) => length > 0);
}

function chosenByRole({ asked, noDefaultPolicy, parent }: PolicyQuestion, role: TokenRole): string[] {
  const { allowedPolicies, allowedPoliciesGlob, disallowedPolicies, disallowedPoliciesGlob } = role;
  const isDisallowed = (name: string): boolean => disallowedPolicies.includes(name) || disallowedPoliciesGlob.some((glob) => matchesGlob(glob, name));
  const addDefault = !noDefaultPolicy && !role.noDefaultPolicy && !isDisallowed('default');

  const allowed = sanitizePolicies(allowedPolicies, { addDefault });
  const isLimited = allowedPolicies.length > 0 || allowedPoliciesGlob.length > 0;
  const requested = asked.length > 0 ? sanitizePolicies(asked, { addDefault }) : [];
  const policies = requested.length > 0 ? requested : isLimited ? allowed : sanitizePolicies(parent, { addDefault });

  if (isLimited && !policies.every((name) => allowed.includes(name) || allowedPoliciesGlob.some((glob) => matchesGlob(glob, name)))) {
    const lists = [policies, allowed, allowedPoliciesGlob].map((names) => `[${names.map((name) => JSON.stringify(name)).join(' ')}]`);
    throw badRequest(`token policies (${lists[0]}) must be subset of the role's allowed policies (${lists[1]}) or glob policies (${lists[2]})`);
  }
  const disallowed = policies.find(isDisallowed);
  if (disallowed !== undefined) throw badRequest(`token policy "${disallowed}" is disallowed by this role`);
  return policies;
}
