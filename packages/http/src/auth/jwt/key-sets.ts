import type { JWK } from 'jose';

/** Where the keys of token issuers are: at a URL of a key set (JWKS), or of an issuer that says where its key set is (OpenID Connect Discovery). */
export interface KeySource {
  readonly kind: 'jwks' | 'discovery';
  readonly url: string;
}

/** Keys could not be got. Says what went wrong, and nothing of what came. */
export class KeySetError extends Error {
  override readonly name = 'KeySetError';
}

export interface KeySetsOptions {
  readonly fetch: typeof fetch;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Also over http from this very machine, for tests with an issuer of their own. */
  readonly allowsLoopback: boolean;
}

/** A key that is no longer in the set is good for so long at most. In milliseconds, as the rest. */
const KEPT = 300_000;
/** A key id that is not in the set makes us look again, but no more often than this: anybody can send one. */
const AGAIN_AFTER = 60_000;
const AGAIN_AFTER_FAILURE = 5000;
const TIMEOUT = 5000;
const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;
const MAX_SETS = 100;

interface KeySet {
  readonly keys: readonly JWK[];
  readonly fetchedAt: number;
}

interface Slot {
  set?: KeySet | undefined;
  /** When it was last asked for, and how long that is to be enough. */
  askedAt: number;
  enoughFor: number;
  asking?: Promise<KeySet> | undefined;
}

/** Key sets from elsewhere, kept in memory. They are got outside of transactions. */
export class KeySets {
  readonly #options: KeySetsOptions;
  readonly #slots = new Map<string, Slot>();

  constructor(options: KeySetsOptions) {
    this.#options = options;
  }

  /**
   * The keys of a source. If none has that id, they are asked for again first, unless that was done just now.
   * @throws KeySetError
   */
  async keysOf(source: KeySource, keyId: string | undefined): Promise<readonly JWK[]> {
    const slot = this.#slotOf(source);
    const now = this.#options.clock();
    const isFresh = slot.set !== undefined && isWithin(now - slot.set.fetchedAt, KEPT);
    const hasKey = keyId === undefined || slot.set?.keys.some(({ kid }) => kid === undefined || kid === keyId);
    if (isFresh && hasKey) return slot.set!.keys;
    if (slot.asking === undefined && isWithin(now - slot.askedAt, slot.enoughFor)) {
      if (isFresh) return slot.set!.keys;
      throw new KeySetError('the key set was not available a moment ago');
    }
    return (await this.#ask(source, slot)).keys;
  }

  /**
   * Asks for a key set whatever is known, to see whether it is there.
   * @throws KeySetError
   */
  async check(source: KeySource): Promise<void> {
    await this.#ask(source, this.#slotOf(source));
  }

  /** Whether keys may be got from there: by https, without a password in the URL. */
  isAllowed(url: string): boolean {
    if (!URL.canParse(url)) return false;
    const { protocol, hostname, username, password } = new URL(url);
    if (username !== '' || password !== '') return false;
    return protocol === 'https:' || (protocol === 'http:' && this.#options.allowsLoopback && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(hostname));
  }

  #slotOf({ kind, url }: KeySource): Slot {
    const key = `${kind} ${url}`;
    const slot = this.#slots.get(key) ?? { askedAt: -Infinity, enoughFor: 0 };
    this.#slots.delete(key);
    if (this.#slots.size >= MAX_SETS) this.#slots.delete(this.#slots.keys().next().value!);
    this.#slots.set(key, slot);
    return slot;
  }

  /** Whoever asks while it is being asked for waits for the same answer. */
  async #ask(source: KeySource, slot: Slot): Promise<KeySet> {
    slot.asking ??= this.#get(source);
    const { asking } = slot;
    slot.askedAt = this.#options.clock();
    try {
      slot.set = await asking;
      slot.enoughFor = AGAIN_AFTER;
      return slot.set;
    } catch (error) {
      slot.enoughFor = AGAIN_AFTER_FAILURE;
      throw error;
    } finally {
      if (slot.asking === asking) slot.asking = undefined;
    }
  }

  async #get({ kind, url }: KeySource): Promise<KeySet> {
    const set = await this.#getJson(kind === 'jwks' ? url : await this.#discover(url));
    const keys = (set as { readonly keys?: unknown }).keys;
    if (!Array.isArray(keys)) throw new KeySetError('what came is not a key set');
    return { keys: keys.filter(isPublicJwk).slice(0, MAX_KEYS), fetchedAt: this.#options.clock() };
  }

  async #discover(issuer: string): Promise<string> {
    const { issuer: named, jwks_uri: url } = (await this.#getJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)) as {
      readonly issuer?: unknown;
      readonly jwks_uri?: unknown;
    };
    if (named !== issuer) throw new KeySetError('what came is of another issuer');
    if (typeof url !== 'string') throw new KeySetError('what came does not say where the key set is');
    return url;
  }

  async #getJson(url: string): Promise<object> {
    if (!this.isAllowed(url)) throw new KeySetError('the URL is not one by https');
    try {
      const headers = { Accept: 'application/json' };
      // Redirects are not followed: they could lead anywhere, and by http.
      const response = await this.#options.fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT) });
      if (response.status !== 200) throw new KeySetError(`the answer had status ${response.status}`);
      const json: unknown = JSON.parse(await readText(response));
      if (typeof json === 'object' && json !== null) return json;
    } catch (error) {
      if (error instanceof KeySetError) throw error;
      throw new KeySetError('there was no answer, or none of JSON', { cause: error });
    }
    throw new KeySetError('what came is no JSON object');
  }
}

function isWithin(elapsed: number, most: number): boolean {
  return elapsed >= 0 && elapsed < most;
}

function isPublicJwk(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, use, d } = key as JWK;
  return (kty === 'RSA' || kty === 'EC' || kty === 'OKP') && (use === undefined || use === 'sig') && d === undefined;
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > MAX_BYTES) {
      await reader?.cancel();
      throw new KeySetError(`the answer is larger than ${MAX_BYTES} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}
