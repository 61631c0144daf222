import type { Applied } from './apply.ts';
import { apply, loadAllPages, loadHead, loadPages } from './apply.ts';
import type { VersionFacts } from './errors.ts';
import { isSealKvError, KvError, StoreError } from './errors.ts';
import type { JsonInput } from './json-input.ts';
import { jsonTextOf } from './json-input.ts';
import type { JsonObject, JsonText } from './json-text.ts';
import { mergePatch, parseJson, subkeys } from './json-text.ts';
import { headsPrefix, payloadKey } from './keyspace.ts';
import type { Cas } from './kv2/cas.ts';
import { checkCas } from './kv2/cas.ts';
import type { CustomMetadata } from './kv2/custom-metadata.ts';
import { customMetadataProblems, decodeCustomMetadata, encodeCustomMetadata } from './kv2/custom-metadata.ts';
import type { Command, Outcome } from './kv2/decide.ts';
import { decide } from './kv2/decide.ts';
import type { IgnoredSetting, MetadataBasis, MetadataSettings } from './kv2/put-metadata.ts';
import type { Basis } from './kv2/put.ts';
import type { ReadableVersion } from './kv2/read.ts';
import { readVersion, versionAsked } from './kv2/read.ts';
import type { ConfigSettings } from './kv2/settings.ts';
import { changeConfig, checkConfigSettings, checkSettings } from './kv2/settings.ts';
import { versionFacts } from './kv2/version-state.ts';
import type { LimitOptions, Limits } from './limits.ts';
import { limitsOf } from './limits.ts';
import { listFolder, scanFolder } from './list.ts';
import type { Cancellable, ListingOptions } from './listing.ts';
import { checkListing, namesBelow } from './listing.ts';
import type { EnvironmentOptions, MountBinding, OutcomeNote, Scope } from './mount-handle.ts';
import { bindingOf, environmentOf, MountHandle, mintId } from './mount-handle.ts';
import type { SecretPath } from './path.ts';
import { parseFolder, parsePath } from './path.ts';
import type { Head, KvConfig, MountEntry, SealedRecord, SecretState } from './record.ts';
import { allEntries, closedPagesOf, DEFAULT_CONFIG, putMount } from './record.ts';
import type { Sealer } from './sealer.ts';
import { openNamed } from './sealer.ts';
import type { KvStore, ReadTx, TxOptions } from './store.ts';
import { UpdateQueue } from './update-queue.ts';

export interface EngineOptions extends EnvironmentOptions {
  readonly store: KvStore;
  /** What seals values and custom metadata: `aesGcmSealer(key)`, or `plaintextSealer()` where that is a decision. */
  readonly sealer: Sealer;
  /** The mount's path, `'secret/'` by default; it is made with the first change. Or a mount of `Mounts.list()`. */
  readonly mount?: string | MountBinding | undefined;
  readonly limits?: LimitOptions | undefined;
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
  /** `JSON.parse` of `text` on first access, `__proto__` an own member; undefined unless live. Large integers lose digits here: see `text`. */
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

export interface PutOptions extends TxOptions {
  /** Check-and-set: refuse with `CAS_MISMATCH` unless this is the current version. 0: no version yet. A secret as read: that very one. */
  readonly cas?: Cas | undefined;
}
export interface ReadOptions extends Cancellable {
  /** Default: the current version. */
  readonly version?: number | undefined;
}
export interface MetadataOptions extends TxOptions {
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

interface EngineParts {
  readonly mount: MountHandle;
  /** Shared, so that all callers' updates of a secret queue up. */
  readonly updates: UpdateQueue;
}

function partsOf({ store, sealer, mount = 'secret/', clock, random }: EngineOptions): EngineParts {
  return { mount: new MountHandle(store, sealer, environmentOf({ clock, random }), bindingOf(mount, 2)), updates: new UpdateQueue() };
}

/** What a function beside the engine works on (`watch`). For this package only: `index.ts` does not pass it on. */
export let mountOf: (engine: SecretEngine) => MountHandle;

/**
 * A KV v2 secrets engine on one mount of a store. Every method that changes something is one transaction of the storage: it happened as a whole
 * or not at all. Rejects with `KvError` (refused), `StoreError` or `SealError` (broken world), the caller's own `signal.reason`, or `TypeError`.
 */
export class SecretEngine {
  readonly #mount: MountHandle;
  readonly #options: EngineOptions;
  readonly #limits: Limits;
  readonly #updates: UpdateQueue;

