/**
 * Everything SealKV throws besides `signal.reason` and `TypeError` (a programmer's mistake).
 *
 * - `KvError`: the command was refused. Nothing was written.
 * - `StoreError`: the storage is broken, full, closed or was misused.
 * - `SealError`: a ciphertext does not open, or the key is not the one the data was sealed with.
 *
 * Branch on `code`, never on the message. Messages never contain a secret's data.
 */

/** What each refusal tells about itself; the key is the error's `code`. */
export interface KvErrorDetails {
  /** The check-and-set version is not the current one. `expectedVersion` is what the caller gave. */
  readonly CAS_MISMATCH: { readonly expectedVersion: number; readonly currentVersion: number };
  /** The mount or the secret demands check-and-set and the call had none. */
  readonly CAS_REQUIRED: { readonly currentVersion: number };
  /** The metadata check-and-set version is not the current one; `currentVersion` is undefined where there is no metadata yet. */
  readonly METADATA_CAS_MISMATCH: { readonly expectedVersion: number; readonly currentVersion: number | undefined };
  /** The mount or the secret demands metadata check-and-set and the call had none. */
  readonly METADATA_CAS_REQUIRED: { readonly currentVersion: number | undefined };
  /** There is nothing to patch: no metadata, or metadata without a version. */
  readonly NOT_FOUND: object;
  /** The current version is deleted, expired or destroyed, so there is nothing to patch. */
  readonly NOT_LIVE: { readonly current: VersionFacts };
  /** Somebody else kept committing in between; the update was given up after a bounded number of attempts. */
  readonly CONFLICT: { readonly attempts: number };
  readonly INVALID_PATH: { readonly problem: string };
  readonly PATH_TOO_LONG: { readonly bytes: number; readonly maxBytes: number };
  /** The value is not JSON that can be read back exactly; `member` says where, e.g. `$.a[3].b`. */
  readonly INVALID_VALUE: { readonly member: string; readonly problem: string };
  /** The value does not fit the schema that `typed` was given. `problem` is in the schema's words, which may quote the value. */
  readonly SCHEMA_MISMATCH: { readonly issues: readonly { readonly member: string; readonly problem: string }[] };
  readonly VALUE_TOO_LARGE: { readonly maxBytes: number };
  readonly VALUE_TOO_DEEP: { readonly maxDepth: number; readonly member: string };
  /** One problem per offending key, or a single one where there are too many keys. */
  readonly INVALID_CUSTOM_METADATA: { readonly problems: readonly CustomMetadataProblem[] };
  /** A number or duration outside of what can be stored; `field` names the option. */
  readonly INVALID_OPTION: { readonly field: string; readonly problem: string };
  readonly MOUNT_NOT_FOUND: { readonly mount: string };
  /** The new mount equals, contains or lies inside an existing one. */
  readonly MOUNT_IN_USE: { readonly mount: string; readonly existing: string };
  /** The mount holds another kind of engine (KV v1 asked for v2, or the other way round). */
  readonly MOUNT_VERSION: { readonly mount: string; readonly version: number };
}

export type KvErrorCode = keyof KvErrorDetails;

/** A version's public facts, as reads and refusals report them. Times are milliseconds since 1970. */
export interface VersionFacts {
  readonly version: number;
  readonly createdAt: number;
  /** When it was or will be deleted: an explicit delete's time or the deadline of `delete_version_after`. */
  readonly deletionAt: number | undefined;
  readonly destroyed: boolean;
  readonly state: 'live' | 'deleted' | 'destroyed';
}

export type CustomMetadataProblem =
  | { readonly kind: 'too-many-keys'; readonly keys: number }
  | { readonly kind: 'key-length'; readonly key: string; readonly bytes: number }
  | { readonly kind: 'value-length'; readonly key: string; readonly bytes: number }
  | { readonly kind: 'key-unprintable'; readonly key: string }
  | { readonly kind: 'value-unprintable'; readonly key: string };

interface ErrorOptionsWithPath {
  readonly path?: string | undefined;
  readonly index?: number | undefined;
}

/** A refused command. The details of its `code` are members of the error: `isSealKvError(e, 'CAS_MISMATCH')` narrows to them. */
export class KvError<C extends KvErrorCode = KvErrorCode> extends Error {
  override readonly name = 'KvError';
  /** Marks our errors across two copies of the package. */
  readonly sealkv = true;
  readonly code: C;
  /** The secret's path within its mount, where the refusal is about one. */
  readonly path: string | undefined;
  /** In `atomic()`: the place of the refused operation in the list. */
  readonly index: number | undefined;

