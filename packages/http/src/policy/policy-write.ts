import type { ApiError } from '../api-error.ts';
import { badRequest } from '../api-error.ts';
import { canonicalName } from './names.ts';
import { parsePolicy, PolicyProblem } from './parse-policy.ts';
import type { PolicyRecord } from './policy-store.ts';

/** What a request makes of a policy. */
export interface PolicyWrite extends Pick<
  PolicyRecord,
  'text' | 'casRequired' | 'expiresAt' | 'allowWildcardsInTemplates' | 'allowSlashesInTemplates'
> {
  /** The version that there has to be; -1: there must be none. Undefined: any. */
  readonly cas: number | undefined;
}

/**
 * The record after a write (OpenBao vault/policy/policy_store.go).
 * @throws ApiError 400 if check-and-set refuses it
 */
export function decidePolicyWrite(before: PolicyRecord | undefined, { cas, ...after }: PolicyWrite, now: number): PolicyRecord {
  if (cas === undefined && (before?.casRequired || after.casRequired)) throw badRequest('check-and-set parameter required for this call');
  if (cas === -1 && before !== undefined) throw badRequest('check-and-set parameter set to -1 on existing entry');
  const version = before?.version ?? 0;
  if (cas !== undefined && cas !== -1 && cas !== version) throw badRequest('check-and-set parameter did not match the current version');
  return { ...after, version: version + 1, modifiedAt: now };
}

const FIXED = ['root', 'response-wrapping'];

/** @throws ApiError 400 for a policy that nobody can change */
export function checkChangeable(name: string, verb: 'update' | 'delete'): void {
  if (FIXED.includes(name)) throw badRequest(`cannot ${verb} "${name}" policy`);
  if (verb === 'delete' && name === 'default') throw badRequest('cannot delete default policy');
}

/**
 * The name of a policy in a path, and a warning if it is not as it was sent.
 * @throws ApiError 400 if there is none
 */
export function policyNameOf(sent: string): { readonly name: string; readonly warnings: readonly string[] } {
  const name = canonicalName(sent);
  if (name === '') throw badRequest('policy name must be provided in the URL');
  return { name, warnings: name === sent.trim() ? [] : [`policy name was converted to ${name}`] };
}

/**
 * The text of a policy as it is stored: it parses, and it is not base64 any more if it came so.
 * @throws ApiError 400
 */
export function policyTextOf(sent: string): string {
  if (sent === '') throw badRequest("'policy' parameter not supplied or empty");
  try {
    const text = decodedBase64(sent) ?? sent;
    parsePolicy(text);
    return text;
  } catch (error) {
    if (error instanceof PolicyProblem) throw unparsable(error.message);
    throw error;
  }
}

function decodedBase64(sent: string): string | undefined {
  const compact = sent.replace(/[\r\n]/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return undefined;
  const bytes = Uint8Array.from(atob(compact), (character) => character.charCodeAt(0));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unparsable('what is base64 is not UTF-8');
  }
}

const unparsable = (why: string): ApiError => badRequest(`failed to parse policy: ${why}`);

/**
 * When a policy is to count as absent; undefined: never.
 * @throws ApiError 400 if that is already over
 */
export function policyEndOf(
  { expiration, ttl }: { readonly expiration?: number | undefined; readonly ttl?: number | undefined },
  now: number,
): number | undefined {
  if (expiration !== undefined && ttl !== undefined) throw badRequest("cannot supply both 'expiration' and 'ttl' for policies");
  const end = expiration ?? (ttl === undefined ? undefined : now + ttl * 1000);
  if (end !== undefined && end <= now) throw badRequest('refusing to update policy as expiration time has already elapsed');
  return end;
}
