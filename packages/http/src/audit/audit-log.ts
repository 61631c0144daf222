import type { ReadTx, StoreKey, Write } from '@sealkv/core';
import type { StoreOwner, StoreProblem } from '@sealkv/core/check';
import type { JsonText } from '@sealkv/core/json';
import type { Outcome } from '../admission.ts';
import type { Out } from '../json-out.ts';
import { ExactJson } from '../json-out.ts';
import type { Keys } from '../keys.ts';
import { auditLogPrefix, below, putRecord, readRecord, sortable } from '../records.ts';
import type { Operation } from '../request.ts';
import { formatTime } from '../time.ts';
import { loadAuditDevice } from './audit-device.ts';

/*
 * The audit log of a namespace: one record for each request, in the order in which they were decided. Records are numbered without gaps, so that who
 * asks for what came after a certain one misses nothing, whatever the clock does; the newest one is always kept, for the numbers to go on from.
 */

/** A record as it is stored; what the client named and sent is sealed. Times are milliseconds since 1970. */
interface AuditFacts {
  readonly time: number;
  readonly requestId: string;
  readonly operation: Operation;
  readonly path: string;
  readonly accessor: string;
  readonly displayName: string;
  readonly policies: readonly string[];
  readonly tokenType: string;
  readonly code: Outcome['code'];
  readonly version?: number | undefined;
  /** What the rest is sealed under. */
  readonly sealedId: string;
}

const SEALED_FOR = 'audit log';
const KEY = /^x\/l\/([0-9a-f]{12})\/([0-9a-f]{12})$/;

/** The hashed parameters, sealed: their names may be secret too. */
export async function sealInput(keys: Keys, sealedId: string, input: string): Promise<Uint8Array> {
  return keys.sealer.seal(new TextEncoder().encode(input), { mountId: SEALED_FOR, recordId: sealedId });
}

/** Appends a record. Its number is the next one, whoever else appends: they do it in transactions of their own. */
export async function appendRecord(tx: ReadTx, facts: AuditFacts, sealedInput: Uint8Array): Promise<Write[]> {
  const [last] = await tx.scanKeys({ ...below(auditLogPrefix), reverse: true, limit: 1 });
  const number = last === undefined ? 1 : numberOf(last) + 1;
  return [putRecord(`${auditLogPrefix}${sortable(number)}/${sortable(facts.time)}`, facts, sealedInput)];
}

/** A record as read from the store. */
export interface AuditEntry {
  /** Sorts as the records do. */
  readonly id: string;
  readonly facts: AuditFacts;
  readonly sealed: Uint8Array;
}

export interface AuditPage {
  /** The id of a record, or any text: what comes after it. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export async function loadRecords(tx: ReadTx, { after, limit }: AuditPage): Promise<readonly AuditEntry[]> {
  const { from, to } = below(auditLogPrefix);
  const start = after === undefined || after === '' ? from : `${auditLogPrefix}${after}0`; // `0` is the character after `/`
  const entries = await tx.scan({ from: start, to, limit });
  return entries.map(({ key, value }) => ({ id: idOf(key), ...readRecord<AuditFacts>(value) }));
}

export async function loadRecord(tx: ReadTx, id: string): Promise<AuditEntry | undefined> {
  if (!/^[0-9a-f]{12}$/.test(id)) return undefined;
  const [entry] = await tx.scan({ ...below(`${auditLogPrefix}${id}/`), limit: 1 });
  return entry && { id, ...readRecord<AuditFacts>(entry.value) };
}

/** A record as it is told, in the words of OpenBao's audit devices. */
export async function recordOut(keys: Keys, { id, facts, sealed }: AuditEntry): Promise<Out> {
  const { time, requestId, operation, path, accessor, displayName, policies, tokenType, code, version, sealedId } = facts;
  const input = new TextDecoder().decode(await keys.sealer.open(sealed, { mountId: SEALED_FOR, recordId: sealedId }));
  return {
    id,
    time: formatTime(time),
    auth: { accessor, display_name: displayName, policies, token_type: tokenType },
    request: { id: requestId, operation, path, data: new ExactJson(input as JsonText) },
    outcome: { code, ...(version !== undefined && { version }) },
  };
}

/** The writes that remove up to `limit` records which are too old or too many, the oldest first and never the newest one; none if there are none. */
export async function sweepAudit(tx: ReadTx, now: number, limit: number): Promise<Write[]> {
  const device = await loadAuditDevice(tx);
  const range = below(auditLogPrefix);
  const [newest] = await tx.scanKeys({ ...range, reverse: true, limit: 1 });
  if (device === undefined || newest === undefined) return [];
  const tooMany = numberOf(newest) - device.keepRecords;
  const tooOld = now - device.keepSeconds * 1000;
  const oldest = await tx.scanKeys({ ...range, limit });
  const firstKept = oldest.findIndex((key) => key === newest || (numberOf(key) > tooMany && timeOf(key) > tooOld));
  const removed = firstKept < 0 ? oldest : oldest.slice(0, firstKept);
  if (removed.length === 0) return [];
  return [{ kind: 'deleteRange', from: range.from, to: `${removed.at(-1)!}\0` }];
}

/** When {@link sweepAudit} has something to remove, in milliseconds since 1970; undefined if that is not in sight. */
export async function nextAuditDue(tx: ReadTx, now: number): Promise<number | undefined> {
  if ((await sweepAudit(tx, now, 1)).length > 0) return now;
  const device = await loadAuditDevice(tx);
  const [oldest, next] = await tx.scanKeys({ ...below(auditLogPrefix), limit: 2 });
  // The newest one is kept, however old.
  return device === undefined || oldest === undefined || next === undefined ? undefined : timeOf(oldest) + device.keepSeconds * 1000;
}

/** Whether it is time to look if there are too many records: at every thousandth. */
export function isManyth(key: StoreKey): boolean {
  return key.startsWith(auditLogPrefix) && numberOf(key) % 1000 === 0;
}

/** Every record has a number and a time, and no number is left out or there twice. */
export const auditRecords: StoreOwner = { prefix: auditLogPrefix, check: checkAuditLog };

async function checkAuditLog(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const problems: StoreProblem[] = [];
  let last: number | undefined;
  for (const key of await tx.scanKeys(below(auditLogPrefix))) {
    if (!KEY.test(key)) problems.push({ kind: 'orphan', key, detail: 'is of no known kind' });
    else if (last !== undefined && numberOf(key) !== last + 1) problems.push({ kind: 'inconsistent', key, detail: `follows on record ${last}` });
    if (KEY.test(key)) last = numberOf(key);
  }
  return problems;
}

const idOf = (key: string): string => KEY.exec(key)?.[1] ?? key.slice(auditLogPrefix.length);
const numberOf = (key: string): number => Number.parseInt(KEY.exec(key)?.[1] ?? '0', 16);
const timeOf = (key: string): number => Number.parseInt(KEY.exec(key)?.[2] ?? '0', 16);
