import type { KvStore, MountBinding, Sealer } from '@sealkv/core';
import { Mounts, SecretEngine } from '@sealkv/core';
import { Kv1Engine } from '@sealkv/core/kv1';
import type { Redacted } from './redacted.ts';

export interface ApiOptions {
  /** The namespace's store: its mounts and their secrets. */
  readonly store: KvStore;
  readonly sealer: Sealer;
  readonly rootToken: Redacted;
  /** Milliseconds since 1970; the platform's by default. */
  readonly clock?: (() => number) | undefined;
  /** Fills the bytes with random ones; the platform's by default. */
  readonly random?: ((bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) | undefined;
}

/** What handlers work with. */
export class Services {
  readonly rootToken: Redacted;
  readonly mounts: Mounts;
  readonly clock: () => number;
  readonly #options: ApiOptions;
  readonly #enginesByMountId = new Map<string, SecretEngine | Kv1Engine>();
  #proven: Promise<void> | undefined;

  constructor(options: ApiOptions) {
    const { store, sealer, clock, random, rootToken } = options;
    this.#options = options;
    this.rootToken = rootToken;
    this.clock = clock ?? (() => Date.now());
    this.mounts = new Mounts({ store, sealer, clock, random, initial: { 'secret/': { version: 2, description: 'key/value secret storage' } } });
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

  /** The engine of a mount; one per mount, so that updates of a secret queue up instead of colliding. */
  engineOf(mount: MountBinding): SecretEngine | Kv1Engine {
    const id = mount.bound!.entry.id;
    const known = this.#enginesByMountId.get(id);
    if (known !== undefined) return known;
    const { store, sealer, clock, random } = this.#options;
    const options = { store, sealer, clock, random, mount };
    const engine = mount.version === 1 ? new Kv1Engine(options) : new SecretEngine(options);
    this.#enginesByMountId.set(id, engine);
    return engine;
  }

  /** Forgets the engine of a mount that is gone. */
  forget(mount: MountBinding): void {
    this.#enginesByMountId.delete(mount.bound!.entry.id);
  }

  newUuid(): string {
    const bytes = (this.#options.random ?? ((empty) => crypto.getRandomValues(empty)))(new Uint8Array(16));
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    return formatUuid(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''));
  }
}

/** 32 hexadecimal digits with the dashes of a UUID. */
export function formatUuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
