/** Watching secrets: what is there, then what changes, whoever commits it. */
import type { SecretEngine } from './engine.ts';
import { mountOf } from './engine.ts';
import type { VersionFacts } from './errors.ts';
import { StoreError } from './errors.ts';
import { headKey, headsPrefix, isBelowIncarnations, mountKey, pathOfHead } from './keyspace.ts';
import { versionFacts } from './kv2/version-state.ts';
import type { Cancellable } from './listing.ts';
import type { MountHandle } from './mount-handle.ts';
import { parseFolder, parsePath } from './path.ts';
import { decodeHead, entryOf } from './record.ts';
import type { DeleteRange, KeyRange, ReadTx, StoreKey, Touched } from './store.ts';
import { compareKeys, prefixEnd } from './store.ts';

/** A secret as it is now. No value: that is read by `SecretEngine.get`. */
export interface SecretChange {
  readonly path: string;
  /** That of the current version; `'empty'`: there is none yet; `'removed'`: the secret is gone, and what else is said here was said before. */
  readonly state: VersionFacts['state'] | 'empty' | 'removed';
  /** The current version; 0 if there is none yet. */
  readonly version: number;
  /** Tells this secret from a later one at the same path. */
  readonly incarnation: string;
  /** When the current version was or will be deleted. That a deadline passes is no commit: it is told with the secret's next change. */
  readonly deletionAt: Date | undefined;
  /** Counts the writes of settings and custom metadata. */
  readonly metadataVersion: number;
  /** The time of the last commit. It alone shows what became of older versions. */
  readonly changedAt: Date;
  /** Whether this is the state that the watch began with. */
  readonly initial: boolean;
}

/**
 * Watches a folder (a path with a trailing slash; `''` is the whole mount) or one secret (any other path): yields everything that is there, in
 * one snapshot, then what changes, none missed in between; other tabs' changes too. Touches nothing until its first `next()`.
 *
 * What comes is the latest state, not a log: changes of one secret that follow quickly on each other, or on a slow reader, come as one, and the last
 * one always comes. So nothing queues up, and a secret that was removed and made again comes once, with another incarnation.
 *
 * A mount that does not exist yet is empty, and one that is unmounted has all its secrets removed. Ends by `return()` (which `break` calls), also
 * while a `next()` is waiting.
 * @throws `signal.reason`; StoreError `UNSUPPORTED` if the store can't tell of commits, `CLOSED` once it is closed; whatever a read throws
 */
export function watch(secrets: SecretEngine, prefix: string, { signal }: Cancellable = {}): AsyncGenerator<SecretChange, void, undefined> {
  return endable(async function* (ending) {
    for await (const changes of looks(secrets, prefix, signal, ending)) {
      for (const change of changes) {
        signal?.throwIfAborted();
        yield change;
      }
    }
  });
}

/**
 * As {@link watch}, a list of changes at a time. The first list is what is there, also if that is nothing; after each of them, what was told is a state
 * that the mount was in: a transaction's changes never come in two lists.
 */
export function watchBatches(
  secrets: SecretEngine,
  prefix: string,
  { signal }: Cancellable = {},
): AsyncGenerator<readonly SecretChange[], void, undefined> {
  return endable((ending) => looks(secrets, prefix, signal, ending));
}

/** How a waiting watch is told that nobody waits for it any more. */
interface Ending {
  ended: boolean;
  wake: () => void;
}

/** A generator's own `return()` would wait its turn behind a `next()` that waits for a change. */
function endable<T>(generate: (ending: Ending) => AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
  const ending: Ending = { ended: false, wake: () => undefined };
  const generator = generate(ending);
  const finish = generator.return.bind(generator);
  generator.return = (value) => {
    ending.ended = true;
    ending.wake();
    return finish(value);
  };
  return generator;
}

