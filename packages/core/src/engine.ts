import { apply, loadAllPages, loadHead, loadPages } from './apply.ts';
import type { VersionFacts } from './errors.ts';
import { isSealKvError, KvError, StoreError } from './errors.ts';
import type { JsonInput } from './json-input.ts';
import { jsonTextOf, patchedText } from './json-input.ts';
import type { JsonObject, JsonText } from './json-text.ts';
import { parseJson, subkeys } from './json-text.ts';
import { headsPrefix, payloadKey } from './keyspace.ts';
import type { Cas } from './kv2/cas.ts';
import { checkCas } from './kv2/cas.ts';
import type { CustomMetadata } from './kv2/custom-metadata.ts';
import { customMetadataProblems, decodeCustomMetadata, encodeCustomMetadata } from './kv2/custom-metadata.ts';
import type { Command, Outcome } from './kv2/decide.ts';
import type { IgnoredSetting, MetadataSettings } from './kv2/put-metadata.ts';
import type { Basis, PutOutcome } from './kv2/put.ts';
import type { ReadableVersion } from './kv2/read.ts';
import { readVersion, versionAsked } from './kv2/read.ts';
import type { ConfigSettings } from './kv2/settings.ts';
import { changeConfig, checkSettings } from './kv2/settings.ts';
import { versionFacts } from './kv2/version-state.ts';
import type { Limits } from './limits.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { listFolder, scanFolder } from './list.ts';
import type { Cancellable, ListingOptions } from './listing.ts';
import { checkListing, namesBelow } from './listing.ts';
import type { EnvironmentOptions, MountBinding } from './mount-handle.ts';
import { environmentOf, MountHandle, mintId } from './mount-handle.ts';
import { parseMountPath } from './mounts.ts';
import type { SecretPath } from './path.ts';
import { parseFolder, parsePath } from './path.ts';
import type { KvConfig, MountEntry, SealedRecord, SecretState } from './record.ts';
import { allEntries, closedPagesOf, DEFAULT_CONFIG, putMount } from './record.ts';
import type { Sealer } from './sealer.ts';
import { openNamed } from './sealer.ts';
import type { KvStore, ReadTx } from './store.ts';
import { UpdateQueue } from './update-queue.ts';

export interface EngineOptions extends EnvironmentOptions {
  readonly store: KvStore;
  /** What seals values and custom metadata: `aesGcmSealer(key)`, or `plaintextSealer()` where that is a decision. */
  readonly sealer: Sealer;
  /** The mount's path, `'secret/'` by default; it is made with the first change. Or a mount of `Mounts.list()`. */
  readonly mount?: string | MountBinding | undefined;
  readonly limits?: Partial<Limits> | undefined;
}

/** One version's facts. `deletionAt` may lie ahead: the deadline of `delete_version_after`. */
export interface VersionInfo {
  readonly version: number;
  readonly state: 'live' | 'deleted' | 'destroyed';
  readonly createdAt: Date;
  readonly deletionAt: Date | undefined;
  /** A destroyed version may have a `deletionAt` too, if it was deleted first. */
  readonly destroyed: boolean;
}

/** What belongs to the secret and comes with every answer about one of its versions. */
interface SecretInfo {
  /** Tells this secret from a later one at the same path. `{ cas: secret }` checks it together with the version. */
  readonly incarnation: string;
  readonly customMetadata: CustomMetadata | undefined;
  /** Set where the custom metadata did not open; only in answers that could not fail any more, and in lists. */
  readonly unreadable?: true;
}

export interface PutResult extends VersionInfo, SecretInfo {}

/** A version as read. A deleted or destroyed one is a state, not an error: it has no `data`. */
export interface Secret extends VersionInfo, SecretInfo {
  /** `JSON.parse` of `text`, `__proto__` an own member; undefined unless live. Large integers lose digits here: see `text`. */
  readonly data: JsonObject | null | undefined;
  /** The exact JSON as written: 64-bit integers, `1.0`, the order of members. Undefined unless live. */
  readonly text: string | undefined;
}

/** A version's structure without its values. */
export interface Subkeys extends VersionInfo, SecretInfo {
  /** The value with every leaf replaced by null; undefined unless live. */
  readonly subkeys: JsonObject | undefined;
  readonly text: string | undefined;
}

