import type { KvStore, Write } from '@sealkv/core';
import { memoryStore } from '@sealkv/core/memory';
import { expect, test } from 'vitest';
import { sweepAudit } from '../../packages/http/src/audit/audit-log.ts';
import { Harness } from './harness.ts';

interface Record {
  readonly id: string;
  readonly time: string;
  readonly auth: { readonly accessor: string; readonly display_name: string; readonly policies: readonly string[] };
  readonly request: { readonly id: string; readonly operation: string; readonly path: string; readonly data: unknown };
  readonly outcome: { readonly code: string; readonly version?: number };
}

const DEVICE = { type: 'store', description: 'who did what' };

async function auditing(options: object = {}): Promise<Harness> {
  const harness = new Harness();
  expect((await harness.send('POST', 'sys/audit/log', { body: { ...DEVICE, options } })).status).toBe(204);
  return harness;
}

/** All records, except of requests for records. */
async function records(harness: Harness): Promise<readonly Record[]> {
  const { status, headers, body } = await harness.send('GET', 'sys/audit-log/export');
  expect([status, headers['Content-Type']]).toEqual([200, 'application/x-ndjson']);
  const all = body.split('\n').flatMap((line): Record[] => (line === '' ? [] : [JSON.parse(line) as Record]));
  return all.filter(({ request }) => !request.path.startsWith('sys/audit-log'));
}

const summary = ({ request, outcome }: Record): string => `${request.operation} ${request.path} ${outcome.code} ${outcome.version ?? '-'}`;

test('nothing is recorded until a device is there, and everything from then on', async () => {
  const harness = new Harness();
  await harness.send('GET', 'secret/data/a');
  expect((await harness.send('GET', 'sys/audit')).json.data).toEqual({});
  await harness.send('POST', 'sys/audit/log', { body: DEVICE });
  expect((await harness.send('GET', 'sys/audit')).json.data).toEqual({
    'log/': {
      description: 'who did what',
      local: false,
      options: { keep_records: '100000', keep_seconds: '7776000' },
      path: 'log/',
      type: 'store',
    },
  });
  await harness.send('GET', 'secret/data/a');
  await harness.send('DELETE', 'sys/audit/log');
  await harness.send('GET', 'secret/data/a');
  expect((await records(harness)).map(summary)).toEqual(['read sys/audit ok -', 'read secret/data/a missing -', 'delete sys/audit/log ok -']);
});

