import type { KvErrorCode, KvErrorDetails, SealErrorCode, StoreErrorCode } from '@sealkv/core';
import { isSealKvError } from '@sealkv/core';
import { ApiError, multiError } from './api-error.ts';
import { FieldProblem } from './fields.ts';

interface Rendering<D> {
  readonly status: number;
  /** OpenBao's words where it has them. */
  readonly message: (details: D) => string;
}

/** Every refusal of the engine as an answer. A new code does not compile until it is here. */
const BY_CODE: { readonly [C in KvErrorCode]: Rendering<KvErrorDetails[C]> } = {
  CAS_MISMATCH: { status: 400, message: () => 'check-and-set parameter did not match the current version' },
  CAS_REQUIRED: { status: 400, message: () => 'check-and-set parameter required for this call' },
  METADATA_CAS_MISMATCH: {
    status: 400,
    message: ({ currentVersion }) =>
      currentVersion === undefined
        ? 'metadata_cas must be 0 when creating new metadata'
        : 'metadata check-and-set parameter does not match the current version',
  },
  METADATA_CAS_REQUIRED: { status: 400, message: () => 'metadata check-and-set parameter required for this call' },
  NOT_FOUND: { status: 404, message: () => 'there is no such secret' },
  NOT_LIVE: { status: 404, message: () => 'the current version is deleted or destroyed' },
  CONFLICT: { status: 409, message: () => 'others kept changing the secret; nothing was done, try again' },
  INVALID_PATH: { status: 400, message: ({ problem }) => `the path is not usable: ${problem}` },
  PATH_TOO_LONG: { status: 400, message: ({ bytes, maxBytes }) => `the path has ${bytes} bytes; ${maxBytes} are allowed` },
  INVALID_VALUE: { status: 400, message: ({ member, problem }) => `the value can't be stored: ${problem} at ${member}` },
  SCHEMA_MISMATCH: { status: 400, message: () => 'the value does not fit its schema' },
  VALUE_TOO_LARGE: { status: 413, message: ({ maxBytes }) => `the value is larger than ${maxBytes} bytes` },
  VALUE_TOO_DEEP: { status: 400, message: ({ maxDepth }) => `the value is nested more than ${maxDepth} deep` },
  INVALID_CUSTOM_METADATA: { status: 400, message: ({ problems }) => multiError(...problems.map(customMetadataText)) },
  INVALID_OPTION: { status: 400, message: ({ field, problem }) => `${snakeCase(field)}: ${problem}` },
  MOUNT_NOT_FOUND: { status: 404, message: ({ mount }) => `no handler for route "${mount}". route entry not found.` },
  MOUNT_IN_USE: { status: 400, message: ({ existing }) => `path is already in use at ${existing}` },
  MOUNT_VERSION: { status: 409, message: ({ mount }) => `the mount at ${mount} has just been replaced; try again` },
};

/** A broken world. 507 is told apart because deleting something helps; the rest is 503 with a fixed text. */
const BY_BROKEN_CODE: { readonly [C in StoreErrorCode | SealErrorCode]: { readonly status: number; readonly message: string } } = {
  FOREIGN_AWAIT: { status: 500, message: 'internal error; nothing was done' },
  TRANSACTION_FINISHED: { status: 500, message: 'internal error; nothing was done' },
  INVALID_KEY: { status: 500, message: 'internal error; nothing was done' },
  VALUE_TOO_LARGE: { status: 413, message: 'the record is larger than the storage takes' },
  QUOTA_EXCEEDED: { status: 507, message: 'the storage is full; nothing was done' },
  CLOSED: { status: 503, message: 'the storage is closed; nothing was done' },
  ABORTED: { status: 503, message: 'the storage gave up; nothing was done' },
  TIMED_OUT: { status: 503, message: 'the storage does not answer; nothing was done' },
  FAILED: { status: 503, message: 'the storage failed; nothing was done' },
  COMMIT_UNKNOWN: { status: 503, message: 'the storage was lost; whether this request was carried out is unknown' },
  NEWER_FORMAT: { status: 503, message: 'the data was written by a newer version of SealKV; nothing was done' },
  CORRUPT: { status: 500, message: 'a stored record is missing or not readable; checkStore() tells which' },
  UNSUPPORTED: { status: 500, message: 'the storage cannot do this; nothing was done' },
  WRONG_KEY: { status: 503, message: 'Vault is sealed' },
  KEY_UNAVAILABLE: { status: 503, message: 'Vault is sealed' },
  CANNOT_OPEN: { status: 500, message: 'a sealed record does not open: it was altered, or moved from elsewhere' },
  UNKNOWN_FORMAT: { status: 500, message: 'a sealed record was made by another kind of sealer or a newer SealKV' },
};

/** Any error as the answer to give. What is not known tells nothing. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof FieldProblem) return new ApiError(400, error.message);
  if (!isSealKvError(error)) return new ApiError(500, 'internal error');
  if (error.name === 'KvError') {
    const { status, message } = BY_CODE[error.code as KvErrorCode];
    // The details are members of the error.
    return new ApiError(status, (message as (details: unknown) => string)(error));
  }
  const { status, message } = BY_BROKEN_CODE[error.code as StoreErrorCode | SealErrorCode];
  return new ApiError(status, message);
}

function customMetadataText(problem: KvErrorDetails['INVALID_CUSTOM_METADATA']['problems'][number]): string {
  return `custom_metadata validation failed: ${problemText(problem)}`;
}

function problemText(problem: KvErrorDetails['INVALID_CUSTOM_METADATA']['problems'][number]): string {
  switch (problem.kind) {
    case 'too-many-keys':
      return `payload must contain at most 64 keys, provided ${problem.keys}`;
    case 'key-length':
      return `length of key ${goQuote(problem.key)} is ${problem.bytes} but must be 0 < len(key) <= 128`;
    case 'value-length':
      return `length of value for key ${goQuote(problem.key)} is ${problem.bytes} but must be 0 < len(value) <= 512`;
    case 'key-unprintable':
      return `key ${goQuote(problem.key)} (${problem.key}) contains unprintable characters`;
    case 'value-unprintable':
      return `value for key ${goQuote(problem.key)} contains unprintable characters`;
    default:
      return problem satisfies never;
  }
}

/** Go's %q, near enough: JSON's escapes. */
function goQuote(text: string): string {
  return JSON.stringify(text);
}

function snakeCase(name: string): string {
  return name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
