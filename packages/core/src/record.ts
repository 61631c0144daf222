import { StoreError } from './errors.ts';
import { headKey, incarnationPrefix, mountKey, pageKey, payloadKey, purgeKey } from './keyspace.ts';
import type { Write } from './store.ts';
import { prefixEnd } from './store.ts';

export type { Write };

/**
 * The records of a store and their formats. Structure is JSON that can be read in a debugger; what the user wrote is sealed bytes.
 * Every record of structure carries its format's number `f`; a newer one than ours is refused and touches nothing.
 */
const FORMAT = 1;

/** Version entries per page: how many the head carries at most. docs/decisions/0002 has the measurements. */
export const PAGE_SIZE = 8;

/** Sealed bytes and the random id they are bound to. The id is kept in the structure, so that two swapped rows don't open. */
export interface SealedRecord {
  readonly recordId: string;
  readonly sealed: Uint8Array;
}

/** One version, without its value. Times are milliseconds since 1970. */
export interface VersionEntry {
  readonly createdAt: number;
  /** What the sealed value is bound to. */
  readonly recordId: string;
  /** An explicit delete: a state, never compared with the clock. */
  readonly deletedAt?: number | undefined;
  /** The deadline of `delete_version_after`: deleted as soon as the clock has reached it. */
  readonly expiresAt?: number | undefined;
  readonly destroyed?: boolean | undefined;
}

/** What a secret's decisions need: one record, whose size does not grow with the number of versions. */
export interface Head {
  /** Random, minted when the metadata is created: tells a secret from a later one at the same path. */
  readonly incarnation: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The time of the last commit. A later commit's time is never before it. */
  readonly touchedAt: number;
  /** The highest version number ever given; 0 if there was none. */
  readonly currentVersion: number;
  /** As Vault reports it: 0 until the first pruning is due, then the oldest version kept. */
  readonly oldestVersion: number;
  /** Counts metadata writes; `metadata_cas` is compared with it. */
  readonly metadataVersion: number;
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly metadataCasRequired: boolean;
  readonly deleteVersionAfterMs: number;
  readonly customMetadata?: SealedRecord | undefined;
  /** The entries of the current version's page, up to the current version. */
  readonly entries: readonly VersionEntry[];
}

/** A secret as loaded: its head and those of its closed pages that the command needs. */
export interface SecretState {
  readonly head: Head;
  readonly pages: ReadonlyMap<number, readonly VersionEntry[]>;
}

/** A mount's KV configuration. `deleteVersionAfterMs: -1` switches expiry off for every secret of the mount. */
export interface KvConfig {
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly metadataCasRequired: boolean;
  readonly deleteVersionAfterMs: number;
}

export const DEFAULT_CONFIG: KvConfig = { maxVersions: 0, casRequired: false, metadataCasRequired: false, deleteVersionAfterMs: 0 };

/**
 * What a mount is known by besides its secrets. The engine makes no use of it: servers show it to clients and give leases by it.
 * What is absent has its default.
 */
export interface MountTuning {
  /** Seconds; the server's default if absent. */
  readonly defaultLeaseTtl?: number | undefined;
  /** Seconds; the server's maximum if absent. */
  readonly maxLeaseTtl?: number | undefined;
  readonly forceNoCache?: boolean | undefined;
  /** Whether the mount is listed for people who have not logged in. */
  readonly listingVisibility?: 'hidden' | 'unauth' | undefined;
  /** As given. `version` among them repeats that of the mount. */
  readonly options?: Readonly<Record<string, string>> | undefined;
  readonly local?: boolean | undefined;
  readonly sealWrap?: boolean | undefined;
  readonly externalEntropyAccess?: boolean | undefined;
  readonly auditNonHmacRequestKeys?: readonly string[] | undefined;
  readonly auditNonHmacResponseKeys?: readonly string[] | undefined;
  readonly passthroughRequestHeaders?: readonly string[] | undefined;
  readonly allowedResponseHeaders?: readonly string[] | undefined;
}

/** The last time that a mount was given another path. */
export interface Remount {
  /** Random: who asked for the remount can ask after it by this. 32 hexadecimal digits. */
  readonly id: string;
  readonly from: string;
}

export interface MountEntry {
  /** Ends in a slash. */
  readonly path: string;
  /** Random and never reused: 32 hexadecimal digits. */
  readonly id: string;
  readonly version: 1 | 2;
  readonly description: string;
  readonly createdAt: number;
  readonly config: KvConfig;
  readonly tuning?: MountTuning | undefined;
  readonly lastRemount?: Remount | undefined;
  /** A known text sealed with the mount's key: a wrong key fails here, before anything is written. */
  readonly keyCheck: Uint8Array;
}

