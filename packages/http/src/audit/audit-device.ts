import type { ReadTx, Write } from '@sealkv/core';
import { auditDeviceKey, putRecord, readRecord } from '../records.ts';

/** Whether and how a namespace records its requests. There is one such device at most: it writes into the same store. */
export interface AuditDevice {
  /** Ends in a slash. */
  readonly path: string;
  readonly description: string;
  /** A device that was switched off records nothing, but what it has recorded goes on ageing. */
  readonly isOn: boolean;
  /** Records that are older are removed. */
  readonly keepSeconds: number;
  /** Of more records than these the oldest ones are removed. */
  readonly keepRecords: number;
}

export const DEFAULT_KEEP_SECONDS: number = 90 * 86_400;
export const DEFAULT_KEEP_RECORDS = 100_000;
export const MAX_KEEP_RECORDS = 10_000_000;

export async function loadAuditDevice(tx: ReadTx): Promise<AuditDevice | undefined> {
  const bytes = await tx.get(auditDeviceKey);
  return bytes && readRecord<AuditDevice>(bytes).facts;
}

export async function isAuditing(tx: ReadTx): Promise<boolean> {
  return (await loadAuditDevice(tx))?.isOn === true;
}

export function putAuditDevice(device: AuditDevice): Write {
  return putRecord(auditDeviceKey, device);
}
