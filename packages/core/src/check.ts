import {
  dataPrefix,
  headsPrefix,
  incarnationPrefix,
  incarnationsPrefix,
  mountDataPrefix,
  mountsPrefix,
  parseOrderedNumber,
  purgesPrefix,
} from './keyspace.ts';
import type { Head, MountEntry, VersionEntry } from './record.ts';
import { decodeHead, decodeMount, decodePage, decodePurge, firstVersion, PAGE_SIZE, pageOf } from './record.ts';
import type { Entry, KvStore, ReadTx, TxOptions } from './store.ts';
import { compareKeys, prefixEnd } from './store.ts';

/** What is wrong with a store, by the key it was found at. Contains no secret's data. */
export interface StoreProblem {
  readonly kind:
    | 'unreadable' // a record of structure does not decode
    | 'missing-page' // version entries that the head counts on
    | 'missing-value' // a version that is not destroyed has no sealed value
    | 'orphan' // a record that nothing points at
    | 'leftover-value' // the value of a destroyed or pruned version
    | 'inconsistent'; // numbers or times that cannot be
  readonly key: string;
  readonly detail: string;
}

export interface StoreReport {
  readonly problems: readonly StoreProblem[];
  readonly mounts: number;
  readonly secrets: number;
  readonly versions: number;
}

/** Somebody besides the engine who keeps records in a store. */
export interface StoreOwner {
  /** Ends in a slash. All keys that start with it are this owner's. */
  readonly prefix: string;
  /** What is wrong with the owner's records. Reads what it likes and changes nothing. */
  check(tx: ReadTx): Promise<readonly StoreProblem[]>;
}

export interface CheckOptions extends TxOptions {
  /** Everybody else who keeps records in the store; by default nobody may. */
  readonly owners?: readonly StoreOwner[] | undefined;
}

const BATCH = 500;
// No key of ours comes near it.
const END_OF_KEYS = '\u{10ffff}';

/**
 * Proves that a store has no dangling and no orphaned record: every version that should have a value has one, and every record is reached from a
 * mount, is on the list of what is to be purged, or has an owner of its own. Reads one snapshot, no values, and changes nothing. It does not open
 * anything, so it needs no key.
 */
export async function checkStore(store: KvStore, { owners = [], ...options }: CheckOptions = {}): Promise<StoreReport> {
  return store.read(async (tx) => {
    const check = new Check(tx);
    await check.run(owners);
    return check.report();
  }, options);
}

class Check {
  readonly #tx: ReadTx;
  readonly #problems: StoreProblem[] = [];
  #mounts = 0;
  #secrets = 0;
  #versions = 0;

  constructor(tx: ReadTx) {
    this.#tx = tx;
  }

  report(): StoreReport {
    return { problems: this.#problems, mounts: this.#mounts, secrets: this.#secrets, versions: this.#versions };
  }

  async run(owners: readonly StoreOwner[]): Promise<void> {
    const ids = new Set<string>();
    for (const { key, value } of await this.#tx.scan({ from: mountsPrefix, to: prefixEnd(mountsPrefix) })) {
      const mount = this.#decoded(key, () => decodeMount(key.slice(mountsPrefix.length), value));
      if (mount === undefined) continue;
      this.#mounts++;
      if (ids.has(mount.id)) this.#add('inconsistent', key, 'shares its id with another mount');
      ids.add(mount.id);
      await this.#mount(mount);
    }
    const purged = await this.#purges(ids);
    await this.#orphans(dataPrefix, 'belongs to no mount', new Set([...ids, ...purged]));
    for (const owner of owners) this.#problems.push(...(await owner.check(this.#tx)));
    await this.#strangers([mountsPrefix, purgesPrefix, dataPrefix, ...owners.map(({ prefix }) => prefix)]);
  }

  /** The ids of unmounted mounts whose data are still to be removed. */
  async #purges(mounted: ReadonlySet<string>): Promise<string[]> {
    const purged: string[] = [];
    for (const { key, value } of await this.#tx.scan({ from: purgesPrefix, to: prefixEnd(purgesPrefix) })) {
      const id = key.slice(purgesPrefix.length);
      this.#decoded(key, () => decodePurge(value));
      if (mounted.has(id)) this.#add('inconsistent', key, 'is to be purged, but still mounted');
      const data = mountDataPrefix(id);
      const [first] = await this.#tx.scanKeys({ from: data, to: prefixEnd(data), limit: 1 });
      if (first === undefined) this.#add('orphan', key, 'has nothing left to purge');
      purged.push(id);
    }
    return purged;
  }