/** Where a secret's records are. */
export interface SecretRef {
  readonly mountId: string;
  readonly path: string;
}

// ------------------------------------------------------------------------------------------------ versions and pages

export function pageOf(version: number): number {
  return Math.floor((version - 1) / PAGE_SIZE);
}

/** The lowest version that exists; higher than `currentVersion` if there is none. */
export function firstVersion({ oldestVersion }: Head): number {
  return Math.max(oldestVersion, 1);
}

/** The pages of those of the versions that exist, without the one that is in the head. */
export function closedPagesOf(head: Head, versions: readonly number[]): number[] {
  const existing = versions.filter((version) => version >= firstVersion(head) && version <= head.currentVersion);
  return [...new Set(existing.map(pageOf))].filter((page) => page !== pageOf(head.currentVersion));
}

/** @throws StoreError `CORRUPT` if the page was not loaded or is missing */
export function entryOf({ head, pages }: SecretState, version: number): VersionEntry | undefined {
  if (!(version >= firstVersion(head) && version <= head.currentVersion)) return undefined;
  const page = pageOf(version);
  const entries = page === pageOf(head.currentVersion) ? head.entries : pages.get(page);
  const entry = entries?.[(version - 1) % PAGE_SIZE];
  if (entry === undefined) throw new StoreError('CORRUPT', 'a version has no entry');
  return entry;
}

/** All versions that exist, oldest first; `state` must have all pages. */
export function allEntries(state: SecretState): [version: number, entry: VersionEntry][] {
  const entries: [number, VersionEntry][] = [];
  for (let version = firstVersion(state.head); version <= state.head.currentVersion; version++) entries.push([version, entryOf(state, version)!]);
  return entries;
}

/** Replaces entries of existing versions. Returns the new state and the writes that store it. */
export function replaceEntries(
  ref: SecretRef,
  state: SecretState,
  entries: ReadonlyMap<number, VersionEntry>,
  touchedAt: number,
): { readonly next: SecretState; readonly writes: Write[] } {
  const currentPage = pageOf(state.head.currentVersion);
  const pages = new Map(state.pages).set(currentPage, state.head.entries);
  const changed = new Set<number>();
  for (const [version, entry] of entries) {
    const page = pageOf(version);
    pages.set(page, pages.get(page)!.with((version - 1) % PAGE_SIZE, entry));
    changed.add(page);
  }
  const head = { ...state.head, touchedAt, entries: pages.get(currentPage)! };
  pages.delete(currentPage);
  changed.delete(currentPage);
  return {
    next: { head, pages },
    writes: [...Array.from(changed, (page) => putPage(ref, head.incarnation, page, pages.get(page)!)), putHead(ref, head)],
  };
}

// ------------------------------------------------------------------------------------------------ writes

export function putHead(ref: SecretRef, head: Head): Write {
  return { kind: 'put', key: headKey(ref.mountId, ref.path), value: encodeHead(head) };
}

export function putPage(ref: SecretRef, incarnation: string, page: number, entries: readonly VersionEntry[]): Write {
  return { kind: 'put', key: pageKey(ref.mountId, incarnation, page), value: encode({ v: entries.map(packEntry) }) };
}

export function putPayload(ref: SecretRef, incarnation: string, version: number, sealed: Uint8Array): Write {
  return { kind: 'put', key: payloadKey(ref.mountId, incarnation, version), value: sealed };
}

export function deletePayload(ref: SecretRef, incarnation: string, version: number): Write {
  return { kind: 'delete', key: payloadKey(ref.mountId, incarnation, version) };
}

/** Removes the values of versions `from` to `to`, both included. */
export function deletePayloads(ref: SecretRef, incarnation: string, from: number, to: number): Write {
  return { kind: 'deleteRange', from: payloadKey(ref.mountId, incarnation, from), to: payloadKey(ref.mountId, incarnation, to + 1) };
}

/** Removes the pages `from` to `to`, both included. */
export function deletePages(ref: SecretRef, incarnation: string, from: number, to: number): Write {
  return { kind: 'deleteRange', from: pageKey(ref.mountId, incarnation, from), to: pageKey(ref.mountId, incarnation, to + 1) };
}

