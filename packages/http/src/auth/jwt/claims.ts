import type { Tree } from '@sealkv/core/json';
import { badRequest } from '../../api-error.ts';
import { matchesGlob } from '../../glob.ts';

/*
 * What a role demands of a token's claims. Pure: the signature is somebody else's matter. (OpenBao builtin/credential/jwt/claims.go, and
 * `Validate` of hashicorp/cap jwt.)
 */

export type Claims = ReadonlyMap<string, Tree>;

export interface ExpectedClaims {
  /** Empty: any. */
  readonly issuer: string;
  readonly subject: string;
  /** One of them; none: the token must have no audience. */
  readonly audiences: readonly string[];
  /** Seconds; 0: the default, negative: none. */
  readonly expirationLeeway: number;
  readonly notBeforeLeeway: number;
  readonly clockSkewLeeway: number;
}

const DEFAULT_LEEWAY = 150;
const DEFAULT_SKEW = 60;

/**
 * Checks issuer, subject, audience and times at `now`, in milliseconds since 1970.
 * @throws ApiError 400
 */
export function checkRegisteredClaims(claims: Claims, expected: ExpectedClaims, now: number): void {
  const refuse = (problem: string): never => {
    throw badRequest(`error validating token: ${problem}`);
  };
  if (expected.issuer !== '' && textOf(claims.get('iss')) !== expected.issuer) refuse('invalid issuer (iss) claim');
  if (expected.subject !== '' && textOf(claims.get('sub')) !== expected.subject) refuse('invalid subject (sub) claim');
  const audiences = listOf(claimAt(claims, 'aud'))?.map(textOf) ?? [];
  if (expected.audiences.length > 0 && !audiences.some((audience) => audience !== undefined && expected.audiences.includes(audience)))
    refuse('invalid audience (aud) claim: audience claim does not match any expected audience');

  const [issuedAt, notBefore, expiry] = ['iat', 'nbf', 'exp'].map((name) => {
    const seconds = claims.get(name) ?? 'null';
    if (seconds === 'null') return 0;
    if (typeof seconds !== 'string' || !/^-?\d/.test(seconds)) return refuse(`invalid ${name} claim: it must be a number`);
    return Math.trunc(Number(seconds));
  }) as [number, number, number];
  if (issuedAt === 0 && notBefore === 0 && expiry === 0) refuse('no issued at (iat), not before (nbf), or expiration time (exp) claims in token');

  const leeway = (seconds: number, usual: number): number => (seconds === 0 ? usual : Math.max(0, seconds));
  const skew = leeway(expected.clockSkewLeeway, DEFAULT_SKEW);
  // A time that is missing follows from the others.
  const end = expiry || Math.max(issuedAt, notBefore) + leeway(expected.expirationLeeway, DEFAULT_LEEWAY);
  const start = notBefore || issuedAt || end - leeway(expected.notBeforeLeeway, DEFAULT_LEEWAY);
  if (now + skew * 1000 < start * 1000) refuse('invalid not before (nbf) claim: token not yet valid');
  if (now - skew * 1000 > end * 1000) refuse('invalid expiration time (exp) claim: token is expired');
  if (now + skew * 1000 < issuedAt * 1000) refuse('invalid issued at (iat) claim: token issued in the future');

  if (audiences.length > 0 && expected.audiences.length === 0) throw badRequest('audience claim found in JWT but no audiences bound to the role');
}

/**
 * Each bound claim is there, and one of its values is one of those bound to it.
 * @throws ApiError 400 naming the claim, never a value
 */
export function checkBoundClaims(claims: Claims, bound: Claims, type: 'string' | 'glob'): void {
  const refuse = (problem: string): never => {
    throw badRequest(`error validating claims: ${problem}`);
  };
  for (const [name, wanted] of bound) {
    const quoted = JSON.stringify(name);
    const claim = claimAt(claims, name);
    if (claim === undefined) refuse(`claim ${quoted} is missing`);
    const values = listOf(claim) ?? refuse(`received claim ${quoted} is not a string, bool, int or list`);
    const allowed = listOf(wanted) ?? refuse(`bound claim ${quoted} is not a string, bool, int or list`);
    if (!allowed.some((one) => values.some((value) => fits(one, value, type))))
      refuse(`claim ${quoted} does not match any associated bound claim values`);
  }
}

function fits(allowed: Tree, value: Tree, type: 'string' | 'glob'): boolean {
  const [pattern, text] = [textOf(allowed), textOf(value)];
  if (type === 'glob') return pattern !== undefined && text !== undefined && matchesGlob(pattern, text);
  // Numbers are compared by their digits: nothing is lost, and `1.0` is not `1`.
  return pattern === undefined || text === undefined ? typeof allowed === 'string' && allowed === value : pattern === text;
}

/** A claim by its name, or by a JSON pointer (RFC 6901) where that starts with a slash; undefined if it is not there or null. */
export function claimAt(claims: Claims, name: string): Tree | undefined {
  const steps = name.startsWith('/') ? name.slice(1).split('/').map(unescaped) : [name];
  let found: Tree | undefined = claims;
  for (const step of steps) {
    if (found instanceof Map) found = (found as Claims).get(step);
    else if (Array.isArray(found) && /^(?:0|[1-9]\d*)$/.test(step)) found = (found as readonly Tree[])[Number(step)];
    else return undefined;
  }
  return found === 'null' ? undefined : found;
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** A string's text; undefined for anything else. */
export function textOf(tree: Tree | undefined): string | undefined {
  return typeof tree === 'string' && tree.startsWith('"') ? (JSON.parse(tree) as string) : undefined;
}

/** A list, or the list of one scalar; undefined for anything else. */
export function listOf(tree: Tree | undefined): readonly Tree[] | undefined {
  if (Array.isArray(tree)) return tree as readonly Tree[];
  return typeof tree === 'string' && tree !== 'null' ? [tree] : undefined;
}