test('every request has one record, with what became of it: changes, reads and refusals of every kind', async () => {
  const harness = await auditing();
  const token = await harness.tokenWith('path "secret/data/*" { capabilities = ["create", "read"] }');
  const before = (await records(harness)).length;
  const put = { data: { a: 1 } };
  const patch = { 'content-type': 'application/merge-patch+json' };
  for (const [method, path, options = {}] of [
    ['POST', 'secret/data/a', { body: put }],
    ['GET', 'secret/data/a'],
    ['POST', 'secret/data/a', { body: { ...put, options: { cas: 7 } } }],
    ['PATCH', 'secret/data/a', { body: { data: { b: 1 } }, headers: patch }],
    ['GET', 'secret/data/a?version=9'],
    ['DELETE', 'secret/data/a'],
    ['GET', 'secret/data/a'],
    ['PATCH', 'secret/data/a', { body: { data: { b: 1 } }, headers: patch }],
    ['LIST', 'secret/metadata/'],
    ['SCAN', 'secret/metadata/'],
    ['GET', 'secret/subkeys/a?version=1'],
    ['POST', 'secret/data/a', { body: '{' }],
    ['POST', 'secret/data/a', { body: {} }],
    ['POST', 'secret/data/a/', { body: put }],
    ['GET', 'nowhere/a'],
    ['GET', 'sys/nothing'],
    ['PATCH', 'secret/config', { body: {}, headers: patch }],
    ['HEAD', 'secret/data/a'],
    ['POST', 'secret/data/b', { token, body: put }],
    ['POST', 'secret/data/b', { token, body: put }],
    ['DELETE', 'secret/data/b', { token }],
    ['LIST', 'secret/metadata/', { token }],
    ['GET', 'auth/token/lookup-self', { token }],
    ['POST', 'secret/atomic', { body: { operations: [{ operation: 'put', path: 'c', data: {} }] } }],
    ['DELETE', 'secret/metadata/a'],
  ] as const)
    await harness.send(method, path, options);
  expect((await records(harness)).slice(before).map(summary)).toEqual([
    'update secret/data/a ok 1',
    'read secret/data/a ok 1',
    'update secret/data/a CAS_MISMATCH -',
    'patch secret/data/a ok 2',
    'read secret/data/a missing -',
    'delete secret/data/a ok -',
    'read secret/data/a deleted 2',
    'patch secret/data/a missing -',
    'list secret/metadata/ ok -',
    'scan secret/metadata/ ok -',
    'read secret/subkeys/a ok 1',
    'update secret/data/a REFUSED -',
    'update secret/data/a REFUSED -',
    'update secret/data/a/ REFUSED -',
    'read nowhere/a REFUSED -',
    'read sys/nothing REFUSED -',
    'patch secret/config REFUSED -',
    'head secret/data/a REFUSED -',
    'update secret/data/b ok 1',
    'update secret/data/b ACCESS_DENIED -',
    'delete secret/data/b ACCESS_DENIED -',
    'list secret/metadata/ ACCESS_DENIED -',
    'read auth/token/lookup-self ok -',
    'update secret/atomic ok 1',
    'delete secret/metadata/a ok -',
  ]);
});

test('who has no valid token leaves no record', async () => {
  const harness = await auditing();
  const writes = harness.writes;
  for (const token of ['', 'nonsense', null]) expect((await harness.send('GET', 'secret/data/a', { token })).status).toBe(403);
  expect(harness.writes).toBe(writes);
  expect(await records(harness)).toEqual([]);
});

test('a record names the request, the token by its accessor, and the policies', async () => {
  const harness = await auditing();
  const token = await harness.tokenWith('path "secret/data/*" { capabilities = ["read"] }', { display_name: 'ci' });
  const { accessor } = (await harness.send('GET', 'auth/token/lookup-self', { token })).json.data;
  harness.advance(1.5);
  const { json } = await harness.send('POST', 'sys/capabilities-self', { token, body: { paths: ['a'] } });
  expect((await records(harness)).at(-1)).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{12}$/),
    time: '2026-11-25T12:00:01.5Z',
    auth: { accessor, display_name: 'token-ci', policies: ['default', 'policy-0'], token_type: 'service' },
    request: {
      id: json.request_id,
      operation: 'update',
      path: 'sys/capabilities-self',
      data: { paths: [expect.stringMatching(/^hmac-sha256:[\w-]{43}$/)] },
    },
    outcome: { code: 'ok' },
  });
});

test('no value of a request is in a record or anywhere in the store, nor is a token; who knows a value can find it by its hash', async () => {
  const harness = await auditing();
  const canary = 'canary-7f3a';
  const token = await harness.tokenWith('path "secret/*" { capabilities = ["create", "update", "read"] }');
  const body = { data: { [`name-${canary}`]: canary, list: [{ deep: `${canary}-deep` }], pin: 481_516_234_2, yes: true, no: null } };
  await harness.send('POST', 'secret/data/a', { token, body });
  await harness.send('POST', 'secret/data/a', { token, body: { data: canary } });
  await harness.send('POST', 'secret/data/a', { token, body: { ...body, options: { cas: canary } } });
  await harness.send('GET', `secret/data/a?x=${canary}`, { token });
  await harness.send('POST', 'auth/token/lookup', { body: { token } });
  const kept = await records(harness);
  const told = JSON.stringify(kept).replaceAll(`name-${canary}`, '');
  expect(told).not.toMatch(new RegExp(`${canary}|4815162342|${token.slice(2)}`));
  const stored = await harness.memory.read((tx) => tx.scan({ from: 'x/l/', to: 'x/l0' }));
  const bytes = stored.map(({ value }) => new TextDecoder().decode(value)).join('\n');
  expect(bytes).not.toMatch(new RegExp(`${canary}|4815162342|${token.slice(2)}`));
  const { hash } = (await harness.send('POST', 'sys/audit-hash/log', { body: { input: canary } })).json.data;
  expect(kept.find(({ outcome }) => outcome.version === 1)?.request.data).toEqual({
    data: {
      [`name-${canary}`]: hash,
      list: [{ deep: expect.stringMatching(/^hmac-sha256:/) }],
      pin: expect.stringMatching(/^hmac-sha256:/),
      yes: true,
      no: null,
    },
  });
});

