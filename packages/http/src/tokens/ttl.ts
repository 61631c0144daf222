import { badRequest } from '../api-error.ts';
import { formatDuration } from '../time.ts';

/** Vault's system default and maximum: 768 hours. */
export const DEFAULT_TTL = 2_764_800;

/** All in seconds; 0: not given. */
export interface TtlQuestion {
  /** What the caller asks for. */
  readonly increment?: number | undefined;
  /** What a role or the request says. */
  readonly ttl?: number | undefined;
  readonly period?: number | undefined;
  readonly maxTtl?: number | undefined;
  readonly explicitMaxTtl?: number | undefined;
  /** Those of the mount. */
  readonly defaultLeaseTtl?: number | undefined;
  readonly maxLeaseTtl?: number | undefined;
  /** How long ago the token was made. */
  readonly age?: number | undefined;
}

/**
 * How long a token lives from now on, and what a caller should be warned of (OpenBao `sdk/framework/lease.go`).
 * @throws ApiError 400 if its last day is over
 */
export function calculateTtl(question: TtlQuestion): { readonly ttl: number; readonly warnings: readonly string[] } {
  const { increment = 0, period = 0, explicitMaxTtl = 0, age = 0 } = question;
  const warnings: string[] = [];
  const mountMax = question.maxLeaseTtl || DEFAULT_TTL;
  const max = Math.min(mountMax, question.maxTtl || Infinity, explicitMaxTtl || Infinity);
  let ttl = increment || question.ttl || question.defaultLeaseTtl || Math.min(DEFAULT_TTL, mountMax);
  let longest = max - age;
  if (period > 0) {
    if (period > max)
      warnings.push(`period of "${human(period)}" exceeded the effective max_ttl of "${human(max)}"; period value is capped accordingly`);
    ttl = Math.min(period, max);
    longest = explicitMaxTtl > 0 ? explicitMaxTtl - age : Infinity;
  }
  if (longest <= 0) throw badRequest('past the max TTL, cannot renew');
  if (ttl > longest) {
    warnings.push(`TTL of "${human(ttl)}" exceeded the effective max_ttl of "${human(longest)}"; TTL value is capped accordingly`);
    ttl = longest;
  }
  return { ttl, warnings };
}

/** As Go prints it, without the parts that are zero: `1h`, `1h30m`, `0s`. */
function human(seconds: number): string {
  return seconds === 0 ? '0s' : formatDuration(seconds).replace(/m0s$/, 'm').replace(/h0m$/, 'h');
}
