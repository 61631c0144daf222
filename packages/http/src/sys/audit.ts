import type { ReadTx } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import type { AuditDevice } from '../audit/audit-device.ts';
import { DEFAULT_KEEP_RECORDS, DEFAULT_KEEP_SECONDS, loadAuditDevice, MAX_KEEP_RECORDS, putAuditDevice } from '../audit/audit-device.ts';
import { hashOf } from '../audit/hashed.ts';
import { decodeInt, FieldProblem } from '../fields.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { parseDuration } from '../time.ts';

/** `sys/audit`: where requests are recorded. */
export const auditDevices: Route = route({
  pattern: 'audit',
  about: 'Where requests are recorded: nowhere, or in the audit log of the namespace.',
  injected: true,
  needsSudo: true,
  fields: {},
  operations: {
    async read({ store }) {
      const device = await store.read(loadOn);
      if (device === undefined) return data({});
      const { path, description, keepSeconds, keepRecords } = device;
      const options = { keep_records: String(keepRecords), keep_seconds: String(keepSeconds) };
      return data({ [path]: { description, local: false, options, path, type: 'store' } });
    },
  },
});

/** `sys/audit/:path`: switches the audit log on, with the transaction that says so, and off. */
export const auditDevice: Route = route({
  pattern: 'audit/:path+',
  about: 'Switches the audit log on and off, or changes what it keeps. There is one device at most.',
  needsSudo: true,
  fields: {
    type: { type: 'string', about: '`store`: the storage of the namespace itself.' },
    description: { type: 'string', about: 'For people.' },
    options: { type: 'texts', about: '`keep_seconds` (or a duration; 90 days by default) and `keep_records` (100,000 by default).' },
    local: { type: 'bool', about: 'Of no effect here.' },
  },
  operations: {
    async update({ store, params, values }) {
      const path = devicePath(params);
      if (values.type !== 'store') throw badRequest(`unknown backend type: ${JSON.stringify(values.type ?? '')}`);
      const device = { path, description: values.description ?? '', isOn: true, ...retentionOf(values.options) };
      await store.write(async (tx) => {
        const existing = await loadOn(tx);
        if (existing !== undefined && existing.path !== path) throw badRequest(`there is one audit device at most, and it is ${existing.path}`);
        return { result: undefined, writes: [putAuditDevice(device)] };
      });
      return undefined;
    },

    async delete({ store, params }) {
      await store.write(async (tx) => {
        const device = await loadOn(tx);
        return { result: undefined, writes: device?.path === devicePath(params) ? [putAuditDevice({ ...device, isOn: false })] : [] };
      });
      return undefined;
    },
  },
});

/** `sys/audit-hash/:path`: what stands for a text in the records, to look for it. */
export const auditHash: Route = route({
  pattern: 'audit-hash/:path+',
  about: 'What stands for a text in the records of an audit device.',
  fields: { input: { type: 'string', about: 'The text.' } },
  operations: {
    async update({ services, store, params, values }) {
      if (!values.input) throw badRequest('the "input" parameter is empty');
      const path = devicePath(params);
      const hash = await hashOf(services.keys, values.input);
      const device = await store.read(loadOn);
      if (device?.path !== path) throw badRequest(`unknown audit backend ${JSON.stringify(path)}`);
      return data({ hash });
    },
  },
});

async function loadOn(tx: ReadTx): Promise<AuditDevice | undefined> {
  const device = await loadAuditDevice(tx);
  return device?.isOn ? device : undefined;
}

function devicePath(params: Readonly<Record<string, string>>): string {
  return params['path']!.replace(/\/?$/, '/');
}

/** @throws ApiError 400 */
function retentionOf(options: ReadonlyMap<string, string> = new Map()): Pick<AuditDevice, 'keepSeconds' | 'keepRecords'> {
  const unknown = [...options.keys()].filter((name) => name !== 'keep_seconds' && name !== 'keep_records');
  if (unknown.length > 0) throw badRequest(`unknown options: ${unknown.sort().join(', ')}`);
  const keepSeconds = parseDuration(options.get('keep_seconds') ?? String(DEFAULT_KEEP_SECONDS));
  if (keepSeconds === undefined || keepSeconds < 1) throw badRequest('keep_seconds must be a duration of at least a second');
  const keepRecords = wholeNumber(options.get('keep_records') ?? String(DEFAULT_KEEP_RECORDS));
  if (keepRecords === undefined || keepRecords < 1 || keepRecords > MAX_KEEP_RECORDS)
    throw badRequest(`keep_records must be between 1 and ${MAX_KEEP_RECORDS}`);
  return { keepSeconds, keepRecords };
}

function wholeNumber(text: string): number | undefined {
  try {
    return decodeInt(JSON.stringify(text));
  } catch (error) {
    if (error instanceof FieldProblem) return undefined;
    throw error;
  }
}
