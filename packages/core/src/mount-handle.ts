import type { KvErrorCode } from './errors.ts';
import { KvError, SealError } from './errors.ts';
import { mountKey } from './keyspace.ts';
import { parseMountPath } from './path.ts';
import type { MountEntry } from './record.ts';
import { decodeMount, DEFAULT_CONFIG, putMount } from './record.ts';
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

/** 26 digits and letters that nobody else gets: 130 random bits. */
export function mintId(environment: Environment): string {
  return mint(environment, 26, 32);
}

/** 32 hexadecimal digits that nobody else gets. */
export function mintHexId(environment: Environment): string {
  return mint(environment, 32, 16);
}

// The radix divides 256, so all digits are equally likely.
function mint({ random }: Environment, length: number, radix: 16 | 32): string {
  return Array.from(random(new Uint8Array(length)), (byte) => (byte % radix).toString(radix)).join('');
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

/** What became of an operation, in the words of a record of it: nothing of what the user wrote. */
export interface OutcomeNote {
  readonly code: 'ok' | 'missing' | 'deleted' | 'destroyed' | 'REFUSED' | 'ACCESS_DENIED' | KvErrorCode;
  /** The version that was read or written. */
  readonly version?: number | undefined;
}

/**
 * An engine's transactions as one caller runs them. The store is a wrapper of the engine's own, which may admit the caller in each transaction
 * and keep a record in it; `note` is called in the transaction's body, right before it returns, with what the record should say.
 */
export interface Scope {
  readonly store: KvStore;
  readonly note?: ((outcome: OutcomeNote) => void) | undefined;
}

/**
 * The binding of an engine for one version of KV.
 * @throws KvError `INVALID_PATH`, `MOUNT_VERSION`
 */
export function bindingOf(mount: string | MountBinding, version: 1 | 2): MountBinding {
  if (typeof mount === 'string') return { path: parseMountPath(mount), version };
  if (mount.version !== version) throw new KvError('MOUNT_VERSION', { mount: mount.path, version: mount.version });
  return mount;
}

const KEY_CHECK = 'key-check';
// How often a mount may be replaced between preparing and committing before we give up.
const MAX_MOVES = 5;

/** Ends a transaction that finds another mount than the one that was prepared for. */
class MovedError extends Error {}

interface HandleState {
  /** The committed mount, its key proven. */
  known?: MountEntry | undefined;
  /** The mount to make with the first change. */
  pending?: MountEntry | undefined;
}

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
  readonly #scope: Scope;
  readonly #state: HandleState;

  constructor(store: KvStore, sealer: Sealer, environment: Environment, binding: MountBinding, scope: Scope = { store }, state: HandleState = {}) {
    this.path = binding.path;
    this.store = store;
    this.sealer = sealer;
    this.environment = environment;
    this.#binding = binding;
    this.#scope = scope;
    this.#state = state;
  }

  /** The same mount, its transactions run by `scope`. */
  within(scope: Scope): MountHandle {
    return new MountHandle(this.store, this.sealer, this.environment, this.#binding, scope, this.#state);
  }

  /** Tells the scope what becomes of the operation; called in a transaction's body. */
  note(outcome: OutcomeNote): void {
    this.#scope.note?.(outcome);
  }

  /**
   * The mount, whose key is proven to be the right one; undefined if nothing was ever written. Writes nothing.
   * @throws SealError `WRONG_KEY`; KvError `MOUNT_VERSION`, `MOUNT_NOT_FOUND`
   */
  async find(options: TxOptions = {}): Promise<MountEntry | undefined> {
    if (this.#state.known !== undefined) return this.#state.known;
    const { bound } = this.#binding;
    // What `Mounts` has found needs no second look: every transaction looks again.
    const entry = bound?.stored ? bound.entry : this.#accept(await this.store.read((tx) => tx.get(mountKey(this.path)), options));
    if (entry !== undefined) {
      await proveKey(this.sealer, entry);
      this.#state.known = entry;
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
      const { mount, seen } = await this.#scope.store.read(async (tx) => {
        // Side by side: the entry is all but always the one we know. If it is not, that comes before whatever the body met.
        const value = body(tx, known.id);
        value.catch(() => undefined);
        const found = this.#accept(await tx.get(mountKey(this.path)));
        return { mount: found, seen: found?.id === known.id ? { value: await value, mount: found } : undefined };
      }, options);
      if (seen !== undefined) return seen;
      this.#state.known = undefined;
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
      let created = false;
      try {
        return await this.#scope.store.write(async (tx): Promise<WriteOutcome<T>> => {
          const found = this.#accept(await tx.get(mountKey(this.path)));
          const creates = found === undefined && mount === this.#state.pending;
          if (found?.id !== mount.id && !creates) throw new MovedError();
          const outcome = await body(tx, found ?? mount);
          created = creates && outcome.writes.length > 0;
          return created ? { ...outcome, writes: [putMount(mount), ...outcome.writes] } : outcome;
        }, options);
      } catch (error) {
        if (!(error instanceof MovedError)) throw error;
        this.#state.known = undefined;
      } finally {
        // Whatever became of the commit, the id is not used for another mount: this one may be unmounted and its data still be there.
        if (created) this.#state.pending = undefined;
      }
    }
    throw new KvError('CONFLICT', { attempts: MAX_MOVES });
  }

  #accept(bytes: Uint8Array | undefined): MountEntry | undefined {
    const { bound, version } = this.#binding;
    const entry = bytes && decodeMount(this.path, bytes);
    if (bound !== undefined) {
      // One that was not stored when it was found has no record yet, or the one that somebody else has made of it; a tombstone says that it
      // was unmounted.
      const expected = this.#state.known?.id ?? (bound.stored ? bound.entry.id : undefined);
      const gone = entry === undefined ? bound.stored || bytes !== undefined : expected !== undefined && entry.id !== expected;
      if (gone) throw new KvError('MOUNT_NOT_FOUND', { mount: this.path });
    }
    if (entry !== undefined && entry.version !== version) throw new KvError('MOUNT_VERSION', { mount: this.path, version: entry.version });
    return entry;
  }

  async #mint(): Promise<MountEntry> {
    const { bound, path, version } = this.#binding;
    return (this.#state.pending ??= bound?.entry ?? (await newMount(this.sealer, this.environment, { path, version })));
  }
}

/** A new mount's entry, with its key check. Not stored yet. */
export async function newMount(
  sealer: Sealer,
  environment: Environment,
  { path, version, description = '', tuning }: Pick<MountEntry, 'path' | 'version' | 'tuning'> & { readonly description?: string | undefined },
): Promise<MountEntry> {
  const id = mintHexId(environment);
  const keyCheck = await sealer.seal(new TextEncoder().encode(KEY_CHECK), { mountId: id, recordId: KEY_CHECK });
  return { path, id, version, description, createdAt: environment.clock(), config: DEFAULT_CONFIG, tuning, keyCheck };
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