  constructor(code: C, details: KvErrorDetails[C], { path, index }: ErrorOptionsWithPath = {}) {
    // Not `member`: in a text that is out of joint a secret can stand in the place of a name.
    const facts = Object.entries({ path, ...details }).filter(([name, fact]) => name !== 'member' && /string|number/.test(typeof fact));
    super(`${code}: ${facts.map((fact) => fact.join(' ')).join(', ')}`);
    Object.assign(this, details);
    this.code = code;
    this.path = path;
    this.index = index;
  }
}

/**
 * - `FOREIGN_AWAIT`: a transaction body awaited something other than its own `get` and `scan`.
 * - `TRANSACTION_FINISHED`: a transaction was used after its end.
 * - `CLOSED`: the store was closed. - `QUOTA_EXCEEDED`: no space left. - `ABORTED`: the storage gave the transaction up.
 * - `VALUE_TOO_LARGE` / `INVALID_KEY`: the adapter's platform could not store this in production.
 * - `TIMED_OUT`: the storage did not answer; the transaction was given up before its commit.
 * - `COMMIT_UNKNOWN`: the connection to the storage was lost after the commit was requested, or it does not answer.
 * - `NEWER_FORMAT`: the records were written by a newer SealKV. - `CORRUPT`: a record is missing or not readable.
 * - `UNSUPPORTED`: this kind of store can't do it. - `FAILED`: anything else the storage answered; see `cause`.
 */
export type StoreErrorCode =
  | 'FOREIGN_AWAIT'
  | 'TRANSACTION_FINISHED'
  | 'CLOSED'
  | 'QUOTA_EXCEEDED'
  | 'ABORTED'
  | 'TIMED_OUT'
  | 'VALUE_TOO_LARGE'
  | 'INVALID_KEY'
  | 'COMMIT_UNKNOWN'
  | 'NEWER_FORMAT'
  | 'CORRUPT'
  | 'UNSUPPORTED'
  | 'FAILED';

interface BrokenOptions {
  readonly cause?: unknown;
  readonly applied?: 'no' | 'unknown' | undefined;
}

/** The storage is broken, full, closed or was misused. `applied` says whether the change may have happened. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  /** Marks our errors across two copies of the package. */
  readonly sealkv = true;
  readonly code: StoreErrorCode;
  readonly applied: 'no' | 'unknown';

  constructor(code: StoreErrorCode, message: string, { cause, applied }: BrokenOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.applied = applied ?? (code === 'COMMIT_UNKNOWN' ? 'unknown' : 'no');
  }
}

/**
 * - `WRONG_KEY`: the key is not the one this mount was sealed with. Found before anything is written.
 * - `CANNOT_OPEN`: this one record does not open: altered, or moved from elsewhere.
 * - `UNKNOWN_FORMAT`: the sealed bytes were made by another kind of sealer or a newer SealKV.
 * - `KEY_UNAVAILABLE`: the key could not be had; see `cause`.
 */
export type SealErrorCode = 'WRONG_KEY' | 'CANNOT_OPEN' | 'UNKNOWN_FORMAT' | 'KEY_UNAVAILABLE';

/** A ciphertext does not open, or the key is wrong or missing. Nothing was written. */
export class SealError extends Error {
  override readonly name = 'SealError';
  /** Marks our errors across two copies of the package. */
  readonly sealkv = true;
  readonly code: SealErrorCode;
  readonly applied = 'no' as const;

  constructor(code: SealErrorCode, message: string, { cause }: { readonly cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Any code that {@link isSealKvError} can narrow to. */
export type SealKvErrorCode = KvErrorCode | StoreErrorCode | SealErrorCode;

type ErrorOf<C extends SealKvErrorCode> =
  | (C extends KvErrorCode ? KvError<C> & KvErrorDetails[C] : never)
  | (C extends StoreErrorCode ? StoreError & { readonly code: C } : never)
  | (C extends SealErrorCode ? SealError & { readonly code: C } : never);

/** Whether `error` is one of ours, and of this `code` if one is given. Works across two copies of the package. */
export function isSealKvError(error: unknown): error is KvError | StoreError | SealError;
export function isSealKvError<C extends SealKvErrorCode>(error: unknown, code: C): error is ErrorOf<C>;
export function isSealKvError(error: unknown, code?: string): boolean {
  const { sealkv, code: its } = Object(error) as Partial<KvError>;
  return sealkv === true && (code === undefined || its === code);
}
