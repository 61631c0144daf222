import { badRequest } from '../api-error.ts';
import { formatDuration } from '../time.ts';
import { DEFAULT_TTL } from '../tokens/ttl.ts';
import type { AuthMount } from './auth-mount.ts';
import type { TokenParameters } from './token-parameters.ts';

/** Seconds: the mount's own, else the system's. */
export function maxLeaseTtlOf({ tuning }: AuthMount): number {
  return tuning.maxLeaseTtl ?? DEFAULT_TTL;
}

/** @throws ApiError 400 if tokens would have a longer period than the mount allows */
export function checkPeriod(mount: AuthMount, { period }: TokenParameters): void {
  const max = maxLeaseTtlOf(mount);
  if (period > max)
    throw badRequest(`period of "${formatDuration(period)}" is greater than the backend's maximum lease TTL of "${formatDuration(max)}"`);
}

export function maxTtlWarnings(mount: AuthMount, { maxTtl }: TokenParameters): string[] {
  if (maxTtl <= maxLeaseTtlOf(mount)) return [];
  return ["token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' max TTL value will be truncated"];
}
