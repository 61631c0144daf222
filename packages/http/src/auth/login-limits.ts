import { ApiError } from '../api-error.ts';
import type { AuthMount, AuthType } from './auth-mount.ts';

/** How many at once, and how many a second after that. */
interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

interface Rates {
  readonly mount: Rate;
  readonly principal: Rate;
}

/*
 * A password costs 30 to 60 ms of the one core that an object has, known user or not: five a second leave most of it for everything else.
 * Comparing a keyed hash (AppRole) and checking a signature (JWT) cost a hundredth of that.
 */
const RATES: { readonly [T in AuthType]: Rates } = {
  userpass: { mount: { burst: 200, perSecond: 5 }, principal: { burst: 60, perSecond: 1 } },
  approle: { mount: { burst: 2000, perSecond: 200 }, principal: { burst: 1000, perSecond: 100 } },
  jwt: { mount: { burst: 2000, perSecond: 200 }, principal: { burst: 1000, perSecond: 100 } },
};

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

const MAX_BUCKETS = 20_000;

/**
 * Limits logins before they cost anything: per user or role, existing or not, and per mount. In memory, as one object serves a whole namespace; what is
 * forgotten with it, or for want of room, only makes the limit milder.
 */
export class LoginLimits {
  readonly #clock: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /**
   * Takes one login off. `principal` is one key for all mounts.
   * @throws ApiError 429
   */
  take({ id, type }: Pick<AuthMount, 'id' | 'type'>, principal: string, path: string): void {
    const { mount, principal: own } = RATES[type];
    // The own one first: who is over it does not use up what others share.
    if (!this.#allows(principal, own) || !this.#allows(id, mount)) {
      throw new ApiError(429, `request path ${JSON.stringify(path)}: rate limit quota exceeded`);
    }
  }

  #allows(key: string, { burst, perSecond }: Rate): boolean {
    const now = this.#clock();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const refilled = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond);
    const allowed = refilled >= 1;
    // The one used last is the last to be forgotten.
    this.#buckets.delete(key);
    if (this.#buckets.size >= MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value!);
    this.#buckets.set(key, { tokens: allowed ? refilled - 1 : refilled, at: now });
    return allowed;
  }
}
