import type { Sealer, SealKey } from '@sealkv/core';
import { aesGcmSealer, deriveMacKey } from '@sealkv/core';

/** What is derived from the seal key: the mounts' keys, and keys for hashes that only their holder can make. */
export class Keys {
  readonly sealer: Sealer;
  readonly #key: SealKey | (() => SealKey | Promise<SealKey>);
  readonly #macKeys = new Map<string, Promise<CryptoKey>>();

  constructor(key: SealKey | (() => SealKey | Promise<SealKey>)) {
    this.#key = key;
    this.sealer = aesGcmSealer(key);
  }

  /** HMAC-SHA-256 of a text, as 43 characters of base64url. */
  async mac(purpose: 'token' | 'audit' | 'login', text: string): Promise<string> {
    let key = this.#macKeys.get(purpose);
    if (key === undefined) {
      key = deriveMacKey(this.#key, purpose);
      key.catch(() => this.#macKeys.delete(purpose));
      this.#macKeys.set(purpose, key);
    }
    return base64Url(new Uint8Array(await crypto.subtle.sign('HMAC', await key, new TextEncoder().encode(text))));
  }
}

export function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}
