import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseTree } from '@sealkv/core/json';
import { readRequest } from '@sealkv/http';
import { startServer } from '@sealkv/server';
import { expect, test } from 'vitest';
import { Wire } from '../server/wire.ts';
import { Harness, ROOT } from './harness.ts';

const FULL = 'the storage is full; nothing was done';
const MIB = 1024 * 1024;

/** A body of `mebibytes`, of which it is known how many chunks of 64 KiB were asked for. */
function countedBody(mebibytes: number): { readonly stream: ReadableStream<Uint8Array>; readonly taken: () => number } {
  let chunks = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (++chunks > mebibytes * 16) controller.close();
        else controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, taken: () => chunks };
}

function post(path: string, stream: ReadableStream<Uint8Array>, headers: Record<string, string>): Request {
  return new Request(`https://vault.example/v1/${path}`, { method: 'POST', body: stream, headers, duplex: 'half' } as RequestInit);
}

test('no byte of a body is read for who has no token', async () => {
  const { stream, taken } = countedBody(32);
  const request = await readRequest(post('secret/data/a', stream, {}));
  expect([request.body, taken()]).toEqual([new Uint8Array(), 0]);
});

test('a body that says it is too large is not read, and one that does not say so is read up to the limit', async () => {
  const told = countedBody(32);
  const announced = await readRequest(post('secret/data/a', told.stream, { 'X-Vault-Token': ROOT, 'Content-Length': String(32 * MIB) }));
  expect([announced.body, told.taken()]).toEqual(['too large', 0]);
  const untold = countedBody(32);
  const streamed = await readRequest(post('secret/data/a', untold.stream, { 'X-Vault-Token': ROOT }));
  expect([streamed.body, untold.taken()]).toEqual(['too large', 4 * 16 + 1]);
});

test('a body that is too large is told only to who has a valid token', async () => {
  const { api } = new Harness();
  const head = { method: 'POST', target: '/v1/secret/data/a', body: 'too large' } as const;
  const answers = await Promise.all(['nonsense', ROOT].map((token) => api.handle({ ...head, headers: [['x-vault-token', token]] })));
  expect(answers.map(({ status }) => status)).toEqual([403, 413]);
});

test.each([
  ['nested too deep', `{"data":${'['.repeat(500)}${']'.repeat(500)}}`, 'failed to decode JSON input: nested more than 500 deep'],
  ['too many values', `{"data":{"a":[${'{},'.repeat(20_000)}{}]}}`, 'failed to decode JSON input: more than 20000 values'],
  ['too many scalars', `{"data":{"a":[${'1,'.repeat(20_000)}1]}}`, 'failed to decode JSON input: more than 20000 values'],
  [
    'too many members',
    `{"data":{${Array.from({ length: 20_000 }, (_, i) => `"${i}":1`).join()}}}`,
    'failed to decode JSON input: more than 20000 values',
  ],
  ['4 MiB of brackets', '['.repeat(4 * MIB), 'failed to decode JSON input: nested more than 500 deep'],
])('JSON that is %s is refused', async (_, body, message) => {
  const { status, json } = await new Harness().send('POST', 'secret/data/a', { body });
  expect(status).toBe(400);
  expect(json.errors[0]).toContain(message);
});

test('what a body takes up in memory is bounded by four times its length and a few mebibytes', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapOf = (text: string): number => {
    collect();
    const before = process.memoryUsage().heapUsed;
    const tree = parseTree(text, { maxBytes: Infinity, maxDepth: 500, maxValues: 20_000 });
    collect();
    const after = process.memoryUsage().heapUsed;
    expect(tree).toBeDefined();
    return after - before;
  };
  const worst = {
    'empty objects': `[${'{},'.repeat(19_990)}{}]`,
    'objects of one': `[${'{"a":1},'.repeat(9_990)}{}]`,
    'empty arrays': `[${'[],'.repeat(19_990)}[]]`,
    members: `{${Array.from({ length: 19_990 }, (_, i) => `"${i}":0`).join()}}`,
    'escaped names': `{${Array.from({ length: 19_990 }, (_, i) => `"\\u0041${'x'.repeat(180)}${i}":0`).join()}}`,
    'long texts': `[${Array.from({ length: 40 }, () => `"中${'x'.repeat(100_000)}"`).join()}]`,
  };
  for (const [kind, text] of Object.entries(worst)) expect(heapOf(text), kind).toBeLessThan(4 * text.length + 4 * MIB);
});

