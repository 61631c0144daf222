import type { KvError, SealError, StoreError, VersionFacts } from '@sealkv/core';
import { isSealKvError } from '@sealkv/core';

/** Compiles only if both types are the very same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;
declare function same<A, B>(_: Same<A, B>): void;

declare const error: unknown;

if (isSealKvError(error, 'CAS_MISMATCH')) {
  same<typeof error.code, 'CAS_MISMATCH'>(true);
  same<typeof error.expectedVersion, number>(true);
  same<typeof error.currentVersion, number>(true);
  same<typeof error.path, string | undefined>(true);
  same<typeof error.index, number | undefined>(true);
  // @ts-expect-error another code's detail
  void error.attempts;
}
if (isSealKvError(error, 'NOT_LIVE')) same<typeof error.current, VersionFacts>(true);
if (isSealKvError(error, 'METADATA_CAS_MISMATCH')) same<typeof error.currentVersion, number | undefined>(true);
if (isSealKvError(error, 'INVALID_VALUE')) same<typeof error.member, string>(true);
if (isSealKvError(error, 'COMMIT_UNKNOWN')) {
  same<typeof error.applied, 'no' | 'unknown'>(true);
  // @ts-expect-error a StoreError is about no path
  void error.path;
}
if (isSealKvError(error, 'WRONG_KEY')) same<typeof error.applied, 'no'>(true);
// VALUE_TOO_LARGE is a refusal of the engine, and one of a store whose platform could not keep the record.
if (isSealKvError(error, 'VALUE_TOO_LARGE')) {
  if (error.name === 'KvError') same<typeof error.maxBytes, number>(true);
  else same<typeof error.applied, 'no' | 'unknown'>(true);
}

if (isSealKvError(error)) {
  same<typeof error, KvError | StoreError | SealError>(true);
  switch (error.name) {
    case 'KvError':
    case 'StoreError':
    case 'SealError':
      break;
    default:
      error satisfies never;
  }
  // @ts-expect-error which one is not known yet
  void error.expectedVersion;
}

// @ts-expect-error no such code
isSealKvError(error, 'CAS_MISSMATCH');