test('of a large request the whole is hashed, so that a record stays small', async () => {
  const harness = await auditing();
  await harness.send('POST', 'secret/data/a', { body: { data: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`member${i}`, 'x'])) } });
  expect((await records(harness)).at(-1)?.request.data).toEqual({ '': expect.stringMatching(/^hmac-sha256:[\w-]{43}$/) });
  await harness.send('GET', `secret/data/${'long/'.repeat(2000)}x`);
  const sizes = await harness.memory.read((tx) => tx.scan({ from: 'x/l/', to: 'x/l0' }));
  expect(Math.max(...sizes.map(({ value }) => value.length))).toBeLessThan(8000);
});

test('the record lies in the transaction that decides: both or neither', async () => {
  const harness = await auditing();
  harness.failWrite(1);
  expect((await harness.send('POST', 'secret/data/a', { body: { data: { a: 1 } } })).status).toBe(503);
  expect((await harness.send('GET', 'secret/data/a')).status).toBe(404);
  // What failed is recorded as that, once storing works again: it was refused by the storage, and nothing was done.
  expect((await records(harness)).map(summary)).toEqual(['update secret/data/a FAILED -', 'read secret/data/a missing -']);
  harness.failWrite(1, 'COMMIT_UNKNOWN');
  expect((await harness.send('POST', 'secret/data/a', { body: { data: { a: 1 } } })).status).toBe(503);
  expect((await records(harness)).map(summary).slice(2)).toEqual(['update secret/data/a ok 1']);
});

test('a request makes one transaction that writes, whether it reads or writes', async () => {
  const harness = await auditing();
  for (const [method, path, body] of [
    ['POST', 'secret/data/a', { data: {} }],
    ['GET', 'secret/data/a', undefined],
    ['LIST', 'secret/metadata/', undefined],
    ['DELETE', 'secret/metadata/a', undefined],
    ['GET', 'nowhere/a', undefined],
  ] as const) {
    const before = harness.writes;
    await harness.send(method, path, { body });
    expect(harness.writes - before).toBe(1);
  }
});

test('requests side by side have records with numbers of their own, in the order of what they did', async () => {
  const harness = await auditing();
  await Promise.all(Array.from({ length: 40 }, (_, i) => harness.send('POST', 'secret/data/a', { body: { data: { i } } })));
  const kept = await records(harness);
  expect(kept.map(({ outcome }) => outcome.version)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
});

test('changes that collide and are tried again have one record each', async () => {
  const harness = await auditing();
  await harness.send('POST', 'secret/data/a', { body: { data: {} } });
  const headers = { 'content-type': 'application/merge-patch+json' };
  const before = harness.writes;
  // Each put comes between what a patch has read and its commit.
  const changes = Array.from({ length: 10 }, (_, i) => [
    harness.send('PATCH', 'secret/data/a', { body: { data: { [`m${i}`]: i } }, headers }),
    harness.send('POST', 'secret/data/a', { body: { data: { i } } }),
  ]).flat();
  expect(new Set((await Promise.all(changes)).map(({ status }) => status))).toEqual(new Set([200]));
  expect(harness.writes - before).toBeGreaterThan(20);
  const kept = (await records(harness)).slice(1);
  expect(kept.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 20 }, (_, i) => ({ code: 'ok', version: i + 2 })));
  expect(new Set(kept.map(({ request }) => request.id)).size).toBe(20);
});