test('once the storage is nearly full nothing more is taken in, while removing goes on', async () => {
  const harness = new Harness();
  const patch = { 'content-type': 'application/merge-patch+json' };
  const write = { body: { data: { a: 1 } } };
  await harness.send('POST', 'secret/data/a', write);
  await harness.send('POST', 'secret/data/b', write);
  await harness.send('POST', 'sys/mounts/kv1', { body: { type: 'kv' } });
  const token = await harness.tokenWith('path "secret/data/*" { capabilities = ["read"] }');
  harness.isFull = true;
  for (const [method, path, options = {}] of [
    ['POST', 'secret/data/a', write],
    ['PATCH', 'secret/data/a', { ...write, headers: patch }],
    ['POST', 'secret/metadata/c', { body: { max_versions: 3 } }],
    ['PATCH', 'secret/metadata/a', { body: { max_versions: 3 }, headers: patch }],
    ['POST', 'secret/atomic', { body: { operations: [{ operation: 'put', path: 'c', data: {} }] } }],
    ['POST', 'kv1/a', { body: { a: 1 } }],
    ['POST', 'sys/mounts/more', { body: { type: 'kv' } }],
    ['POST', 'sys/policies/acl/more', { body: { policy: 'path "a" { capabilities = ["read"] }' } }],
    ['POST', 'auth/token/create', { body: {} }],
    ['POST', 'cubbyhole/a', { body: { a: 1 } }],
    ['GET', 'secret/data/a', { headers: { 'x-vault-wrap-ttl': '60' } }],
    ['POST', 'sys/wrapping/wrap', { body: { a: 1 }, headers: { 'x-vault-wrap-ttl': '60' } }],
  ] as const) {
    const { status, json } = await harness.send(method, path, options);
    expect([status, json?.errors], `${method} ${path}`).toEqual([507, [FULL]]);
  }
  for (const [method, path, body, expected] of [
    ['GET', 'secret/data/a', undefined, 200],
    ['POST', 'secret/delete/a', { versions: [1] }, 204],
    ['POST', 'secret/undelete/a', { versions: [1] }, 204],
    ['DELETE', 'secret/data/a', undefined, 204],
    ['POST', 'secret/destroy/a', { versions: [1] }, 204],
    ['POST', 'secret/atomic', { operations: [{ operation: 'delete', path: 'b' }] }, 200],
    ['DELETE', 'secret/metadata/a', undefined, 204],
    ['DELETE', 'sys/policies/acl/policy-0', undefined, 204],
    ['POST', 'auth/token/revoke', { token }, 204],
    ['DELETE', 'sys/mounts/kv1', undefined, 204],
    ['DELETE', 'cubbyhole/a', undefined, 204],
  ] as const)
    expect((await harness.send(method, path, { body })).status, `${method} ${path}`).toBe(expected);
  harness.isFull = false;
  expect((await harness.send('POST', 'secret/data/a', write)).status).toBe(200);
});

test('who may not write is told that, full or not; and both are recorded', async () => {
  const harness = new Harness();
  await harness.send('POST', 'sys/audit/log', { body: { type: 'store' } });
  const token = await harness.tokenWith('path "secret/data/a" { capabilities = ["create"] }');
  harness.isFull = true;
  const statuses = [];
  for (const path of ['secret/data/a', 'secret/data/b']) statuses.push((await harness.send('POST', path, { token, body: { data: {} } })).status);
  expect(statuses).toEqual([507, 403]);
  const { body } = await harness.send('GET', 'sys/audit-log/export');
  expect(body.split('\n').flatMap((line) => (line.includes('secret/data/') ? [JSON.parse(line).outcome.code] : []))).toEqual([
    'QUOTA_EXCEEDED',
    'ACCESS_DENIED',
  ]);
});

test('every answer says that it is not to be stored or guessed at, those of the front too', async () => {
  await using server = await startServer();
  const { port } = new URL(server.url);
  for (const request of [
    'GET /v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /v1/secret/data/a HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /v1/secret/../a HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET nonsense\r\n\r\n',
    'POST /v1/secret/data/a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n',
    `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  ]) {
    using wire = await Wire.open(Number(port));
    await wire.send(request);
    const { headers } = await wire.answer();
    expect([headers.get('cache-control'), headers.get('x-content-type-options')], request.slice(0, 60)).toEqual(['no-store', 'nosniff']);
  }
});