export interface Metadata extends SecretInfo {
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly currentVersion: number;
  readonly oldestVersion: number;
  /** Counts metadata writes; what `metadataCas` is compared with. */
  readonly metadataVersion: number;
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly metadataCasRequired: boolean;
  readonly deleteVersionAfterMs: number;
  /** Oldest first. */
  readonly versions: ReadonlyMap<number, VersionInfo>;
}

export interface NewMetadata extends MetadataSettings {
  /** Replaces all custom metadata; `null` or `{}` clears it. */
  readonly customMetadata?: CustomMetadata | null | undefined;
}

/** As `NewMetadata`; `null` puts a setting back to its default, and removes a member of the custom metadata. */
export type MetadataPatch = { readonly [K in keyof MetadataSettings]: MetadataSettings[K] | null } & {
  readonly customMetadata?: Readonly<Record<string, string | null>> | null | undefined;
};

/** A mount's configuration; `'disabled'`: no version of any secret expires. */
export interface Config {
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly metadataCasRequired: boolean;
  readonly deleteVersionAfterMs: number | 'disabled';
}

export interface PutOptions extends Cancellable {
  /** Check-and-set: refuse with `CAS_MISMATCH` unless this is the current version. 0: no version yet. A secret as read: that very one. */
  readonly cas?: Cas | undefined;
}
export interface ReadOptions extends Cancellable {
  /** Default: the current version. */
  readonly version?: number | undefined;
}
export interface MetadataOptions extends Cancellable {
  /** Check-and-set of the metadata: refuse with `METADATA_CAS_MISMATCH` unless this is its version. */
  readonly metadataCas?: number | undefined;
}

/** An operation's place in `atomic()`; `R` is what it answers. */
export interface Pending<R> {
  readonly index: number;
  readonly result?: R;
}

/** What `atomic()` can do: decisions that need no value to be read. Each answers when all are committed. */
export interface AtomicOperations {
  put<T>(path: string, data: JsonInput<T>, options?: Pick<PutOptions, 'cas'>): Pending<PutResult>;
  delete(path: string): Pending<undefined>;
  deleteVersions(path: string, versions: readonly number[]): Pending<undefined>;
  undelete(path: string, versions: readonly number[]): Pending<undefined>;
  destroy(path: string, versions: readonly number[]): Pending<undefined>;
  putMetadata(path: string, metadata: NewMetadata, options?: Pick<MetadataOptions, 'metadataCas'>): Pending<MetadataWritten>;
  deleteMetadata(path: string): Pending<undefined>;
}

export interface MetadataWritten {
  /** Settings that were stored but have no effect, since the mount demands otherwise. */
  readonly ignoredSettings: readonly IgnoredSetting[];
}

export type AtomicResult = PutResult | MetadataWritten | undefined;
type ResultsOf<P extends readonly Pending<unknown>[]> = { [K in keyof P]: P[K] extends Pending<infer R> ? R : never };

// Attempts of an update while other processes keep committing; within this one updates of a secret queue up. Every attempt that is lost means that
// somebody else has committed, so the number is how often in a row we may be overtaken: more than a dozen busy tabs need, and still an end.
const MAX_ATTEMPTS = 100;
const NAMES_PER_PAGE = 1000;

type Prepare = (mount: MountEntry) => Promise<Command>;

/**
 * A KV v2 secrets engine on one mount of a store. Every method that changes something is one transaction of the storage: it happened as a whole
 * or not at all. Rejects with `KvError` (refused), `StoreError` or `SealError` (broken world), the caller's own `signal.reason`, or `TypeError`.
 */
export class SecretEngine {
  readonly #mount: MountHandle;
  readonly #limits: Limits;
  readonly #updates = new UpdateQueue();