test('a token’s last use and its record are one, and a use is taken off once', async () => {
  const harness = await auditing();
  const token = await harness.tokenWith('path "secret/*" { capabilities = ["read", "list"] }', { num_uses: 2 });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await harness.send('GET', 'secret/data/a', { token })).status);
  expect(statuses).toEqual([404, 404, 403]);
  expect((await records(harness)).filter(({ auth }) => auth.policies.includes('policy-0')).map(summary)).toEqual([
    'read secret/data/a missing -',
    'read secret/data/a missing -',
  ]);
});

test.each([
  ['GET', undefined],
  ['POST', { data: {} }],
  ['POST', {}],
])('where recording is switched on while a request is under way, it has its record all the same: %s %j', async (method, body) => {
  const memory = memoryStore();
  const template = await auditing();
  const device = await template.memory.read((tx) => tx.get('x/g/audit'));
  let isArmed = false;
  const between: KvStore = {
    ...memory,
    async read(work, options) {
      const result = await memory.read(work, options);
      if (isArmed) {
        isArmed = false;
        await memory.write(async () => ({ result: undefined, writes: [{ kind: 'put', key: 'x/g/audit', value: device! }] }));
      }
      return result;
    },
    write: (work, options) => memory.write(work, options),
  };
  const harness = new Harness({ store: between });
  await harness.send('GET', 'secret/data/a');
  isArmed = true;
  await harness.send(method, 'secret/data/a', { body });
  expect((await records(harness)).map(({ request }) => request.path)).toEqual(['secret/data/a']);
});

test('a login has one record, by the token that it made', async () => {
  const harness = await auditing();
  await harness.send('POST', 'sys/auth/userpass', { body: { type: 'userpass' } });
  await harness.send('POST', 'auth/userpass/users/ada', { body: { password: 'lovelace-1815' } });
  const before = (await records(harness)).length;
  const failed = await harness.send('POST', 'auth/userpass/login/ada', { token: null, body: { password: 'wrong' } });
  expect(failed.status).toBe(400);
  const { json } = await harness.send('POST', 'auth/userpass/login/ada', { token: null, body: { password: 'lovelace-1815' } });
  const [record, ...more] = (await records(harness)).slice(before);
  expect(more).toEqual([]);
  expect(record).toMatchObject({
    auth: { accessor: json.auth.accessor, display_name: 'userpass-ada' },
    request: { id: json.request_id, path: 'auth/userpass/login/ada', data: { password: expect.stringMatching(/^hmac-sha256:/) } },
    outcome: { code: 'ok' },
  });
});

test('the log is read by pages, oldest first, and nothing is missed between them', async () => {
  const harness = await auditing();
  for (let i = 0; i < 7; i++) await harness.send('GET', `secret/data/a${i}`);
  const { keys, key_info: info } = (await harness.send('LIST', 'sys/audit-log?limit=3')).json.data;
  expect(keys).toEqual(['000000000001', '000000000002', '000000000003']);
  expect(info['000000000002'].request.path).toBe('secret/data/a1');
  const rest = (await harness.send('GET', `sys/audit-log?after=${keys[2]}`)).json.data.keys;
  expect(rest).toEqual(['000000000004', '000000000005', '000000000006', '000000000007', '000000000008']);
  expect((await harness.send('GET', 'sys/audit-log/000000000001')).json.data).toEqual(info['000000000001']);
  expect((await harness.send('GET', 'sys/audit-log/nothing')).status).toBe(404);
  expect((await harness.send('LIST', 'sys/audit-log?after=ffffffffffff')).status).toBe(404);
  const lines = (await harness.send('GET', 'sys/audit-log/export?after=000000000001&limit=2')).body.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).id)).toEqual(['000000000002', '000000000003']);
  expect((await harness.send('GET', 'sys/audit-log/export?after=ffffffffffff')).body).toBe('');
});

