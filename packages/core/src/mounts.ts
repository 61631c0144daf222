import { KvError } from './errors.ts';
import { mountDataPrefix, mountKey, mountsPrefix } from './keyspace.ts';
import type { Environment, EnvironmentOptions, MountBinding } from './mount-handle.ts';
import { environmentOf, newMount, proveKey } from './mount-handle.ts';
import { parsePath } from './path.ts';
import type { MountEntry, Write } from './record.ts';
import { decodeMount, isTombstone, putMount, putTombstone } from './record.ts';
import type { Sealer } from './sealer.ts';
import type { Entry, KvStore, TxOptions } from './store.ts';
import { prefixEnd } from './store.ts';

export interface NewMount {
  /** KV version; 2 by default. */
  readonly version?: 1 | 2 | undefined;
  readonly description?: string | undefined;
}

export interface MountsOptions extends EnvironmentOptions {
  readonly store: KvStore;
  readonly sealer: Sealer;
  /** Mounts that are there from the start: listed and usable at once, stored with their first change, gone for good once unmounted. */
  readonly initial?: Readonly<Record<string, NewMount>> | undefined;
}

/** The mounts of a store: several KV engines, each under the prefix of its own random, never reused id. */
export class Mounts {
  readonly #store: KvStore;
  readonly #sealer: Sealer;
  readonly #environment: Environment;
  readonly #initial: ReadonlyMap<string, NewMount>;
  readonly #unstored = new Map<string, Promise<MountEntry>>();

  constructor({ store, sealer, initial = {}, ...environment }: MountsOptions) {
    this.#store = store;
    this.#sealer = sealer;
    this.#initial = new Map(Object.entries(initial));
    this.#environment = environmentOf(environment);
  }

  /** Every mount, by path in UTF-8 byte order, bound for an engine's `mount` option. */
  async list(options: TxOptions = {}): Promise<readonly MountBinding[]> {
    const entries = await this.#store.read((tx) => tx.scan(everyMount), options);
    return this.#bindings(entries);
  }

  /**
   * The mount that a path lies in, the mount's own path included; undefined if none. One read and no listing: mounts don't nest, so the mount
   * is the last one not after the path.
   */
  async find(path: string, options: TxOptions = {}): Promise<MountBinding | undefined> {
    const initial = [...this.#initial.keys()].find((mount) => path.startsWith(mount));
    const entries = await this.#store.read(async (tx) => {
      const last = tx.scan({ from: mountsPrefix, to: `${mountKey(path)}\0`, reverse: true, limit: 1 });
      const [found, own] = await Promise.all([last, initial === undefined ? undefined : tx.get(mountKey(initial))]);
      return own === undefined ? found : [{ key: mountKey(initial!), value: own }, ...found];
    }, options);
    return (await this.#bindings(entries)).find((binding) => path.startsWith(binding.path));
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
  async create(path: string, { version = 2, description }: NewMount = {}, options: TxOptions = {}): Promise<MountEntry> {
    const mountPath = parseMountPath(path);
    const entry = await newMount(this.#sealer, this.#environment, { path: mountPath, version, description });
    const refusal = await this.#store.write(async (tx) => {
      const stored = await tx.scan(everyMount);
      const taken = new Set(stored.map(({ key }) => key.slice(mountsPrefix.length)));
      const paths = stored.filter(({ value }) => !isTombstone(value)).map(({ key }) => key.slice(mountsPrefix.length));
      for (const initial of this.#initial.keys()) if (!taken.has(initial)) paths.push(initial);
      const existing = paths.find((other) => other.startsWith(mountPath) || mountPath.startsWith(other));
      return { result: existing, writes: existing === undefined ? [putMount(entry)] : [] };
    }, options);
    if (refusal !== undefined) throw new KvError('MOUNT_IN_USE', { mount: mountPath, existing: refusal });
    return entry;
  }

  /** Removes a mount with all its data, in one transaction: its entry and one range. Resolves to whether there was one. */
  async unmount(path: string, options: TxOptions = {}): Promise<boolean> {
    const mountPath = parseMountPath(path);
    return this.#store.write(async (tx) => {
      const bytes = await tx.get(mountKey(mountPath));
      const entry = bytes === undefined || isTombstone(bytes) ? undefined : decodeMount(mountPath, bytes);
      const isInitial = this.#initial.has(mountPath);
      const existed = entry !== undefined || (isInitial && bytes === undefined);
      const writes: Write[] = [];
      if (entry !== undefined) {
        const from = mountDataPrefix(entry.id);
        writes.push({ kind: 'deleteRange', from, to: prefixEnd(from) });
      }
      if (existed) writes.push(isInitial ? putTombstone(mountPath) : { kind: 'delete', key: mountKey(mountPath) });
      return { result: existed, writes };
    }, options);
  }

  async #bindings(entries: readonly Entry[]): Promise<MountBinding[]> {
    const bindings = new Map<string, MountBinding | undefined>();
    for (const { key, value } of entries) {
      const path = key.slice(mountsPrefix.length);
      const entry = isTombstone(value) ? undefined : decodeMount(path, value);
      bindings.set(path, entry && { path, version: entry.version, bound: { entry, stored: true } });
    }
    for (const [path, { version = 2, description }] of this.#initial) {
      if (bindings.has(path)) continue;
      let made = this.#unstored.get(path);
      if (made === undefined) {
        made = newMount(this.#sealer, this.#environment, { path, version, description });
        made.catch(() => this.#unstored.delete(path));
        this.#unstored.set(path, made);
      }
      bindings.set(path, { path, version, bound: { entry: await made, stored: false } });
    }
    return [...bindings.values()].filter((binding) => binding !== undefined);
  }
}

const everyMount = { from: mountsPrefix, to: prefixEnd(mountsPrefix) };

/** @throws KvError `INVALID_PATH`, `PATH_TOO_LONG` */
export function parseMountPath(path: string): string {
  return `${parsePath(path.endsWith('/') ? path.slice(0, -1) : path)}/`;
}