async function* looks(
  secrets: SecretEngine,
  prefix: string,
  signal: AbortSignal | undefined,
  ending: Ending,
): AsyncGenerator<readonly SecretChange[], void, undefined> {
  signal?.throwIfAborted();
  const mount = mountOf(secrets);
  const scope = scopeOf(prefix);
  const heard = new Heard(mountKey(mount.path), scope);
  const told = new Map<string, SecretChange>();
  // Listens first and looks then: what is committed from here on is either seen by the first look, or heard of, or both.
  const unlisten = mount.store.onCommit?.((touched) => {
    heard.add(touched);
    ending.wake();
  });
  if (unlisten === undefined) throw new StoreError('UNSUPPORTED', 'this store does not tell of commits');
  const abort = (): void => ending.wake();
  signal?.addEventListener('abort', abort);
  try {
    for (let mountId: string | undefined, initial = true; ; initial = false) {
      const seen = await look(mount, scope, initial ? 'everything' : heard.take(mountId), mountId, signal);
      if (ending.ended) return;
      mountId = seen.mountId;
      const changes = differences(told, seen, initial);
      if (initial || changes.length > 0) yield changes;
      while (!heard.has(mountId)) {
        signal?.throwIfAborted();
        await new Promise<void>((wake) => (ending.wake = wake));
        if (ending.ended) return;
      }
    }
  } finally {
    unlisten();
    signal?.removeEventListener('abort', abort);
  }
}

/** What is watched of a mount: a folder's heads, or one. */
interface Scope {
  readonly has: (path: string) => boolean;
  readonly heads: (mountId: string) => KeyRange;
}

/** @throws KvError `INVALID_PATH`, `PATH_TOO_LONG` */
function scopeOf(prefix: string): Scope {
  if (prefix === '' || prefix.endsWith('/')) {
    const folder = parseFolder(prefix);
    return {
      has: (path) => path.startsWith(folder),
      heads: (mountId) => ({ from: headKey(mountId, folder), to: prefixEnd(headKey(mountId, folder)) }),
    };
  }
  const only = parsePath(prefix);
  return { has: (path) => path === only, heads: (mountId) => ({ from: headKey(mountId, only), to: `${headKey(mountId, only)}\0` }) };
}

// ------------------------------------------------------------------------------------------------ what has to be looked at

type Affected = 'everything' | readonly string[];

// Who is not asked for so long that more than this has piled up looks at everything again.
const MAX_HEARD = 1000;

/** What commits have touched since the last look. Which mount it belongs to is asked when it is taken: it may be replaced while we look. */
class Heard {
  readonly #mountKey: StoreKey;
  readonly #scope: Scope;
  readonly #keys = new Set<StoreKey>();
  readonly #ranges: DeleteRange[] = [];
  #everything = false;

  constructor(mountsOwnKey: StoreKey, scope: Scope) {
    this.#mountKey = mountsOwnKey;
    this.#scope = scope;
  }