  /** Touches nothing: the first call opens the store. */
  constructor({ store, sealer, mount = 'secret/', limits, ...environment }: EngineOptions) {
    const binding = typeof mount === 'string' ? { path: parseMountPath(mount), version: 2 as const } : mount;
    this.#mount = new MountHandle(store, sealer, environmentOf(environment), binding);
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Opens the store and proves the key, to fail early. Writes nothing. */
  async ready(options: Cancellable = {}): Promise<void> {
    await this.#mount.find(options);
  }

  /** Closes the store, for everybody who uses it. */
  close(): Promise<void> {
    return this.#mount.store.close();
  }

  // ---------------------------------------------------------------------------------------------- data

  /** Writes a new version. `data` is a JSON object or null, or `rawJson(text)` for exact JSON. */
  async put<T>(path: string, data: JsonInput<T>, { cas, signal }: PutOptions = {}): Promise<PutResult> {
    const { outcomes, mountId } = await this.#commit([this.#preparePut(path, jsonTextOf(data, this.#limits, path), cas)], signal);
    return this.#finishPut(mountId, outcomes[0] as PutOutcome);
  }

  /** The current version, or the given one; undefined if there is none. */
  async get(path: string, options: ReadOptions = {}): Promise<Secret | undefined> {
    const read = await this.#read(this.#path(path), options);
    return read?.version && this.#finishRead(path, read, read.version);
  }

  /**
   * Changes a value by a function of what it is: reads, calls `fn` (outside any transaction; it may be asynchronous), and commits only if nobody
   * else has changed the secret meanwhile; else again. `fn` sees undefined if nothing is live.
   * @throws KvError `CONFLICT` if others keep changing it
   */
  async update<T>(
    path: string,
    fn: (data: JsonObject | null | undefined) => JsonInput<T> | Promise<JsonInput<T>>,
    { signal }: Cancellable = {},
  ): Promise<PutResult> {
    return this.#replace(path, undefined, signal, async (read) => {
      const secret = read?.version && (await this.#finishRead(path, read, read.version));
      return jsonTextOf(await fn(secret?.data), this.#limits, path);
    });
  }

  /**
   * Merges into the current version (RFC 7396: null removes a member) and writes the result as a new version.
   * @throws KvError `NOT_FOUND` if there is no version, `NOT_LIVE` if the current one is deleted or destroyed
   */
  async patch<T>(path: string, patch: JsonInput<T>, { cas, signal }: PutOptions = {}): Promise<PutResult> {
    const patchText = jsonTextOf(patch, this.#limits, path);
    return this.#replace(path, cas, signal, async (read) => {
      if (read?.version === undefined) throw new KvError('NOT_FOUND', {}, { path });
      const refusal = checkCas(read.state, cas, read.config);
      if (refusal !== undefined) throw new KvError(refusal.code, refusal.details, { path });
      if (read.version.state !== 'live') throw new KvError('NOT_LIVE', { current: factsOf(read.version) }, { path });
      const secret = await this.#finishRead(path, read, read.version);
      return patchedText(secret.text as JsonText, patchText, this.#limits, path);
    });
  }

  /** Soft delete of the current version. Nothing to delete is fine. */
  async delete(path: string, { signal }: Cancellable = {}): Promise<void> {
    await this.#commit([this.#plain({ kind: 'delete', path })], signal);
  }

  /** Soft delete of the given versions; those that don't exist are passed over. */
  async deleteVersions(path: string, versions: readonly number[], { signal }: Cancellable = {}): Promise<void> {
    await this.#commit([this.#plain({ kind: 'delete', path, versions })], signal);
  }

  /** Takes a soft delete back. */
  async undelete(path: string, versions: readonly number[], { signal }: Cancellable = {}): Promise<void> {
    await this.#commit([this.#plain({ kind: 'undelete', path, versions })], signal);
  }

  /** Removes the values of versions for good. */
  async destroy(path: string, versions: readonly number[], { signal }: Cancellable = {}): Promise<void> {
    await this.#commit([this.#plain({ kind: 'destroy', path, versions })], signal);
  }

  /** A version's members without their values, down to `depth` levels (0, the default: all). */
  async subkeys(path: string, { depth = 0, ...options }: ReadOptions & { readonly depth?: number | undefined } = {}): Promise<Subkeys | undefined> {
    const secret = await this.get(path, options);
    if (secret === undefined) return undefined;
    const { data: _, text, ...info } = secret;
    const keys = text === undefined ? undefined : subkeys(text as JsonText, depth);
    return { ...info, subkeys: keys && (parseJson(keys) as JsonObject), text: keys };
  }

  /** Several operations, on any secrets of the mount, as one transaction, in order; a later one sees the earlier ones. A refusal names its index. */
  atomic<const P extends readonly Pending<unknown>[]>(build: (tx: AtomicOperations) => P, options?: Cancellable): Promise<ResultsOf<P>>;
  atomic(build: (tx: AtomicOperations) => void, options?: Cancellable): Promise<readonly AtomicResult[]>;
  async atomic(build: (tx: AtomicOperations) => readonly Pending<unknown>[] | void, { signal }: Cancellable = {}): Promise<never> {
    const prepared: Prepare[] = [];
    const add = (prepare: Prepare): Pending<never> => ({ index: prepared.push(prepare) - 1 });
    const shown = build({
      put: (path, data, { cas } = {}) => add(this.#preparePut(path, jsonTextOf(data, this.#limits, path), cas)),
      delete: (path) => add(this.#plain({ kind: 'delete', path })),
      deleteVersions: (path, versions) => add(this.#plain({ kind: 'delete', path, versions })),
      undelete: (path, versions) => add(this.#plain({ kind: 'undelete', path, versions })),
      destroy: (path, versions) => add(this.#plain({ kind: 'destroy', path, versions })),
      putMetadata: (path, metadata, { metadataCas } = {}) => add(this.#preparePutMetadata(path, metadata, metadataCas)),
      deleteMetadata: (path) => add(this.#plain({ kind: 'deleteMetadata', path })),
    });
    const { outcomes, mountId } = await this.#commit(prepared, signal, true);
    const results = await Promise.all(outcomes.map((outcome) => this.#finish(mountId, outcome)));
    return (shown === undefined ? results : shown.map(({ index }) => results[index])) as never;
  }

  // ---------------------------------------------------------------------------------------------- metadata

  /** Settings, times and versions of a secret; undefined if there is none. */
  async getMetadata(path: string, options: Cancellable = {}): Promise<Metadata | undefined> {
    const secretPath = this.#path(path);
    const read = await this.#mount.read(async (tx, mountId) => {
      const state = await loadHead(tx, mountId, secretPath);
      return state && loadAllPages(tx, mountId, state);
    }, options);
    return read?.value && this.#finishMetadata(read.mount.id, read.value, true);
  }

  /** Writes settings and custom metadata; what is not given stays. Makes the secret, without a version, if there is none. */
  async putMetadata(path: string, metadata: NewMetadata, { metadataCas, signal }: MetadataOptions = {}): Promise<MetadataWritten> {
    const { outcomes } = await this.#commit([this.#preparePutMetadata(path, metadata, metadataCas)], signal);
    return { ignoredSettings: outcomes[0] as readonly IgnoredSetting[] };
  }

  /**
   * Merges settings and custom metadata into those there are.
   * @throws KvError `NOT_FOUND` if there is no such secret
   */
  async patchMetadata(path: string, patch: MetadataPatch, { metadataCas, signal }: MetadataOptions = {}): Promise<MetadataWritten> {
    const secretPath = this.#path(path);
    const { customMetadata: members, ...others } = patch;
    const settings: MetadataSettings = Object.fromEntries(
      Object.entries(others).map(([name, value]) => [name, value === null ? DEFAULT_CONFIG[name as keyof KvConfig] : value]),
    );
    checkSettings(settings);
    if (members) this.#checkCustomMetadata(path, withoutNulls(members));
    if (members === undefined && Object.values(settings).every((value) => value === undefined)) return { ignoredSettings: [] };

    return this.#updates.run(secretPath, () =>
      attempt(path, async () => {
        const read = await this.#mount.read((tx, mountId) => loadHead(tx, mountId, secretPath), { signal });
        const head = read?.value?.head;
        if (read === undefined || head === undefined) throw new KvError('NOT_FOUND', {}, { path });
        const merged = members && { ...(await this.#openCustomMetadata(read.mount.id, head.customMetadata)), ...members };
        const customMetadata = merged ? withoutNulls(merged) : members === null ? null : undefined;
        if (customMetadata) this.#checkCustomMetadata(path, customMetadata);
        const basedOn = { incarnation: head.incarnation, customMetadataId: head.customMetadata?.recordId };
        const prepare: Prepare = async (mount) => ({
          kind: 'putMetadata',
          path: secretPath,
          settings,
          customMetadata: await this.#sealCustomMetadata(mount, customMetadata),
          metadataCas,
          basedOn,
          freshIncarnation: head.incarnation,
        });
        const { outcomes } = await this.#commit([prepare], signal);
        return { ignoredSettings: outcomes[0] as readonly IgnoredSetting[] };
      }),
    );
  }

  /** Removes a secret for good: all versions and metadata, or nothing, whatever happens meanwhile. */
  async deleteMetadata(path: string, { signal }: Cancellable = {}): Promise<void> {
    await this.#commit([this.#plain({ kind: 'deleteMetadata', path })], signal);
  }

  // ---------------------------------------------------------------------------------------------- listing

  /** What lies directly under a folder, one snapshot in UTF-8 byte order; subfolders end in a slash. Deleted secrets are listed too. */
  async list(folder = '', options: ListingOptions = {}): Promise<string[]> {
    return namesBelow(this.#mount, this.#limits, listFolder, folder, options);
  }

  /** Every secret below a folder, at any depth, relative to it, one snapshot in UTF-8 byte order. */
  async scan(folder = '', options: ListingOptions = {}): Promise<string[]> {
    return namesBelow(this.#mount, this.#limits, scanFolder, folder, options);
  }

  /** As `list`, page by page; each page is a snapshot of its own. */
  async *names(folder = '', { signal }: Cancellable = {}): AsyncGenerator<string, void, undefined> {
    for (let after: string | undefined = undefined; ;) {
      const page: string[] = await this.list(folder, { after, limit: NAMES_PER_PAGE, signal });
      yield* page;
      if (page.length < NAMES_PER_PAGE) return;
      after = page.at(-1);
    }
  }

  /** As `list`, or `scan` if `recursive`, with the metadata of each secret; a subfolder has none. One snapshot. */
  async listDetailed(
    folder = '',
    { recursive = false, signal, ...options }: ListingOptions & { readonly recursive?: boolean | undefined } = {},
  ): Promise<{ readonly name: string; readonly metadata: Metadata | undefined }[]> {
    const folderPath = parseFolder(folder, this.#limits.maxPathBytes);
    checkListing(options);
    const read = await this.#mount.read(
      async (tx, mountId) => {
        const names = await (recursive ? scanFolder : listFolder)(tx, headsPrefix(mountId), folderPath, options);
        const load = async (name: string): Promise<SecretState | undefined> => {
          const state = name.endsWith('/') ? undefined : await loadHead(tx, mountId, folderPath + name);
          return state && loadAllPages(tx, mountId, state);
        };
        return Promise.all(names.map(async (name) => ({ name, state: await load(name) })));
      },
      { signal },
    );
    if (read === undefined) return [];
    return Promise.all(
      read.value.map(async ({ name, state }) => ({ name, metadata: state && (await this.#finishMetadata(read.mount.id, state, false)) })),
    );
  }

  // ---------------------------------------------------------------------------------------------- configuration

  /** The mount's configuration. */
  async getConfig(options: Cancellable = {}): Promise<Config> {
    const read = await this.#mount.read(async () => undefined, options);
    const { deleteVersionAfterMs, ...config } = read?.mount.config ?? DEFAULT_CONFIG;
    return { ...config, deleteVersionAfterMs: deleteVersionAfterMs < 0 ? 'disabled' : deleteVersionAfterMs };
  }

  /** Changes what is given of the mount's configuration. It acts on later writes; nothing given changes nothing. */
  async putConfig(settings: ConfigSettings, { signal }: Cancellable = {}): Promise<void> {
    checkSettings(settings);
    await this.#mount.write(
      async () => async (_, mount) => {
        const config = changeConfig(mount.config, settings);
        return { result: undefined, writes: config === mount.config ? [] : [putMount({ ...mount, config })] };
      },
      { signal },
    );
  }

  // ---------------------------------------------------------------------------------------------- the write path: prepare, apply, finish

  #path(path: string): SecretPath {
    return parsePath(path, this.#limits.maxPathBytes);
  }

  #now(): number {
    return this.#mount.environment.clock();
  }

  #plain(command: Exclude<Command, { kind: 'put' | 'putMetadata' }>): Prepare {
    const path = this.#path(command.path);
    if ('versions' in command && command.versions !== undefined) {
      for (const version of command.versions)
        if (!Number.isInteger(version)) throw new KvError('INVALID_OPTION', { field: 'versions', problem: 'it must be whole numbers' }, { path });
    }
    return async () => ({ ...command, path });
  }

  #preparePut(path: string, text: JsonText, cas: Cas | undefined, basedOn?: Basis): Prepare {
    const secretPath = this.#path(path);
    return async (mount) => ({
      kind: 'put',
      path: secretPath,
      cas,
      basedOn,
      freshIncarnation: mintId(this.#mount.environment),
      payload: await this.#seal(mount, new TextEncoder().encode(text)),
    });
  }

  #preparePutMetadata(path: string, { customMetadata, ...settings }: NewMetadata, metadataCas: number | undefined): Prepare {
    const secretPath = this.#path(path);
    checkSettings(settings);
    if (customMetadata) this.#checkCustomMetadata(path, customMetadata);
    return async (mount) => ({
      kind: 'putMetadata',
      path: secretPath,
      settings,
      metadataCas,
      freshIncarnation: mintId(this.#mount.environment),
      customMetadata: await this.#sealCustomMetadata(mount, customMetadata),
    });
  }

  async #commit(
    prepared: readonly Prepare[],
    signal: AbortSignal | undefined,
    indexed = false,
  ): Promise<{ outcomes: readonly Outcome[]; mountId: string }> {
    const { applied, commands, mountId } = await this.#mount.write(
      async (mount) => {
        const commands = await Promise.all(prepared.map((prepare) => prepare(mount)));
        return async (tx: ReadTx, current: MountEntry) => {
          const applied = await apply(tx, current, commands, this.#now());
          return { result: { applied, commands, mountId: mount.id }, writes: applied.writes };
        };
      },
      { signal },
    );
    if (applied.kind === 'done') return { outcomes: applied.outcomes, mountId };
    const { rejection, index } = applied;
    throw new KvError(rejection.code, rejection.details, { path: commands[index]?.path, index: indexed ? index : undefined });
  }

  /** The one way to make a new value from the old one: read, make, commit if what was read is still so, else again. */
  #replace(
    path: string,
    cas: Cas | undefined,
    signal: AbortSignal | undefined,
    make: (read: Read | undefined) => Promise<JsonText>,
  ): Promise<PutResult> {
    const secretPath = this.#path(path);
    return this.#updates.run(secretPath, () =>
      attempt(path, async () => {
        const read = await this.#read(secretPath, { signal });
        const { incarnation, currentVersion = 0 } = read?.state.head ?? {};
        const basedOn: Basis = { incarnation, version: currentVersion, live: read?.version?.state === 'live' };
        const text = await make(read);
        const { outcomes, mountId } = await this.#commit([this.#preparePut(path, text, cas, basedOn)], signal);
        return this.#finishPut(mountId, outcomes[0] as PutOutcome);
      }),
    );
  }

  // ---------------------------------------------------------------------------------------------- the read path

  async #read(path: SecretPath, { version, signal }: ReadOptions): Promise<Read | undefined> {
    if (version !== undefined && !Number.isInteger(version))
      throw new KvError('INVALID_OPTION', { field: 'version', problem: 'it must be a whole number' }, { path });
    const read = await this.#mount.read(
      async (tx, mountId) => {
        const head = await loadHead(tx, mountId, path);
        if (head === undefined) return undefined;
        const asked = versionAsked(head, version);
        const state = await loadPages(tx, mountId, head, closedPagesOf(head.head, [asked]));
        const found = readVersion(state, asked, this.#now());
        const payload = found?.state === 'live' ? await tx.get(payloadKey(mountId, head.head.incarnation, asked)) : undefined;
        if (found?.state === 'live' && payload === undefined) throw new StoreError('CORRUPT', `version ${asked} of ${path} has no value`);
        return { state, version: found, payload };
      },
      { signal },
    );
    return read?.value && { ...read.value, mountId: read.mount.id, config: read.mount.config };
  }

  async #finishRead(path: string, { payload, state, mountId }: Read, { recordId, ...facts }: ReadableVersion): Promise<Secret> {
    const [bytes, customMetadata] = await Promise.all([
      payload && openNamed(`the value of ${path}`, this.#mount.sealer.open(payload, { mountId, recordId })),
      openNamed(`the custom metadata of ${path}`, this.#openCustomMetadata(mountId, state.head.customMetadata)),
    ]);
    const text = bytes && (new TextDecoder().decode(bytes) as JsonText);
    const data = text === undefined ? undefined : (parseJson(text) as JsonObject | null);
    return { ...infoOf(facts), data, text, incarnation: state.head.incarnation, customMetadata };
  }

  async #finish(mountId: string, outcome: Outcome): Promise<AtomicResult> {
    if (outcome === undefined) return undefined;
    return 'version' in outcome ? this.#finishPut(mountId, outcome) : { ignoredSettings: outcome };
  }

  // After a commit nothing may reject: what does not open is marked.
  async #finishPut(mountId: string, { customMetadata, incarnation, ...facts }: PutOutcome): Promise<PutResult> {
    return { ...infoOf(facts), incarnation, ...(await this.#openOrMark(mountId, customMetadata)) };
  }

  async #finishMetadata(mountId: string, state: SecretState, strict: boolean): Promise<Metadata> {
    const { entries: _, customMetadata, touchedAt: __, createdAt, updatedAt, ...head } = state.head;
    const now = this.#now();
    const versions = new Map(allEntries(state).map(([version, entry]) => [version, infoOf(versionFacts(version, entry, now))]));
    const opened = strict
      ? { customMetadata: await openNamed('custom metadata', this.#openCustomMetadata(mountId, customMetadata)) }
      : await this.#openOrMark(mountId, customMetadata);
    return { ...head, createdAt: new Date(createdAt), updatedAt: new Date(updatedAt), versions, ...opened };
  }

  async #openOrMark(mountId: string, sealed: SealedRecord | undefined): Promise<Pick<SecretInfo, 'customMetadata' | 'unreadable'>> {
    try {
      return { customMetadata: await this.#openCustomMetadata(mountId, sealed) };
    } catch {
      return { customMetadata: undefined, unreadable: true };
    }
  }

  // ---------------------------------------------------------------------------------------------- sealing

  async #seal(mount: MountEntry, plaintext: Uint8Array): Promise<SealedRecord> {
    const recordId = mintId(this.#mount.environment);
    return { recordId, sealed: await this.#mount.sealer.seal(plaintext, { mountId: mount.id, recordId }) };
  }

  async #sealCustomMetadata(mount: MountEntry, metadata: CustomMetadata | null | undefined): Promise<SealedRecord | null | undefined> {
    if (!metadata) return metadata;
    return Object.keys(metadata).length === 0 ? null : this.#seal(mount, encodeCustomMetadata(metadata));
  }

  async #openCustomMetadata(mountId: string, record: SealedRecord | undefined): Promise<CustomMetadata | undefined> {
    if (record === undefined) return undefined;
    const { sealed, recordId } = record;
    return decodeCustomMetadata(await this.#mount.sealer.open(sealed, { mountId, recordId }));
  }

  #checkCustomMetadata(path: string, metadata: CustomMetadata): void {
    const problems = customMetadataProblems(metadata);
    if (problems.length > 0) throw new KvError('INVALID_CUSTOM_METADATA', { problems }, { path });
  }
}

/** What a read transaction found. */
interface Read {
  readonly mountId: string;
  readonly config: KvConfig;
  readonly state: SecretState;
  readonly version: ReadableVersion | undefined;
  readonly payload: Uint8Array | undefined;
}

async function attempt<T>(path: string, once: () => Promise<T>): Promise<T> {
  for (let n = 0; n < MAX_ATTEMPTS; n++) {
    try {
      return await once();
    } catch (error) {
      if (!isSealKvError(error, 'CONFLICT')) throw error;
    }
  }
  throw new KvError('CONFLICT', { attempts: MAX_ATTEMPTS }, { path });
}

function factsOf({ recordId: _, ...facts }: ReadableVersion): VersionFacts {
  return facts;
}

function infoOf({ version, state, createdAt, deletionAt, destroyed }: VersionFacts): VersionInfo {
  return { version, state, createdAt: new Date(createdAt), deletionAt: deletionAt === undefined ? undefined : new Date(deletionAt), destroyed };
}

function withoutNulls(members: Readonly<Record<string, string | null>>): CustomMetadata {
  return Object.fromEntries(Object.entries(members).filter((pair): pair is [string, string] => pair[1] !== null));
}