test('records are kept by age and by number, removed from the oldest on in bounded steps, and the newest stays for the numbers to go on', async () => {
  const harness = await auditing({ keep_seconds: '1h', keep_records: '5' });
  const sweep = async (limit: number): Promise<readonly Write[]> =>
    harness.memory.write(async (tx) => {
      const writes = await sweepAudit(tx, harness.now, limit);
      return { result: writes, writes };
    });
  const ids = async (): Promise<number[]> =>
    (await harness.memory.read((tx) => tx.scanKeys({ from: 'x/l/', to: 'x/l0' }))).map((key) => Number.parseInt(key.slice(4, 16), 16));
  for (let i = 0; i < 9; i++) await harness.send('GET', 'secret/data/a');
  await sweep(3);
  expect(await ids()).toEqual([4, 5, 6, 7, 8, 9]);
  await sweep(3);
  expect(await ids()).toEqual([5, 6, 7, 8, 9]);
  expect(await sweep(3)).toEqual([]);
  harness.advance(3601);
  await sweep(100);
  expect(await ids()).toEqual([9]);
  await harness.send('GET', 'secret/data/a');
  expect(await ids()).toEqual([9, 10]);
});

test('the log and its switch take sudo', async () => {
  const harness = await auditing();
  const plain = await harness.tokenWith('path "sys/*" { capabilities = ["read", "list", "update", "delete"] }');
  const paths = [
    ['GET', 'sys/audit'],
    ['POST', 'sys/audit/log'],
    ['DELETE', 'sys/audit/log'],
    ['LIST', 'sys/audit-log'],
    ['GET', 'sys/audit-log'],
    ['GET', 'sys/audit-log/000000000001'],
    ['GET', 'sys/audit-log/export'],
  ] as const;
  for (const [method, path] of paths)
    expect((await harness.send(method, path, { token: plain, body: DEVICE })).status, `${method} ${path}`).toBe(403);
  const reader = await harness.tokenWith('path "sys/audit-log/export" { capabilities = ["read", "sudo"] }');
  expect((await harness.send('GET', 'sys/audit-log/export', { token: reader })).status).toBe(200);
});

test.each([
  [{ type: 'file' }, 'unknown backend type: "file"'],
  [{}, 'unknown backend type: ""'],
  [{ type: 'store', options: { keep_seconds: 'soon' } }, 'keep_seconds must be a duration of at least a second'],
  [{ type: 'store', options: { keep_records: '0' } }, 'keep_records must be between 1 and 10000000'],
  [{ type: 'store', options: { log_raw: 'true' } }, 'unknown options: log_raw'],
])('a device %j is refused', async (body, message) => {
  const { status, json } = await new Harness().send('POST', 'sys/audit/log', { body });
  expect([status, json.errors]).toEqual([400, [message]]);
});

test('there is one device; what it keeps can be changed without a gap', async () => {
  const harness = await auditing();
  expect((await harness.send('POST', 'sys/audit/other', { body: DEVICE })).json.errors).toEqual([
    'there is one audit device at most, and it is log/',
  ]);
  expect((await harness.send('POST', 'sys/audit/log', { body: { ...DEVICE, options: { keep_records: '10' } } })).status).toBe(204);
  expect((await harness.send('GET', 'sys/audit')).json.data['log/'].options.keep_records).toBe('10');
  expect((await harness.send('POST', 'sys/audit-hash/other', { body: { input: 'x' } })).json.errors).toEqual(['unknown audit backend "other/"']);
  expect((await records(harness)).map(summary)).toEqual([
    'update sys/audit/other REFUSED -',
    'update sys/audit/log ok -',
    'read sys/audit ok -',
    'update sys/audit-hash/other REFUSED -',
  ]);
});
