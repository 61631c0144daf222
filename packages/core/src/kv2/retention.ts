import type { Head, KvConfig } from '../record.ts';

const DEFAULT_MAX_VERSIONS = 10;

/** The larger of the secret's and the mount's setting, 10 if neither is set. (Vault documents that the secret's overrides; it does not.) */
export function maxVersions(head: Pick<Head, 'maxVersions'>, config: KvConfig): number {
  return Math.max(head.maxVersions, config.maxVersions) || DEFAULT_MAX_VERSIONS;
}

/** The deadline of a version that starts to live at `from`: the smaller of the two settings, none if the mount switches it off. */
export function expiry(head: Pick<Head, 'deleteVersionAfterMs'>, config: KvConfig, from: number): number | undefined {
  if (config.deleteVersionAfterMs < 0) return undefined;
  const periods = [head.deleteVersionAfterMs, config.deleteVersionAfterMs].filter((ms) => ms > 0);
  return periods.length === 0 ? undefined : from + Math.min(...periods);
}
