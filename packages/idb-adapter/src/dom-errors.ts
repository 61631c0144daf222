import type { StoreErrorCode } from '@sealkv/core';
import { StoreError } from '@sealkv/core';

/** What the refusal of a request, or of a connection, means. Nothing was applied. */
export function storeError(cause: unknown): StoreError {
  return new StoreError(CODES[nameOf(cause)] ?? 'FAILED', 'IndexedDB refused', { cause });
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
 * the connection was lost, before the commit or after it. WebKit says `UnknownError` for that (bug 197050), as for much else.
 */
export function commitError(cause: unknown): StoreError {
  return cause && !['AbortError', 'UnknownError'].includes(nameOf(cause))
    ? storeError(cause)
    : new StoreError('COMMIT_UNKNOWN', 'the connection to IndexedDB was lost during a commit', { cause });
}

/** Whether the connection, or the transaction, is of no use any more. */
export function isEnded(error: unknown): boolean {
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