  /** Reports every key that lies outside of all prefixes. */
  async #strangers(prefixes: readonly string[]): Promise<void> {
    let from = '';
    for (const prefix of prefixes.toSorted(compareKeys)) {
      await this.#reportAll(from, prefix);
      // One may lie inside of the one before.
      if (compareKeys(from, prefixEnd(prefix)) < 0) from = prefixEnd(prefix);
    }
    await this.#reportAll(from, END_OF_KEYS);
  }

  async #reportAll(from: string, to: string): Promise<void> {
    if (compareKeys(from, to) >= 0) return;
    for (const key of await this.#tx.scanKeys({ from, to })) this.#add('orphan', key, 'is of no known kind');
  }

  async #mount(mount: MountEntry): Promise<void> {
    const prefix = headsPrefix(mount.id);
    const incarnations = new Set<string>();
    let from = prefix;
    for (;;) {
      const batch = await this.#tx.scan({ from, to: prefixEnd(prefix), limit: BATCH });
      for (const entry of batch) {
        const head = this.#decoded(entry.key, () => decodeHead(entry.value));
        if (head === undefined) continue;
        this.#secrets++;
        if (incarnations.has(head.incarnation)) this.#add('inconsistent', entry.key, 'shares its incarnation with another secret');
        incarnations.add(head.incarnation);
        await this.#secret(mount, entry, head);
      }
      if (batch.length < BATCH) break;
      from = `${batch.at(-1)!.key}\0`;
    }
    await this.#orphans(incarnationsPrefix(mount.id), 'belongs to no secret', incarnations);
    // Under a mount's prefix there are heads and incarnations and nothing else.
    const outside = [
      { from: mountDataPrefix(mount.id), to: prefix },
      { from: prefixEnd(prefix), to: incarnationsPrefix(mount.id) },
      { from: prefixEnd(incarnationsPrefix(mount.id)), to: prefixEnd(mountDataPrefix(mount.id)) },
    ];
    for (const { from, to } of outside) await this.#reportAll(from, to);
  }

  async #secret(mount: MountEntry, { key }: Entry, head: Head): Promise<void> {
    const { currentVersion, oldestVersion, entries } = head;
    const first = firstVersion(head);
    if (mount.version === 1 && currentVersion !== 1) this.#add('inconsistent', key, 'a KV v1 secret has exactly one version');
    const inHead = currentVersion === 0 ? 0 : ((currentVersion - 1) % PAGE_SIZE) + 1;
    if (entries.length !== inHead) this.#add('inconsistent', key, `has ${entries.length} entries in its head instead of ${inHead}`);
    if (oldestVersion > currentVersion && currentVersion > 0) this.#add('inconsistent', key, 'its oldest version is after its current one');

    const records = incarnationPrefix(mount.id, head.incarnation);
    const pagesPrefix = `${records}g`;
    const pages = new Map<number, readonly VersionEntry[]>([[pageOf(currentVersion), entries]]);
    for (const page of await this.#tx.scan({ from: pagesPrefix, to: prefixEnd(pagesPrefix) })) {
      const number = parseOrderedNumber(page.key.slice(pagesPrefix.length));
      const decoded = this.#decoded(page.key, () => decodePage(page.value));
      if (decoded === undefined) continue;
      if (number >= pageOf(currentVersion) || number < pageOf(first)) this.#add('orphan', page.key, 'is a page of no version');
      else pages.set(number, decoded);
    }

    const expected = new Map<string, VersionEntry>();
    let lastTime = -Infinity;
    for (let version = first; version <= currentVersion; version++) {
      const entry = pages.get(pageOf(version))?.[(version - 1) % PAGE_SIZE];
      if (entry === undefined) {
        this.#add('missing-page', key, `version ${version} has no entry`);
        continue;
      }
      this.#versions++;
      if (entry.createdAt < lastTime || entry.createdAt > head.touchedAt)
        this.#add('inconsistent', key, `the time of version ${version} is out of order`);
      lastTime = entry.createdAt;
      if (!entry.destroyed) expected.set(String(version), entry);
    }
    const values = `${records}v`;
    for (const value of await this.#keys(values)) {
      const version = String(parseOrderedNumber(value.slice(values.length)));
      if (!expected.delete(version)) this.#add('leftover-value', value, `version ${version} is destroyed, pruned or was never there`);
    }
    for (const version of expected.keys()) this.#add('missing-value', key, `version ${version} has no value`);
    const known = [pagesPrefix, values];
    for (const other of await this.#keys(records)) {
      if (!known.some((prefix) => other.startsWith(prefix))) this.#add('orphan', other, 'is of no known kind');
    }
  }

  /** Reports every `<prefix><id>/...` whose id is not known; seeks from id to id. */
  async #orphans(prefix: string, detail: string, known: ReadonlySet<string>): Promise<void> {
    let from = prefix;
    for (;;) {
      const [key] = await this.#tx.scanKeys({ from, to: prefixEnd(prefix), limit: 1 });
      if (key === undefined) return;
      const slash = key.indexOf('/', prefix.length);
      const id = key.slice(prefix.length, slash);
      if (slash < 0 || !known.has(id)) this.#add('orphan', key, detail);
      from = slash < 0 ? `${key}\0` : prefixEnd(`${prefix}${id}/`);
    }
  }

  #keys(prefix: string): Promise<readonly string[]> {
    return this.#tx.scanKeys({ from: prefix, to: prefixEnd(prefix) });
  }

  #decoded<T>(key: string, decode: () => T): T | undefined {
    try {
      return decode();
    } catch (error) {
      this.#add('unreadable', key, error instanceof Error ? error.message : 'does not decode');
      return undefined;
    }
  }

  #add(kind: StoreProblem['kind'], key: string, detail: string): void {
    this.#problems.push({ kind, key, detail });
  }
}
