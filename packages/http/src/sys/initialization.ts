import type { ReadTx, Write } from '@sealkv/core';
import type { StoreOwner } from '@sealkv/core/check';
import { below, initKey, putRecord } from '../records.ts';

/*
 * A server whose Worker has no root token is of no use to anybody until `sys/init` has made one. That it has is a record, so it works once.
 */

/** Whether `sys/init` has made a root token. */
export async function hasInitRecord(tx: ReadTx): Promise<boolean> {
  return (await tx.get(initKey)) !== undefined;
}

/** `at` in milliseconds since 1970. */
export function putInitRecord(at: number): Write {
  return putRecord(initKey, { at });
}

export const initRecord: StoreOwner = {
  prefix: 'x/i/',
  async check(tx) {
    const keys = await tx.scanKeys(below('x/i/'));
    return keys.filter((key) => key !== initKey).map((key) => ({ kind: 'orphan', key, detail: 'is of no known kind' }));
  },
};
