import type { StoreErrorCode } from '@sealkv/core';
import { isSealKvError, StoreError } from '@sealkv/core';

/** What the refusal of a request, or of a connection, means. Nothing was applied. */
export function storeError(cause: unknown): StoreError {
  return cause instanceof StoreError ? cause : new StoreError(CODES[nameOf(cause)] ?? 'FAILED', 'IndexedDB refused', { cause });
}

/**
 * What it means that a request could not be made in `tx`. `tx.error` tells why the storage gave the transaction up; without one the browser
 * has ended it in good order, because its body had nothing asked for.
 */
export function requestError(tx: IDBTransaction, cause: unknown): StoreError {
  return isEnded(cause) && !tx.error
    ? new StoreError('FOREIGN_AWAIT', 'the transaction ended while its body was awaiting something else', { cause })
    : storeError(tx.error ?? cause);
}

/**
 * What the abort of a transaction means whose commit was requested. A script cannot abort it any more; so unless the storage names a reason,
 * the connection was lost, before the commit or after it. WebKit says `UnknownError` for that (bug 197050), as for much else; also for a disk that
 * is full, and then says what it could not do.
 */
export function commitError(cause: unknown): StoreError {
  if (nameOf(cause) === 'UnknownError' && /^Unable to (store|delete|clear) /.test((cause as Error).message))
    return new StoreError('QUOTA_EXCEEDED', 'IndexedDB can not write, which a full disk causes', { cause });
  return cause && !['AbortError', 'UnknownError'].includes(nameOf(cause))
    ? storeError(cause)
    : new StoreError('COMMIT_UNKNOWN', 'the connection to IndexedDB was lost during a commit', { cause });
}

/** Whether the connection may be of no use any more. WebKit says `UnknownError` where it lost it, or the transaction. */
export function isLost(error: unknown): error is StoreError {
  return isSealKvError(error) && (LOST.includes(error.code) || nameOf(error.cause) === 'UnknownError');
}

const LOST: readonly string[] = ['ABORTED', 'TIMED_OUT', 'COMMIT_UNKNOWN'];

/** Whether the transaction is of no use any more. */
function isEnded(error: unknown): boolean {
  return CODES[nameOf(error)] === 'ABORTED';
}

const CODES: Partial<Record<string, StoreErrorCode>> = {
  QuotaExceededError: 'QUOTA_EXCEEDED',
  AbortError: 'ABORTED',
  InvalidStateError: 'ABORTED',
  TransactionInactiveError: 'ABORTED',
  // The database has a higher version: a newer release was here.
  VersionError: 'NEWER_FORMAT',
};

function nameOf(error: unknown): string {
  return (error as Partial<Error> | null | undefined)?.name ?? '';
}
