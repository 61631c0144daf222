import type { KvStore, MountBinding, Scope, SealKey } from '@sealkv/core';
import { Mounts, SecretEngine, StoreError, UpdateQueue } from '@sealkv/core';
import { Kv1Engine } from '@sealkv/core/kv1';
import { UnknownFailures } from './auth/lockout.ts';
import { LoginLimits } from './auth/login-limits.ts';
import { KeySets } from './auth/jwt/key-sets.ts';
import { Keys } from './keys.ts';
import type { NamespacePort } from './namespaces/namespace-port.ts';
import { RateLimiter } from './quotas/rate-limiter.ts';
import type { Redacted } from './redacted.ts';
import { hasInitRecord } from './sys/initialization.ts';

export interface ApiOptions {
  /** The namespace's store: its mounts and their secrets, tokens and policies. */
  readonly store: KvStore;
  /** What everything is sealed with: 32 bytes, an HKDF key, or a function that gets one. */
  readonly sealKey: SealKey | (() => SealKey | Promise<SealKey>);
  /** Only in the root namespace; there too it may be left to `sys/init` to make one. */
  readonly rootToken: Redacted | undefined;
  /** What `sys/init` asks for. */
  readonly bootstrapSecret?: Redacted | undefined;
  /** How to reach other namespaces; only in the root namespace, and where there can be others. */
  readonly namespaces?: NamespacePort | undefined;
  /** The id of this namespace's object, which its tokens end in; none in the root namespace. */
  readonly namespaceId?: string | undefined;
  /** Whether the storage is nearly full: then nothing more is taken in, while removing goes on. Never, by default. */
  readonly isFull?: (() => boolean) | undefined;
  /** Called when a request leaves work for `Api.housekeeping`, with the time when that falls due, in milliseconds since 1970. */
  readonly onDue?: ((at: number) => void) | undefined;
  /** Milliseconds since 1970; the platform's by default. */
  readonly clock?: (() => number) | undefined;
  /** Fills the bytes with random ones; the platform's by default. */
  readonly random?: ((bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) | undefined;
  /** Gets the keys of token issuers; the platform's by default. */
  readonly fetch?: typeof fetch | undefined;
  /** Whether a token issuer may be at an http URL of this very machine: for tests. */
  readonly allowsLoopbackIssuers?: boolean | undefined;
}

/** What one namespace's requests work with. */
export class Services {
  readonly store: KvStore;
  readonly keys: Keys;
  readonly rootToken: Redacted | undefined;
  readonly bootstrapSecret: Redacted | undefined;
  readonly mounts: Mounts;
  readonly namespaces: NamespacePort | undefined;
  readonly namespaceId: string | undefined;
  /** Of a namespace: its path, once a request has told it. */
  namespacePath: string | undefined;
  readonly isFull: () => boolean;
  readonly rateLimiter: RateLimiter = new RateLimiter();
  readonly clock: () => number;
  readonly random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  readonly #enginesByMountId = new Map<string, { readonly mount: MountBinding; readonly engine: SecretEngine | Kv1Engine }>();
  #proven: Promise<void> | undefined;
  #hasInitRecord = false;
  readonly loginLimits: LoginLimits;
  readonly keySets: KeySets;
  readonly loginQueue: UpdateQueue = new UpdateQueue();
  readonly unknownFailures: UnknownFailures = new UnknownFailures();

  constructor({
    store,
    sealKey,
    rootToken,
    bootstrapSecret,
    namespaces,
    namespaceId,
    isFull,
    clock,
    random,
    fetch: given,
    allowsLoopbackIssuers = false,
  }: ApiOptions) {
    this.store = store;
    this.keys = new Keys(sealKey);
    this.rootToken = rootToken;
    this.bootstrapSecret = bootstrapSecret;
    this.namespaces = namespaces;
    this.namespaceId = namespaceId;
    this.isFull = isFull ?? (() => false);
    this.clock = clock ?? (() => Date.now());
    this.loginLimits = new LoginLimits(this.clock);
    this.keySets = new KeySets({ fetch: given ?? ((input, init) => fetch(input, init)), clock: this.clock, allowsLoopback: allowsLoopbackIssuers });
    this.random = random ?? ((bytes) => crypto.getRandomValues(bytes));
    // A namespace starts with nothing.
    const initial = namespaceId === undefined ? { 'secret/': { version: 2, description: 'key/value secret storage' } as const } : {};
    this.mounts = new Mounts({ store, sealer: this.keys.sealer, clock: this.clock, random: this.random, initial });
  }

  /**
   * That the key is the one the data was sealed with, looked at once.
   * @throws SealError `WRONG_KEY`
   */
  async proveKey(): Promise<void> {
    this.#proven ??= this.mounts.proveKey();
    try {
      await this.#proven;
    } catch (error) {
      this.#proven = undefined; // the storage may have been out of reach
      throw error;
    }
  }

  /** Whether there is, or has been, a root token: from a binding or from `sys/init`. Once is for ever. */
  async isInitialized(): Promise<boolean> {
    if (this.rootToken !== undefined || this.namespaceId !== undefined) return true;
    this.#hasInitRecord ||= await this.store.read(hasInitRecord);
    return this.#hasInitRecord;
  }

  /** The engine of a mount, its transactions run by `scope`. There is one behind all scopes, so that updates of a secret queue up instead of colliding. */
  engineOf(mount: MountBinding, scope: Scope): SecretEngine | Kv1Engine {
    const { id } = mount.bound!.entry;
    const known = this.#enginesByMountId.get(id);
    // A mount that was moved or upgraded is another one to its engine.
    if (known?.mount.path === mount.path && known.mount.version === mount.version) return known.engine.within(scope);
    const options = { store: this.store, sealer: this.keys.sealer, clock: this.clock, random: this.random, mount };
    const engine = mount.version === 1 ? new Kv1Engine(options) : new SecretEngine(options);
    this.#enginesByMountId.set(id, { mount, engine });
    return engine.within(scope);
  }

  /** Forgets the engine of a mount that is gone. */
  forget(mount: MountBinding): void {
    this.#enginesByMountId.delete(mount.bound!.entry.id);
  }

  /** @throws StoreError `QUOTA_EXCEEDED` if nothing more is taken in */
  checkRoom(): void {
    if (this.isFull()) throw new StoreError('QUOTA_EXCEEDED', 'the storage is nearly full');
  }

  randomBytes(length: number): Uint8Array<ArrayBuffer> {
    return this.random(new Uint8Array(length));
  }

  newUuid(): string {
    const bytes = this.randomBytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    return formatUuid(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''));
  }
}

/** 32 hexadecimal digits with the dashes of a UUID. */
export function formatUuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
