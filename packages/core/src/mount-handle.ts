import { KvError, SealError } from './errors.ts';
import { mountKey } from './keyspace.ts';
import type { MountEntry } from './record.ts';
import { decodeMount, DEFAULT_CONFIG, isTombstone, putMount } from './record.ts';
import type { Sealer } from './sealer.ts';
import type { KvStore, ReadTx, TxOptions, WriteOutcome } from './store.ts';

/** Times and randomness come from here, so that tests can supply them. */
export interface Environment {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Fills the bytes with random ones and returns them. */
  readonly random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
}

export type EnvironmentOptions = { readonly [K in keyof Environment]?: Environment[K] | undefined };

/** The clock and randomness of the platform, unless others are given. */
export function environmentOf({ clock, random }: EnvironmentOptions): Environment {
  return { clock: clock ?? (() => Date.now()), random: random ?? ((bytes) => crypto.getRandomValues(bytes)) };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** 22 characters that nobody else gets: 132 random bits. */
export function mintId({ random }: Environment): string {
  return Array.from(random(new Uint8Array(22)), (byte) => ALPHABET[byte & 63]).join('');
}

/** Which mount an engine works on. */
export interface MountBinding {
  readonly path: string;
  readonly version: 1 | 2;
  /**
   * Only this very mount, not a later one at the same path. Made by `Mounts`, which also says whether it is stored already; without it, the
   * engine takes the mount it finds, and makes one with its first change.
   */
  readonly bound?: { readonly entry: MountEntry; readonly stored: boolean } | undefined;
}

const KEY_CHECK = 'key-check';
// How often a mount may be replaced between preparing and committing before we give up.
const MAX_MOVES = 5;
const MOVED = Symbol('moved');

/**
 * One mount of a store, as engines use it. Values are sealed for a mount before the transaction that writes them, so every transaction looks
 * whether the mount is still that one, and starts over if it is not. Nothing is remembered from a transaction that did not commit.
 */
export class MountHandle {
  readonly path: string;
  readonly store: KvStore;
  readonly sealer: Sealer;
  readonly environment: Environment;
  readonly #binding: MountBinding;
  /** The committed mount, its key proven. */
  #known: MountEntry | undefined;
  /** The mount to make with the first change. */
  #pending: MountEntry | undefined;

  constructor(store: KvStore, sealer: Sealer, environment: Environment, binding: MountBinding) {
    this.path = binding.path;
    this.store = store;
    this.sealer = sealer;
    this.environment = environment;
    this.#binding = binding;
  }

  /**
   * The mount, whose key is proven to be the right one; undefined if nothing was ever written. Writes nothing.
   * @throws SealError `WRONG_KEY`; KvError `MOUNT_VERSION`, `MOUNT_NOT_FOUND`
   */
  async find(options: TxOptions = {}): Promise<MountEntry | undefined> {
    if (this.#known !== undefined) return this.#known;
    const bytes = await this.store.read((tx) => tx.get(mountKey(this.path)), options);
    const entry = this.#accept(bytes);
    if (entry !== undefined) {
      await proveKey(this.sealer, entry);
      this.#known = entry;
    }
    return entry;
  }

  /** Runs `body` in one read transaction on the mount; undefined if it was never written to. */
  async read<T>(
    body: (tx: ReadTx, mountId: string) => Promise<T>,
    options: TxOptions,
  ): Promise<{ readonly value: T; readonly mount: MountEntry } | undefined> {
    for (let move = 0; move < MAX_MOVES; move++) {
      const known = await this.find(options);
      if (known === undefined) return undefined;
      const seen = await this.store.read(async (tx) => {
        // Side by side: the entry is all but always the one we know.
        const [bytes, value] = await Promise.all([tx.get(mountKey(this.path)), body(tx, known.id)]);
        return { mount: this.#accept(bytes), value };
      }, options);
      const { mount, value } = seen;
      if (mount?.id === known.id) return { mount, value };
      this.#known = undefined;
      if (mount === undefined) return undefined;
    }
    throw new KvError('CONFLICT', { attempts: MAX_MOVES });
  }

  /**
   * The write path: `prepare` seals outside, for the mount it is given; what it returns runs inside the one transaction. The first writes to a
   * mount that does not exist create it in the same transaction.
   */
  async write<T>(
    prepare: (mount: MountEntry) => Promise<(tx: ReadTx, mount: MountEntry) => Promise<WriteOutcome<T>>>,
    options: TxOptions,
  ): Promise<T> {
    for (let move = 0; move < MAX_MOVES; move++) {
      const mount = (await this.find(options)) ?? (await this.#mint());
      const body = await prepare(mount);
      const result = await this.store.write(async (tx): Promise<WriteOutcome<T | typeof MOVED>> => {
        const found = this.#accept(await tx.get(mountKey(this.path)));
        const creates = found === undefined && mount === this.#pending;
        if (found?.id !== mount.id && !creates) return { result: MOVED, writes: [] };
        const outcome = await body(tx, found ?? mount);
        return creates && outcome.writes.length > 0 ? { ...outcome, writes: [putMount(mount), ...outcome.writes] } : outcome;
      }, options);
      if (result !== MOVED) return result;
      this.#known = undefined;
    }
    throw new KvError('CONFLICT', { attempts: MAX_MOVES });
  }

  #accept(bytes: Uint8Array | undefined): MountEntry | undefined {
    const { bound, version } = this.#binding;
    const entry = bytes === undefined || isTombstone(bytes) ? undefined : decodeMount(this.path, bytes);
    if (bound !== undefined) {
      // A mount that is not stored yet has no record at all; a tombstone says that it was unmounted.
      const gone = entry === undefined ? bound.stored || bytes !== undefined : entry.id !== bound.entry.id;
      if (gone) throw new KvError('MOUNT_NOT_FOUND', { mount: this.path });
    }
    if (entry !== undefined && entry.version !== version) throw new KvError('MOUNT_VERSION', { mount: this.path, version: entry.version });
    return entry;
  }

  async #mint(): Promise<MountEntry> {
    const { bound, path, version } = this.#binding;
    this.#pending ??= bound?.entry ?? (await newMount(this.sealer, this.environment, { path, version }));
    return this.#pending;
  }
}

/** A new mount's entry, with its key check. Not stored yet. */
export async function newMount(
  sealer: Sealer,
  { clock, random }: Environment,
  { path, version, description = '' }: { readonly path: string; readonly version: 1 | 2; readonly description?: string | undefined },
): Promise<MountEntry> {
  const id = Array.from(random(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const keyCheck = await sealer.seal(new TextEncoder().encode(KEY_CHECK), { mountId: id, recordId: KEY_CHECK });
  return { path, id, version, description, createdAt: clock(), config: DEFAULT_CONFIG, keyCheck };
}

/** @throws SealError `WRONG_KEY` if the mount was sealed with another key */
export async function proveKey(sealer: Sealer, mount: MountEntry): Promise<void> {
  try {
    await sealer.open(mount.keyCheck, { mountId: mount.id, recordId: KEY_CHECK });
  } catch (error) {
    if (!(error instanceof SealError) || error.code !== 'CANNOT_OPEN') throw error;
    throw new SealError('WRONG_KEY', `the key is not the one that ${mount.path} was sealed with`, { cause: error });
  }
}
