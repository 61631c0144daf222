import type { ReadTx } from '@sealkv/core';
import type { AuditEntry, AuditPage } from '../audit/audit-log.ts';
import { loadRecord, loadRecords, recordOut } from '../audit/audit-log.ts';
import { printOut } from '../json-out.ts';
import type { Reply } from '../reply.ts';
import { data, text } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { route } from '../route.ts';

const pageFields = {
  after: { type: 'string', about: 'The id of a record: only those that came after it.' },
  limit: { type: 'int', about: 'How many records, at most 1000; 100 by default, for an export 1000.' },
} as const;

const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 100;
// An answer has 10 MiB at most.
const MAX_EXPORT_LENGTH = 8 * 1024 * 1024;
const BATCH = 100;

/** `sys/audit-log`: the records, oldest first. */
export const auditLog: Route = route({
  pattern: 'audit-log/?',
  about: 'The records of requests, oldest first, by pages.',
  needsSudo: true,
  fields: pageFields,
  operations: { read: list, list },
});

/** `sys/audit-log/:id`: one record. */
export const auditRecord: Route = route({
  pattern: 'audit-log/:id',
  about: 'One record of a request.',
  needsSudo: true,
  fields: {},
  operations: {
    async read({ services, store, params }) {
      const entry = await store.read((tx) => loadRecord(tx, params['id']!));
      return entry && data(await recordOut(services.keys, entry));
    },
  },
});

/** `sys/audit-log/export`: the records as JSON lines. Who wants them all asks again, after the last id, until nothing comes. */
export const auditExport: Route = route({
  pattern: 'audit-log/export',
  about: 'The records of requests as JSON lines, oldest first, by pages of at most 8 MiB. Nothing comes after the last one.',
  needsSudo: true,
  fields: pageFields,
  operations: {
    async read({ services, store, values }) {
      const limit = limitOf(values.limit, MAX_LIMIT);
      const entries = await store.read((tx) => loadUpTo(tx, { after: values.after, limit }));
      const lines = await Promise.all(entries.map(async (entry) => `${printOut(await recordOut(services.keys, entry))}\n`));
      return text('application/x-ndjson', lines.join(''));
    },
  },
});

async function list({ services, store, values }: Call<typeof pageFields>): Promise<Reply> {
  const entries = await store.read((tx) => loadRecords(tx, { after: values.after, limit: limitOf(values.limit, DEFAULT_LIMIT) }));
  if (entries.length === 0) return data({});
  const records = await Promise.all(entries.map(async (entry) => [entry.id, await recordOut(services.keys, entry)] as const));
  return data({ key_info: new Map(records), keys: entries.map(({ id }) => id) });
}

/** Reads by and by, so that never much more is in memory than goes into an answer. */
async function loadUpTo(tx: ReadTx, { after, limit }: AuditPage): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let length = 0; entries.length < limit && length < MAX_EXPORT_LENGTH;) {
    const batch = await loadRecords(tx, { after: entries.at(-1)?.id ?? after, limit: Math.min(BATCH, limit - entries.length) });
    if (batch.length === 0) break;
    entries.push(...batch);
    length = entries.reduce((sum, { facts, sealed }) => sum + JSON.stringify(facts).length + sealed.length, 0);
  }
  return entries;
}

function limitOf(given: number | undefined, otherwise: number): number {
  return given !== undefined && given > 0 ? Math.min(given, MAX_LIMIT) : otherwise;
}
