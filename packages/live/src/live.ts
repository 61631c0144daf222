/** A secret as a page shows it: one snapshot at a time, a new one when something has changed. */
import type { Secret, SecretEngine } from '@sealkv/core';
import { watchBatches } from '@sealkv/core/watch';

/** What is known of a secret now; of a secret that is not there, `secret` is undefined. */
export type Snapshot =
  | { readonly status: 'loading' }
  | { readonly status: 'ready'; readonly secret: Secret | undefined }
  | { readonly status: 'failed'; readonly error: unknown };

/** A secret that is read again whenever it has changed, through this engine, another one or in another tab, as long as somebody listens. */
export interface LiveSecret {
  /**
   * Calls `listener` after every change of the snapshot, until the function is called that this returns. The first listener starts the watch, the last
   * one ends it: both are decided after the code that runs now, so that who leaves and comes back at once (as components do) changes nothing, and who
   * only looks in (as servers do that render) starts nothing.
   */
  subscribe(listener: () => void): () => void;
  /** The same object until something changes. `loading` while nobody listens: nothing of a secret is kept then. */
  getSnapshot(): Snapshot;
  /** `loading`: what a server renders, and what the page begins with. */
  getServerSnapshot(): Snapshot;
}

const LOADING: Snapshot = { status: 'loading' };

/**
 * The current version of the secret at `path`, live. All of one engine and path share one watch and one snapshot, so there is no need to keep what
 * this returns.
 *
 * What fails is a snapshot too, `failed`. A secret that can't be read is read again after its next change; a watch that broke off (a closed store) is
 * begun again with the next subscriber. That a version's deadline passes is no change: see `watch`.
 */
export function live(secrets: SecretEngine, path: string): LiveSecret {
  const shared = SHARED.get(secrets) ?? new Map<string, Shared>();
  SHARED.set(secrets, shared);
  return {
    subscribe(listener) {
      const of = shared.get(path) ?? new Shared(secrets, path, shared);
      shared.set(path, of);
      return of.subscribe(listener);
    },
    getSnapshot: () => shared.get(path)?.snapshot ?? LOADING,
    getServerSnapshot: () => LOADING,
  };
}

/** What is listened to, by engine and path. */
const SHARED = new WeakMap<SecretEngine, Map<string, Shared>>();

/** One watch with those who listen to it; there as long as there are any. */
class Shared {
  snapshot: Snapshot = LOADING;
  readonly #secrets: SecretEngine;
  readonly #path: string;
  readonly #among: Map<string, Shared>;
  readonly #listeners = new Set<() => void>();
  #watching: AbortController | undefined;

  constructor(secrets: SecretEngine, path: string, among: Map<string, Shared>) {
    this.#secrets = secrets;
    this.#path = path;
    this.#among = among;
  }

  subscribe(listener: () => void): () => void {
    const own = (): void => listener(); // so that the same function can be added twice
    this.#listeners.add(own);
    queueMicrotask(this.#settle);
    return () => {
      this.#listeners.delete(own);
      queueMicrotask(this.#settle);
    };
  }

  readonly #settle = (): void => {
    if (this.#listeners.size > 0) {
      if (this.#watching === undefined) void this.#watch((this.#watching = new AbortController()));
    } else {
      this.#watching?.abort();
      if (this.#among.get(this.#path) === this) this.#among.delete(this.#path);
    }
  };

  async #watch({ signal }: AbortController): Promise<void> {
    try {
      for await (const _ of watchBatches(this.#secrets, this.#path, { signal })) this.#show(await this.#read(signal));
    } catch (error) {
      this.#show({ status: 'failed', error });
    }
    this.#watching = undefined;
  }

  async #read(signal: AbortSignal): Promise<Snapshot> {
    try {
      return { status: 'ready', secret: await this.#secrets.get(this.#path, { signal }) };
    } catch (error) {
      return { status: 'failed', error };
    }
  }

  #show(snapshot: Snapshot): void {
    if (isSame(this.snapshot, snapshot)) return;
    this.snapshot = snapshot;
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        // Its own fault: told as such, and the others still hear.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** A read may have seen more than the change it was made for; then the next one sees the same again. */
function isSame(a: Snapshot, b: Snapshot): boolean {
  return a.status === 'ready' && b.status === 'ready' && identityOf(a.secret) === identityOf(b.secret);
}

// Not `data`: it is parsed when somebody asks for it.
function identityOf(secret: Secret | undefined): string {
  return JSON.stringify(secret && [secret.incarnation, secret.version, secret.state, secret.deletionAt, secret.text, secret.customMetadata]) ?? '';
}