/** Removes a secret for good: its head, and everything under its incarnation. */
export function deleteSecret(ref: SecretRef, incarnation: string): Write[] {
  const prefix = incarnationPrefix(ref.mountId, incarnation);
  return [
    { kind: 'deleteRange', from: prefix, to: prefixEnd(prefix) },
    { kind: 'delete', key: headKey(ref.mountId, ref.path) },
  ];
}

export function putMount(entry: MountEntry): Write {
  const { path, keyCheck, ...facts } = entry;
  return { kind: 'put', key: mountKey(path), value: encode(facts, keyCheck) };
}

/** Puts a mount's data on the list of what is still to be removed. */
export function putPurge(mountId: string, unmountedAt: number): Write {
  return { kind: 'put', key: purgeKey(mountId), value: encode({ unmountedAt }) };
}

// ------------------------------------------------------------------------------------------------ formats

type PackedEntry = [createdAt: number, recordId: string, deletedAt?: number | null, expiresAt?: number | null, destroyed?: 1];

function packEntry({ createdAt, recordId, deletedAt, expiresAt, destroyed }: VersionEntry): PackedEntry {
  if (destroyed) return [createdAt, recordId, deletedAt ?? null, expiresAt ?? null, 1];
  if (expiresAt !== undefined) return [createdAt, recordId, deletedAt ?? null, expiresAt];
  return deletedAt === undefined ? [createdAt, recordId] : [createdAt, recordId, deletedAt];
}

function unpackEntry([createdAt, recordId, deletedAt, expiresAt, destroyed]: PackedEntry): VersionEntry {
  return {
    createdAt,
    recordId,
    deletedAt: deletedAt ?? undefined,
    expiresAt: expiresAt ?? undefined,
    destroyed: destroyed === 1 || undefined,
  };
}

function encodeHead({ entries, customMetadata, ...head }: Head): Uint8Array {
  return encode({ ...head, custom: customMetadata?.recordId, v: entries.map(packEntry) }, customMetadata?.sealed);
}

export function decodeHead(bytes: Uint8Array): Head {
  const { facts, tail } = decode<Omit<Head, 'entries' | 'customMetadata'> & { readonly custom?: string; readonly v: PackedEntry[] }>(bytes);
  const { custom, v, ...head } = facts;
  return { ...head, customMetadata: custom === undefined ? undefined : { recordId: custom, sealed: tail }, entries: v.map(unpackEntry) };
}

export function decodePage(bytes: Uint8Array): readonly VersionEntry[] {
  return decode<{ readonly v: PackedEntry[] }>(bytes).facts.v.map(unpackEntry);
}

/** The mount of an entry; undefined for a tombstone. */
export function decodeMount(path: string, bytes: Uint8Array): MountEntry | undefined {
  const { facts, tail } = decode<Omit<MountEntry, 'path' | 'keyCheck'>>(bytes);
  return 'unmounted' in facts ? undefined : { ...facts, path, keyCheck: tail };
}

// A record is one line of JSON, then, after the line feed (which JSON.stringify never writes), sealed bytes if there are any.
function encode(facts: object, tail?: Uint8Array): Uint8Array {
  const line = new TextEncoder().encode(`${JSON.stringify({ f: FORMAT, ...facts })}\n`);
  if (tail === undefined) return line;
  const bytes = new Uint8Array(line.length + tail.length);
  bytes.set(line);
  bytes.set(tail, line.length);
  return bytes;
}

function decode<T>(bytes: Uint8Array): { readonly facts: T; readonly tail: Uint8Array } {
  const end = bytes.indexOf(10);
  let facts: unknown;
  try {
    facts = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  } catch {
    // Said below: a text that is none has no format either.
  }
  const { f, ...rest } = Object(facts) as { readonly f?: unknown };
  if (typeof f !== 'number') throw new StoreError('CORRUPT', 'a record is not readable');
  if (f > FORMAT) throw new StoreError('NEWER_FORMAT', `a record has format ${f}; this version of SealKV reads up to ${FORMAT}`);
  return { facts: rest as T, tail: bytes.slice(end + 1) };
}

/** @throws StoreError `CORRUPT`, `NEWER_FORMAT` */
export function decodePurge(bytes: Uint8Array): { readonly unmountedAt: number } {
  return decode<{ readonly unmountedAt: number }>(bytes).facts;
}

/** What is left where a mount that is there from the start was unmounted, so that it does not come back. */
export function putTombstone(path: string): Write {
  return { kind: 'put', key: mountKey(path), value: encode({ unmounted: true }) };
}
