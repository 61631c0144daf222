import { KvError } from './errors.ts';
import { headKey, mountDataPrefix, mountKey, mountsPrefix, purgesPrefix } from './keyspace.ts';
import type { Environment, EnvironmentOptions, MountBinding, Scope } from './mount-handle.ts';
import { environmentOf, mintHexId, newMount, proveKey } from './mount-handle.ts';
import { parseMountPath } from './path.ts';
import type { MountEntry, MountTuning, Write } from './record.ts';
import { decodeMount, putMount, putPurge, putTombstone } from './record.ts';
import type { Sealer } from './sealer.ts';
import type { Entry, KvStore, ReadTx, TxOptions } from './store.ts';
import { compareKeys, deleteUpTo, prefixEnd } from './store.ts';

export interface NewMount {
  /** KV version; 2 by default. */
  readonly version?: 1 | 2 | undefined;
  readonly description?: string | undefined;
  readonly tuning?: MountTuning | undefined;
}

/** What to change about a mount; what is absent stays as it is. */
export interface MountChange {
  readonly description?: string | undefined;
  /** In place of all of the tuning there is. */
  readonly tuning?: MountTuning | undefined;
  /** Makes KV v2 of KV v1: every value becomes version 1 of its secret. There is no way back. */
  readonly version?: 2 | undefined;
}

export interface MountsOptions extends EnvironmentOptions {
  readonly store: KvStore;
  readonly sealer: Sealer;
  /** Mounts that are there from the start: listed and usable at once, stored with their first change, gone for good once unmounted. */
  readonly initial?: Readonly<Record<string, NewMount>> | undefined;
  /** How many records {@link Mounts.unmount} removes itself; more are left to {@link Mounts.purge}. 1,000 by default. */
  readonly purgeAbove?: number | undefined;
}

export interface PurgeOptions extends TxOptions {
  /** Records to remove at most; 1,000 by default. */
  readonly limit?: number | undefined;
}

const PURGE_LIMIT = 1000;

/** The mounts of a store: several KV engines, each under the prefix of its own random, never reused id. */
export class Mounts {
  readonly #store: KvStore;
  readonly #sealer: Sealer;
  readonly #environment: Environment;
  readonly #initial: ReadonlyMap<string, NewMount>;
  readonly #options: MountsOptions;
  readonly #unstored: Map<string, Promise<MountEntry>>;

  /** (`unstored` is for {@link within}.) */
  constructor(options: MountsOptions, unstored: Map<string, Promise<MountEntry>> = new Map()) {
    this.#options = options;
    this.#store = options.store;
    this.#sealer = options.sealer;
    this.#initial = new Map(Object.entries(options.initial ?? {}).map(([path, mount]) => [parseMountPath(path), mount]));
    this.#environment = environmentOf(options);
    this.#unstored = unstored;
  }