  static {
    mountOf = (engine) => engine.#mount;
  }

  /** Touches nothing: the first call opens the store. (`parts` is for {@link within}.) */
  constructor(options: EngineOptions, parts: EngineParts = partsOf(options)) {
    this.#options = options;
    this.#mount = parts.mount;
    this.#limits = limitsOf(options.limits);
    this.#updates = parts.updates;
  }

  /** This engine with its transactions run by `scope`: for servers, which admit a caller and keep a record in the operation's own transaction. */
  within(scope: Scope): SecretEngine {
    return new SecretEngine(this.#options, { mount: this.#mount.within(scope), updates: this.#updates });
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
  async put<T>(path: string, data: JsonInput<T>, options: PutOptions = {}): Promise<PutResult> {
    return this.#commitOne(this.#preparePut(path, jsonTextOf(data, { ...this.#limits, path }), options.cas), options);
  }

  /** The current version, or the given one; undefined if there is none. */
  async get(path: string, options: ReadOptions = {}): Promise<Secret | undefined> {
    const read = await this.#read(this.#path(path), options);
    return read?.version && withData(await this.#finishRead(path, read, read.version));
  }

  /**
   * Changes a value by a function of what it is: reads, calls `fn` (outside any transaction; it may be asynchronous), and commits only if nobody
   * else has changed the secret meanwhile; else again. `fn` sees undefined if nothing is live.
   * @throws KvError `CONFLICT` if others keep changing it
   */
  async update<T>(
    path: string,
    fn: (data: JsonObject | null | undefined) => JsonInput<T> | Promise<JsonInput<T>>,
    options: TxOptions = {},
  ): Promise<PutResult> {
    return this.#replace(path, options, true, async (read) => {
      const secret = read?.version && withData(await this.#finishRead(path, read, read.version));
      return jsonTextOf(await fn(secret?.data), { ...this.#limits, path });
    });
  }

  /**
   * Merges into the current version (RFC 7396: null removes a member) and writes the result as a new version.
   * @throws KvError `NOT_FOUND` if there is no version, `NOT_LIVE` if the current one is deleted or destroyed
   */
  async patch<T>(path: string, patch: JsonInput<T>, options: PutOptions = {}): Promise<PutResult> {
    const patchText = jsonTextOf(patch, { ...this.#limits, path });
    return this.#replace(path, options, false, async (read) => {
      if (read?.version === undefined) throw new KvError('NOT_FOUND', {}, { path });
      const refusal = checkCas(read.state, options.cas, read.config);
      if (refusal !== undefined) throw new KvError(refusal.code, refusal.details, { path });
      if (read.version.state !== 'live') throw new KvError('NOT_LIVE', { current: factsOf(read.version) }, { path });
      const { text } = await this.#finishRead(path, read, read.version);
      return mergePatch(text!, patchText, { ...this.#limits, path });
    });
  }

  /** Soft delete of the current version. Nothing to delete is fine. */
  async delete(path: string, options: TxOptions = {}): Promise<void> {
    await this.#commitOne(this.#plain({ kind: 'delete', path }), options);
  }

  /** Soft delete of the given versions; those that don't exist are passed over. */
  async deleteVersions(path: string, versions: readonly number[], options: TxOptions = {}): Promise<void> {
    await this.#commitOne(this.#onVersions({ kind: 'delete', path, versions }), options);
  }

  /** Takes a soft delete back. */
  async undelete(path: string, versions: readonly number[], options: TxOptions = {}): Promise<void> {
    await this.#commitOne(this.#onVersions({ kind: 'undelete', path, versions }), options);
  }

  /** Removes the values of versions for good. */
  async destroy(path: string, versions: readonly number[], options: TxOptions = {}): Promise<void> {
    await this.#commitOne(this.#onVersions({ kind: 'destroy', path, versions }), options);
  }

  /** A version's members without their values, down to `depth` levels (0, the default: all). */
  async subkeys(path: string, { depth = 0, ...options }: ReadOptions & { readonly depth?: number | undefined } = {}): Promise<Subkeys | undefined> {
    const read = await this.#read(this.#path(path), options);
    if (read?.version === undefined) return undefined;
    const { text, ...info } = await this.#finishRead(path, read, read.version);
    const keys = text && subkeys(text, depth);
    return { ...info, subkeys: keys && (parseJson(keys) as JsonObject), text: keys };
  }

  /** Several operations, on any secrets of the mount, as one transaction, in order; a later one sees the earlier ones. A refusal names its index. */
  atomic<const P extends readonly Pending<unknown>[]>(build: (tx: AtomicOperations) => P, options?: TxOptions): Promise<ResultsOf<P>>;
  atomic(build: (tx: AtomicOperations) => void, options?: TxOptions): Promise<readonly AtomicResult[]>;
  async atomic(build: (tx: AtomicOperations) => unknown, options: TxOptions = {}): Promise<never> {
    const prepared: Prepare[] = [];
    const add = (prepare: Prepare): Pending<never> => ({ index: prepared.push(prepare) - 1 });
    const built = build({
      put: (path, data, { cas } = {}) => add(this.#preparePut(path, jsonTextOf(data, { ...this.#limits, path }), cas)),
      delete: (path) => add(this.#plain({ kind: 'delete', path })),
      deleteVersions: (path, versions) => add(this.#onVersions({ kind: 'delete', path, versions })),
      undelete: (path, versions) => add(this.#onVersions({ kind: 'undelete', path, versions })),
      destroy: (path, versions) => add(this.#onVersions({ kind: 'destroy', path, versions })),
      putMetadata: (path, metadata, { metadataCas } = {}) => add(this.#preparePutMetadata(path, metadata, metadataCas)),
      deleteMetadata: (path) => add(this.#plain({ kind: 'deleteMetadata', path })),
    });
    if (built instanceof Promise) throw new TypeError('the function given to atomic() must not be async');
    const shown = Array.isArray(built) ? (built as readonly Pending<unknown>[]) : undefined;
    const results = await this.#commit(prepared, options, true);
    return (shown?.map(({ index }) => results[index]) ?? results) as never;
  }

  // ---------------------------------------------------------------------------------------------- metadata

  /** Settings, times and versions of a secret; undefined if there is none. */
  async getMetadata(path: string, options: Cancellable = {}): Promise<Metadata | undefined> {
    const secretPath = this.#path(path);
    const read = await this.#mount.read(async (tx, mountId) => {
      const state = await loadHead(tx, mountId, secretPath);
      return state && loadAllPages(tx, mountId, state);
    }, options);
    return read?.value && this.#finishMetadata(read.mount.id, read.value, path);
  }

  /** Writes settings and custom metadata; what is not given stays. Makes the secret, without a version, if there is none. */
  async putMetadata(path: string, metadata: NewMetadata, options: MetadataOptions = {}): Promise<MetadataWritten> {
    return this.#commitOne(this.#preparePutMetadata(path, metadata, options.metadataCas), options);
  }

  /**
   * Merges settings and custom metadata into those there are.
   * @throws KvError `NOT_FOUND` if there is no such secret
   */
  async patchMetadata(path: string, patch: MetadataPatch, options: MetadataOptions = {}): Promise<MetadataWritten> {
    const secretPath = this.#path(path);
    const { customMetadata: members, ...others } = patch;
    const settings: MetadataSettings = Object.fromEntries(
      Object.entries(others).map(([name, value]) => [name, value === null ? DEFAULT_CONFIG[name as keyof KvConfig] : value]),
    );
    checkSettings(settings);
    if (members) this.#checkCustomMetadata(path, withoutNulls(members));
    if (members === undefined && Object.values(settings).every((value) => value === undefined)) return { ignoredSettings: [] };

    const once = (): Promise<MetadataWritten> =>
      attempt(path, async () => {
        const read = await this.#mount.read((tx, mountId) => loadHead(tx, mountId, secretPath), options);
        const head = read?.value?.head;
        if (read === undefined || head === undefined) throw new KvError('NOT_FOUND', {}, { path });
        const customMetadata = members && withoutNulls({ ...(await this.#mustOpenCustomMetadata(path, read.mount.id, head)), ...members });
        const basedOn = { incarnation: head.incarnation, customMetadataId: head.customMetadata?.recordId };
        return this.#commitOne(this.#preparePutMetadata(path, { ...settings, customMetadata }, options.metadataCas, basedOn), options);
      });
    return this.#updates.run(secretPath, once, options.signal);
  }

  /** Removes a secret for good: all versions and metadata, or nothing, whatever happens meanwhile. */
  async deleteMetadata(path: string, options: TxOptions = {}): Promise<void> {
    await this.#commitOne(this.#plain({ kind: 'deleteMetadata', path }), options);
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
    return Promise.all(read.value.map(async ({ name, state }) => ({ name, metadata: state && (await this.#finishMetadata(read.mount.id, state)) })));
  }

  // ---------------------------------------------------------------------------------------------- configuration

  /** The mount's configuration. */
  async getConfig(options: Cancellable = {}): Promise<Config> {
    const read = await this.#mount.read(async () => undefined, options);
    const { deleteVersionAfterMs, ...config } = read?.mount.config ?? DEFAULT_CONFIG;
    return { ...config, deleteVersionAfterMs: deleteVersionAfterMs < 0 ? 'disabled' : deleteVersionAfterMs };
  }

  /** Changes what is given of the mount's configuration. It acts on later writes; nothing given changes nothing. */
  async putConfig(settings: ConfigSettings, options: TxOptions = {}): Promise<void> {
    checkConfigSettings(settings);
    await this.#mount.write(
      async () => async (_, mount) => {
        const config = changeConfig(mount.config, settings);
        return { result: undefined, writes: config === mount.config ? [] : [putMount({ ...mount, config })] };
      },
      options,
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
    return async () => ({ ...command, path });
  }

  #onVersions(command: Extract<Command, { readonly versions?: unknown }> & { readonly versions: readonly number[] }): Prepare {
    const { path, versions } = command;
    // Left out, they would mean the current version to some.
    if (!Array.isArray(versions)) throw new TypeError('versions must be a list of numbers');
    if (!versions.every(Number.isInteger)) throw new KvError('INVALID_OPTION', { field: 'versions', problem: 'it must be whole numbers' }, { path });
    return this.#plain({ ...command, versions: [...versions] });
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

  #preparePutMetadata(path: string, { customMetadata, ...settings }: NewMetadata, metadataCas: number | undefined, basedOn?: MetadataBasis): Prepare {
    const secretPath = this.#path(path);
    checkSettings(settings);
    if (customMetadata) this.#checkCustomMetadata(path, customMetadata);
    return async (mount) => ({
      kind: 'putMetadata',
      path: secretPath,
      settings,
      metadataCas,
      basedOn,
      freshIncarnation: mintId(this.#mount.environment),
      customMetadata: await this.#sealCustomMetadata(mount, customMetadata),
    });
  }

  /** Commits one command; `R` is what a command of its kind answers. */
  async #commitOne<R extends AtomicResult>(prepare: Prepare, options: TxOptions): Promise<R> {
    const [result] = await this.#commit([prepare], options);
    return result as R;
  }

  async #commit(prepared: readonly Prepare[], options: TxOptions, indexed = false): Promise<AtomicResult[]> {
    const { applied, commands, mountId } = await this.#mount.write(async (mount) => {
      const commands = await Promise.all(prepared.map((prepare) => prepare(mount)));
      return async (tx: ReadTx, current: MountEntry) => {
        const applied = await apply(tx, current, commands, this.#now(), decide);
        this.#mount.note(noteOf(applied));
        return { result: { applied, commands, mountId: mount.id }, writes: applied.writes };
      };
    }, options);
    if (applied.kind === 'done') return Promise.all(applied.outcomes.map((outcome) => this.#finish(mountId, outcome)));
    const { rejection, index } = applied;
    throw new KvError(rejection.code, rejection.details, { path: commands[index]?.path, index: indexed ? index : undefined });
  }

  /** The one way to make a new value from the old one: read, make, commit if what was read is still so, else again. */
  #replace(path: string, options: PutOptions, standsForCas: boolean, make: (read: Read | undefined) => Promise<JsonText>): Promise<PutResult> {
    const secretPath = this.#path(path);
    const once = (): Promise<PutResult> =>
      attempt(path, async () => {
        const read = await this.#read(secretPath, { signal: options.signal });
        const { incarnation, currentVersion = 0 } = read?.state.head ?? {};
        const basedOn: Basis = { incarnation, version: currentVersion, live: read?.version?.state === 'live', standsForCas };
        return this.#commitOne(this.#preparePut(path, await make(read), options.cas, basedOn), options);
      });
    return this.#updates.run(secretPath, once, options.signal);
  }

  // ---------------------------------------------------------------------------------------------- the read path

  async #read(path: SecretPath, { version, signal }: ReadOptions): Promise<Read | undefined> {
    if (version !== undefined && !Number.isInteger(version))
      throw new KvError('INVALID_OPTION', { field: 'version', problem: 'it must be a whole number' }, { path });
    const read = await this.#mount.read(
      async (tx, mountId) => {
        const loaded = await loadHead(tx, mountId, path);
        if (loaded === undefined) {
          this.#mount.note({ code: 'missing' });
          return undefined;
        }
        const { head } = loaded;
        const asked = versionAsked(loaded, version);
        const state = await loadPages(tx, mountId, loaded, closedPagesOf(head, [asked]));
        const found = readVersion(state, asked, this.#now());
        const live = found?.state === 'live';
        this.#mount.note({ code: live ? 'ok' : (found?.state ?? 'missing'), version: found?.version });
        const payload = live ? await tx.get(payloadKey(mountId, head.incarnation, asked)) : undefined;
        if (live && payload === undefined) throw new StoreError('CORRUPT', `version ${asked} of ${path} has no value`);
        return { state, version: found, payload };
      },
      { signal },
    );
    return read?.value && { ...read.value, mountId: read.mount.id, config: read.mount.config };
  }

  async #finishRead(path: string, { payload, state, mountId }: Read, { recordId, ...facts }: ReadableVersion): Promise<Opened> {
    const [bytes, customMetadata] = await Promise.all([
      payload && openNamed(`the value of ${path}`, this.#mount.sealer.open(payload, { mountId, recordId })),
      this.#mustOpenCustomMetadata(path, mountId, state.head),
    ]);
    const text = bytes && (new TextDecoder().decode(bytes) as JsonText);
    return { ...infoOf(facts), text, incarnation: state.head.incarnation, customMetadata };
  }

  // After a commit nothing may reject: what does not open is marked.
  async #finish(mountId: string, outcome: Outcome): Promise<AtomicResult> {
    if (outcome === undefined) return undefined;
    if (!('version' in outcome)) return { ignoredSettings: outcome };
    const { customMetadata, incarnation, ...facts } = outcome;
    return { ...infoOf(facts), incarnation, ...(await this.#openOrMark(mountId, customMetadata)) };
  }

  /** Rejects by the name `strictAs` where the custom metadata don't open; without it, marks them. */
  async #finishMetadata(mountId: string, state: SecretState, strictAs?: string): Promise<Metadata> {
    const { entries: _, touchedAt: __, createdAt, updatedAt, customMetadata, ...head } = state.head;
    const now = this.#now();
    const versions = new Map(allEntries(state).map(([version, entry]) => [version, infoOf(versionFacts(version, entry, now))]));
    const opened = strictAs
      ? { customMetadata: await this.#mustOpenCustomMetadata(strictAs, mountId, state.head) }
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

  #mustOpenCustomMetadata(path: string, mountId: string, { customMetadata }: Head): Promise<CustomMetadata | undefined> {
    return openNamed(`the custom metadata of ${path}`, this.#openCustomMetadata(mountId, customMetadata));
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

function noteOf(applied: Applied<Outcome>): OutcomeNote {
  if (applied.kind === 'refused') return { code: applied.rejection.code };
  const last = applied.outcomes.at(-1);
  return { code: 'ok', version: last !== undefined && 'version' in last ? last.version : undefined };
}

/** What a read transaction found. */
interface Read {
  readonly mountId: string;
  readonly config: KvConfig;
  readonly state: SecretState;
  readonly version: ReadableVersion | undefined;
  readonly payload: Uint8Array | undefined;
}

/** A version as read, its value not parsed. */
interface Opened extends VersionInfo, SecretInfo {
  readonly text: JsonText | undefined;
}

/** Parses the value when somebody asks for it, once: who passes the text on does not pay. */
function withData(opened: Opened): Secret {
  let data: JsonObject | null | undefined;
  return {
    ...opened,
    get data() {
      return (data ??= opened.text && (parseJson(opened.text) as JsonObject | null));
    },
  };
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

function infoOf({ createdAt, deletionAt, ...facts }: VersionFacts): VersionInfo {
  return { ...facts, createdAt: new Date(createdAt), deletionAt: deletionAt === undefined ? undefined : new Date(deletionAt) };
}

function withoutNulls(members: Readonly<Record<string, string | null>>): CustomMetadata {
  return Object.fromEntries(Object.entries(members).filter((pair): pair is [string, string] => pair[1] !== null));
}
