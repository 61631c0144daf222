import type { ReadTx, Write } from '@sealkv/core';
import { below, putRecord, rateLimitKey, readRecord } from '../records.ts';

/** How many requests each token may make on the paths below one path. */
export interface RateLimit {
  readonly name: string;
  /** What the paths that it is about start with, in whole segments: a mount, whose slash is at the end, or something in it; empty: all of them. */
  readonly path: string;
  /** Requests per interval; may have a fraction. */
  readonly rate: number;
  readonly intervalSeconds: number;
  /** Of no effect: a namespace's limits are its own. */
  readonly inheritable: boolean;
  /** Who has reached the limit is refused for this long; 0: until there is room again. */
  readonly blockSeconds: number;
}

/** So that all can be read with every request. */
export const MAX_RATE_LIMITS = 100;

export async function loadRateLimits(tx: ReadTx): Promise<readonly RateLimit[]> {
  return (await tx.scan(below(rateLimitKey('')))).map(({ value }) => readRecord<RateLimit>(value).facts);
}

export async function loadRateLimit(tx: ReadTx, name: string): Promise<RateLimit | undefined> {
  const bytes = await tx.get(rateLimitKey(name));
  return bytes && readRecord<RateLimit>(bytes).facts;
}

export function putRateLimit(limit: RateLimit): Write {
  return putRecord(rateLimitKey(limit.name), limit);
}

export function deleteRateLimit(name: string): Write {
  return { kind: 'delete', key: rateLimitKey(name) };
}

/** The one that counts for a path: that with the longest path. */
export function rateLimitFor(limits: readonly RateLimit[], path: string): RateLimit | undefined {
  // A limit must never keep anybody from mending it.
  if (path.startsWith('sys/quotas/')) return undefined;
  const about = limits.filter((limit) => limit.path === '' || `${path}/`.startsWith(limit.path.replace(/\/?$/, '/')));
  return about.reduce<RateLimit | undefined>((best, limit) => (best === undefined || limit.path.length > best.path.length ? limit : best), undefined);
}