  add(touched: readonly Touched[] | undefined): void {
    if (touched === undefined) this.#everything = true;
    else for (const one of touched) this.#note(one);
    if (this.#keys.size + this.#ranges.length > MAX_HEARD) this.#everything = true;
    if (this.#everything) this.#clear();
  }

  #note(touched: Touched): void {
    if (touched.kind === 'deleteRange') {
      if (!isBelowIncarnations(touched)) this.#ranges.push(touched);
      return;
    }
    const path = pathOfHead(touched.key);
    if (touched.key === this.#mountKey || (path !== undefined && this.#scope.has(path))) this.#keys.add(touched.key);
  }

  has(mountId: string | undefined): boolean {
    const affected = this.#affected(mountId);
    return affected === 'everything' || affected.length > 0;
  }

  take(mountId: string | undefined): Affected {
    const affected = this.#affected(mountId);
    this.#everything = false;
    this.#clear();
    return affected;
  }

  #affected(mountId: string | undefined): Affected {
    const { from, to } = mountId === undefined ? { from: '', to: '' } : this.#scope.heads(mountId);
    const mountsOwn = { from: this.#mountKey, to: `${this.#mountKey}\0` };
    const isCut = this.#ranges.some((range) => overlap(range, { from, to }) || overlap(range, mountsOwn));
    if (this.#everything || this.#keys.has(this.#mountKey) || isCut) return 'everything';
    if (mountId === undefined) return [];
    const prefix = headsPrefix(mountId);
    return Array.from(this.#keys).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
  }

  #clear(): void {
    this.#keys.clear();
    this.#ranges.length = 0;
  }
}

function overlap(a: KeyRange, b: KeyRange): boolean {
  return compareKeys(a.from, b.to) < 0 && compareKeys(b.from, a.to) < 0;
}

// ------------------------------------------------------------------------------------------------ looking

interface Seen {
  /** Undefined if there is no such mount. */
  readonly mountId: string | undefined;
  /** Whether what is not among `secrets` is not there. */
  readonly isEverything: boolean;
  /** Undefined: not there. */
  readonly secrets: ReadonlyMap<string, SecretChange | undefined>;
}

// Bounds what a snapshot holds at once: a head is a few hundred bytes, and more with custom metadata.
const PAGE = 500;

/** Reads secrets in one transaction: those that are affected, or everything if it is not the mount any more that they were affected in. */
async function look(
  mount: MountHandle,
  scope: Scope,
  affected: Affected,
  affectedMountId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Seen> {
  const now = mount.environment.clock();
  const read = await mount.read(
    async (tx, mountId) => {
      const isEverything = affected === 'everything' || mountId !== affectedMountId;
      const secrets = isEverything ? await loadAll(tx, scope, mountId, now) : await loadSome(tx, affected, mountId, now);
      return { isEverything, secrets };
    },
    { signal },
  );
  return read === undefined ? { mountId: undefined, isEverything: true, secrets: new Map() } : { mountId: read.mount.id, ...read.value };
}

async function loadAll(tx: ReadTx, scope: Scope, mountId: string, now: number): Promise<Map<string, SecretChange>> {
  const secrets = new Map<string, SecretChange>();
  const { from: first, to } = scope.heads(mountId);
  for (let from = first; ;) {
    const page = await tx.scan({ from, to, limit: PAGE });
    for (const { key, value } of page) {
      const path = key.slice(headsPrefix(mountId).length);
      secrets.set(path, changeOf(path, value, now));
      from = `${key}\0`;
    }
    if (page.length < PAGE) return secrets;
  }
}

async function loadSome(tx: ReadTx, paths: readonly string[], mountId: string, now: number): Promise<Map<string, SecretChange | undefined>> {
  const heads = await Promise.all(paths.map((path) => tx.get(headKey(mountId, path))));
  return new Map(paths.map((path, i) => [path, heads[i] && changeOf(path, heads[i], now)]));
}

function changeOf(path: string, bytes: Uint8Array, now: number): SecretChange {
  const head = decodeHead(bytes);
  const { incarnation, currentVersion: version, metadataVersion } = head;
  const entry = entryOf({ head, pages: new Map() }, version);
  const { state, deletionAt } = entry ? versionFacts(version, entry, now) : { state: 'empty' as const, deletionAt: undefined };
  return {
    path,
    state,
    version,
    incarnation,
    deletionAt: deletionAt === undefined ? undefined : new Date(deletionAt),
    metadataVersion,
    changedAt: new Date(head.touchedAt),
    initial: false,
  };
}

/** What differs from what was told, by path; brings `told` up to date. */
function differences(told: Map<string, SecretChange>, { secrets, isEverything }: Seen, initial: boolean): SecretChange[] {
  const changes: SecretChange[] = [];
  const remove = (before: SecretChange): void => {
    told.delete(before.path);
    changes.push({ ...before, state: 'removed', initial: false });
  };
  if (isEverything) for (const before of told.values()) if (!secrets.has(before.path)) remove(before);
  for (const [path, now] of secrets) {
    const before = told.get(path);
    if (now === undefined) {
      if (before) remove(before);
    } else if (before === undefined || !isSame(before, now)) {
      const change = initial ? { ...now, initial } : now;
      told.set(path, change);
      changes.push(change);
    }
  }
  return changes.sort((a, b) => compareKeys(a.path, b.path));
}

function isSame(a: SecretChange, b: SecretChange): boolean {
  return (
    a.incarnation === b.incarnation &&
    a.version === b.version &&
    a.state === b.state &&
    a.metadataVersion === b.metadataVersion &&
    a.deletionAt?.getTime() === b.deletionAt?.getTime() &&
    a.changedAt.getTime() === b.changedAt.getTime()
  );
}
