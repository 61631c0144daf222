import { ApiError } from '../api-error.ts';
import type { RateLimit } from './rate-limit.ts';
import { rateLimitFor } from './rate-limit.ts';

/** A request that a rate limit refuses. */
export class RateLimitExceeded extends ApiError {
  override readonly headers: Readonly<Record<string, string>>;
  /** The one before it was allowed. */
  readonly isFirst: boolean;

  constructor(path: string, { isFirst, retryAfterSeconds }: Taken & { readonly allowed: false }) {
    super(429, `request path ${JSON.stringify(path)}: rate limit quota exceeded`);
    this.isFirst = isFirst;
    this.headers = { 'Retry-After': String(retryAfterSeconds) };
  }
}

/**
 * Counts a request in the limit that is about it, if there is one.
 * @throws RateLimitExceeded
 */
export function countRequest(limiter: RateLimiter, limits: readonly RateLimit[], path: string, holder: string, now: number): void {
  const limit = rateLimitFor(limits, path);
  const taken = limit && limiter.take(limit, holder, now);
  if (taken !== undefined && !taken.allowed) throw new RateLimitExceeded(path, taken);
}

/** The tokens that are left to one holder for the requests that one rate limit is about. */
interface Bucket {
  readonly limit: RateLimit;
  left: number;
  /** When `left` was right, in milliseconds since 1970. */
  at: number;
  blockedUntil: number;
  isRefusing: boolean;
}

export type Taken =
  | { readonly allowed: true }
  /** `isFirst`: the one before it was allowed. */
  | { readonly allowed: false; readonly isFirst: boolean; readonly retryAfterSeconds: number };

// The holders that were seen last. Who is forgotten starts with a full bucket.
const MAX_BUCKETS = 10_000;

/**
 * Token buckets, one for each rate limit and holder, in the memory of this object: a limit is about load, and load ends when the object does. A full
 * bucket lets `rate` requests through at once (one at least), and fills up again evenly within the interval.
 */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();

  take(limit: RateLimit, holder: string, now: number): Taken {
    const bucket = this.#bucketOf(limit, holder, now);
    const { intervalSeconds, rate, blockSeconds } = limit;
    const perMs = rate / (intervalSeconds * 1000);
    // A clock that steps back fills nothing.
    bucket.left = Math.min(capacityOf(limit), bucket.left + Math.max(0, now - bucket.at) * perMs);
    bucket.at = now;
    if (now >= bucket.blockedUntil && bucket.left >= 1) {
      bucket.left--;
      bucket.isRefusing = false;
      return { allowed: true };
    }
    if (now >= bucket.blockedUntil && blockSeconds > 0) bucket.blockedUntil = now + blockSeconds * 1000;
    const isFirst = !bucket.isRefusing;
    bucket.isRefusing = true;
    const waitMs = Math.max(bucket.blockedUntil - now, (1 - bucket.left) / perMs);
    return { allowed: false, isFirst, retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  #bucketOf(limit: RateLimit, holder: string, now: number): Bucket {
    const key = `${limit.name}\0${holder}`;
    const known = this.#buckets.get(key);
    // One whose limit was changed starts anew.
    const bucket =
      known !== undefined && isSame(known.limit, limit) ? known : { limit, left: capacityOf(limit), at: now, blockedUntil: 0, isRefusing: false };
    // The map's order is that of the last use.
    this.#buckets.delete(key);
    if (this.#buckets.size >= MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value!);
    this.#buckets.set(key, bucket);
    return bucket;
  }
}

function capacityOf({ rate }: RateLimit): number {
  return Math.max(1, rate);
}

function isSame(a: RateLimit, b: RateLimit): boolean {
  return a.path === b.path && a.rate === b.rate && a.intervalSeconds === b.intervalSeconds && a.blockSeconds === b.blockSeconds;
}