  /** These mounts with their transactions run by `scope`; see `SecretEngine.within`. */
  within({ store }: Scope): Mounts {
    return new Mounts({ ...this.#options, store }, this.#unstored);
  }

  /** Every mount, by path in UTF-8 byte order, bound for an engine's `mount` option. */
  async list(options: TxOptions = {}): Promise<readonly MountBinding[]> {
    const entries = await this.#store.read((tx) => tx.scan(everyMount), options);
    return this.#bindings(entries);
  }

  /** The mount that a path lies in, the mount's own path included; undefined if none. */
  async find(path: string, options: TxOptions = {}): Promise<MountBinding | undefined> {
    const { read, finish } = this.finding(path);
    return finish(await this.#store.read(read, options));
  }

  /**
   * As {@link find}, for a transaction that reads something else too: `read` inside of it, `finish` outside. No listing: mounts don't nest, so if it
   * is not the likely one (of one segment, or there from the start), it is the last one not after the path.
   */
  finding(path: string): {
    readonly read: (tx: ReadTx) => Promise<readonly Entry[]>;
    readonly finish: (seen: readonly Entry[]) => Promise<MountBinding | undefined>;
  } {
    // The mount's own path may be given without its slash.
    const folder = path.endsWith('/') ? path : `${path}/`;
    const likely = [...this.#initial.keys()].find((mount) => folder.startsWith(mount)) ?? folder.slice(0, folder.indexOf('/') + 1);
    return {
      read: async (tx) => {
        const key = mountKey(likely);
        const own = await tx.get(key);
        const first = own === undefined ? [] : [{ key, value: own }];
        if (own && decodeMount(likely, own)) return first;
        return [...first, ...(await tx.scan({ from: mountsPrefix, to: `${mountKey(folder)}\0`, reverse: true, limit: 1 }))];
      },
      finish: async (seen) => (await this.#bindings(seen)).find((binding) => folder.startsWith(binding.path)),
    };
  }

  /**
   * Proves the key against every mount.
   * @throws SealError `WRONG_KEY`
   */
  async proveKey(options: TxOptions = {}): Promise<void> {
    for (const { bound } of await this.list(options)) if (bound?.stored) await proveKey(this.#sealer, bound.entry);
  }

  /**
   * Makes a mount at `path` (with or without its trailing slash).
   * @throws KvError `INVALID_PATH`; `MOUNT_IN_USE` if the path equals, contains or lies inside that of an existing mount
   */
  async create(path: string, { version = 2, description, tuning }: NewMount = {}, options: TxOptions = {}): Promise<MountEntry> {
    const mountPath = parseMountPath(path);
    const entry = await newMount(this.#sealer, this.#environment, { path: mountPath, version, description, tuning });
    return this.#store.write(async (tx) => {
      await this.#refuseConflict(tx, mountPath);
      return { result: entry, writes: [putMount(entry)] };
    }, options);
  }

  /**
   * Changes what a mount is known by, as `change` decides for the mount it is given, in one transaction. `change` is pure; what it throws is the outcome.
   * @throws KvError `MOUNT_NOT_FOUND`
   */
  async tune(
    path: string,
    change: (mount: MountEntry) => MountChange,
    options: TxOptions = {},
  ): Promise<{ readonly before: MountEntry; readonly after: MountEntry }> {
    const mountPath = parseMountPath(path);
    const unstored = await this.#unstoredAt(mountPath);
    return this.#store.write(async (tx) => {
      const before = await mustLoad(tx, mountPath, unstored);
      const { description = before.description, tuning = before.tuning, version = before.version } = change(before);
      const after = { ...before, description, tuning, version };
      return { result: { before, after }, writes: [putMount(after)] };
    }, options);
  }

  /**
   * Makes KV v2 of a KV v1 mount, for good: every value is version 1 of its secret then. One record is written, as the two have their secrets'
   * records in common.
   * @throws KvError `MOUNT_NOT_FOUND`
   */
  async upgrade(path: string, options: TxOptions = {}): Promise<MountEntry> {
    return (await this.tune(path, () => ({ version: 2 }), options)).after;
  }

  /**
   * Gives a mount another path, in one transaction. Its data stay where they are, under its id.
   * @throws KvError `INVALID_PATH`; `MOUNT_NOT_FOUND`; `MOUNT_IN_USE` as for {@link create}, the mount's own path included
   */
  async remount(from: string, to: string, options: TxOptions = {}): Promise<MountEntry> {
    const source = parseMountPath(from);
    const target = parseMountPath(to);
    const unstored = await this.#unstoredAt(source);
    const id = mintHexId(this.#environment);
    return this.#store.write(async (tx) => {
      const entry = await mustLoad(tx, source, unstored);
      await this.#refuseConflict(tx, target);
      const moved = { ...entry, path: target, lastRemount: { id, from: source } };
      return { result: moved, writes: [this.#removal(source), putMount(moved)] };
    }, options);
  }

  /**
   * Removes a mount for good, in one small transaction however large it is: what it does not remove itself can't be reached any more, and is left to
   * {@link purge}. Resolves to whether there was such a mount.
   */
  async unmount(path: string, options: TxOptions = {}): Promise<boolean> {
    const mountPath = parseMountPath(path);
    const unstored = await this.#unstoredAt(mountPath);
    const { purgeAbove = PURGE_LIMIT } = this.#options;
    return this.#store.write(async (tx) => {
      const entry = await load(tx, mountPath, unstored);
      if (entry === undefined) return { result: false, writes: [] };
      const writes: Write[] = [this.#removal(mountPath)];
      const from = mountDataPrefix(entry.id);
      const records = await tx.scanKeys({ from, to: prefixEnd(from), limit: purgeAbove + 1 });
      if (records.length > purgeAbove) writes.push(putPurge(entry.id, this.#environment.clock()));
      else if (records.length > 0) writes.push({ kind: 'deleteRange', from, to: prefixEnd(from) });
      return { result: true, writes };
    }, options);
  }

  /** Removes what is left of unmounted mounts, up to `limit` records in one transaction. Resolves to whether there is more: then call it again. */
  async purge({ limit = PURGE_LIMIT, ...options }: PurgeOptions = {}): Promise<boolean> {
    return this.#store.write(async (tx) => {
      const [purge, next] = await tx.scanKeys({ from: purgesPrefix, to: prefixEnd(purgesPrefix), limit: 2 });
      if (purge === undefined) return { result: false, writes: [] };
      const from = mountDataPrefix(purge.slice(purgesPrefix.length));
      const { write, isAll } = await deleteUpTo(tx, { from, to: prefixEnd(from) }, limit);
      if (!isAll) return { result: true, writes: [write] };
      return { result: next !== undefined, writes: [write, { kind: 'delete', key: purge }] };
    }, options);
  }

  /** @throws KvError `MOUNT_IN_USE` */
  async #refuseConflict(tx: ReadTx, mountPath: string): Promise<void> {
    const stored = await tx.scan(everyMount);
    const taken = new Set(stored.map(({ key }) => key.slice(mountsPrefix.length)));
    const paths = stored.filter(({ value }) => decodeMount('', value)).map(({ key }) => key.slice(mountsPrefix.length));
    for (const initial of this.#initial.keys()) if (!taken.has(initial)) paths.push(initial);
    const existing = paths.find((other) => other.startsWith(mountPath) || mountPath.startsWith(other));
    if (existing !== undefined) throw new KvError('MOUNT_IN_USE', { mount: mountPath, existing });
  }

  /** Removes a mount's entry. One that is there from the start must not come back. */
  #removal(mountPath: string): Write {
    return this.#initial.has(mountPath) ? putTombstone(mountPath) : { kind: 'delete', key: mountKey(mountPath) };
  }

  /** The entry of a mount that is there from the start, as long as it has no record. */
  async #unstoredAt(path: string): Promise<MountEntry | undefined> {
    const initial = this.#initial.get(path);
    if (initial === undefined) return undefined;
    let made = this.#unstored.get(path);
    if (made === undefined) {
      const { version = 2, description, tuning } = initial;
      made = newMount(this.#sealer, this.#environment, { path, version, description, tuning });
      made.catch(() => this.#unstored.delete(path));
      this.#unstored.set(path, made);
    }
    return made;
  }

  async #bindings(entries: readonly Entry[]): Promise<MountBinding[]> {
    const bindings = new Map<string, MountBinding | undefined>();
    for (const { key, value } of entries) {
      const path = key.slice(mountsPrefix.length);
      const entry = decodeMount(path, value);
      bindings.set(path, entry && { path, version: entry.version, bound: { entry, stored: true } });
    }
    for (const [path, { version = 2 }] of this.#initial) {
      if (bindings.has(path)) continue;
      const entry = (await this.#unstoredAt(path))!;
      bindings.set(path, { path, version, bound: { entry, stored: false } });
    }
    return [...bindings.values()].filter((binding) => binding !== undefined).sort((a, b) => compareKeys(a.path, b.path));
  }
}

async function load(tx: ReadTx, mountPath: string, unstored: MountEntry | undefined): Promise<MountEntry | undefined> {
  const bytes = await tx.get(mountKey(mountPath));
  if (bytes === undefined) return unstored;
  return decodeMount(mountPath, bytes);
}

/** @throws KvError `MOUNT_NOT_FOUND` */
async function mustLoad(tx: ReadTx, mountPath: string, unstored: MountEntry | undefined): Promise<MountEntry> {
  const entry = await load(tx, mountPath, unstored);
  if (entry === undefined) throw new KvError('MOUNT_NOT_FOUND', { mount: mountPath });
  return entry;
}

/** Whether there is a secret at a path of a mount: what tells a create from an update. */
export async function secretExists(tx: ReadTx, mount: MountBinding, path: string): Promise<boolean> {
  const { id } = mount.bound!.entry;
  return (await tx.get(headKey(id, path))) !== undefined;
}

const everyMount = { from: mountsPrefix, to: prefixEnd(mountsPrefix) };
