import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WorkerdRuntime } from '../../packages/server/src/workerd-runtime.ts';
import { openWorkerd } from '../../packages/server/src/workerd-runtime.ts';

// The Worker itself, as on Cloudflare, with a database that is nearly full before long.
const ROOT = 's.root-of-the-edge';
const SOFT_LIMIT = 1_000_000;
let folder: string;
let worker: WorkerdRuntime;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealkv-test-'));
  const variables = { SEALKV_SOFT_LIMIT_BYTES: String(SOFT_LIMIT) };
  worker = await openWorkerd({ dataPath: folder, rootToken: ROOT, sealKey: 'ab'.repeat(32), variables });
});
afterAll(async () => {
  await worker.close();
  rmSync(folder, { recursive: true });
});

interface Sending {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(method: string, path: string, { body, headers = {} }: Sending = {}): Promise<Response> {
  const init = { method, headers: { 'X-Vault-Token': ROOT, ...headers } };
  return fetch(`${worker.url}/v1/${path}`, body === undefined ? init : { ...init, body: JSON.stringify(body) });
}

test('once the database has its soft limit writes are refused, removals and their records go through, and then there is room again', async () => {
  expect((await send('POST', 'sys/audit/log', { body: { type: 'store' } })).status).toBe(204);
  const value = { data: { text: 'x'.repeat(100_000) } };
  let written = 0;
  for (let status = 200; status === 200;) {
    const answer = await send('POST', `secret/data/large/${written}`, { body: value });
    status = answer.status;
    if (status === 200) written++;
    else expect([status, await answer.json()]).toEqual([507, { errors: ['the storage is full; nothing was done'] }]);
  }
  expect(written).toBeGreaterThan(5);
  expect(written * 100_000).toBeLessThan(SOFT_LIMIT + 200_000);
  expect((await send('GET', 'secret/data/large/0')).status).toBe(200);
  for (let i = 0; i < written; i++) expect((await send('DELETE', `secret/metadata/large/${i}`)).status).toBe(204);
  expect((await send('POST', 'secret/data/large/0', { body: value })).status).toBe(200);
  const lines = (await (await send('GET', 'sys/audit-log/export')).text()).trimEnd().split('\n');
  const codes = lines.map((line) => JSON.parse(line).outcome.code as string);
  expect(codes.filter((code) => code === 'QUOTA_EXCEEDED')).toHaveLength(1);
  expect(lines).toHaveLength(written + 1 + 1 + written + 1);
});

test('a wrapped answer, a preflight and a limit work as they do in process', async () => {
  await send('POST', 'secret/data/a', { body: { data: { pin: 1815 } } });
  const { wrap_info: info } = (await (await send('GET', 'secret/data/a', { headers: { 'X-Vault-Wrap-TTL': '60' } })).json()) as {
    wrap_info: { token: string };
  };
  const lookup = await fetch(`${worker.url}/v1/sys/wrapping/lookup`, { method: 'POST', body: JSON.stringify({ token: info.token }) });
  expect([lookup.status, ((await lookup.json()) as { data: object }).data]).toEqual([
    200,
    expect.objectContaining({ creation_path: 'secret/data/a' }),
  ]);
  const unwrap = { headers: { 'X-Vault-Token': info.token } };
  expect(await (await send('POST', 'sys/wrapping/unwrap', unwrap)).json()).toMatchObject({ data: { data: { pin: 1815 } } });
  expect((await send('POST', 'sys/wrapping/unwrap', unwrap)).status).toBe(400);

  await send('PUT', 'sys/config/cors', { body: { allowed_origins: 'https://app.example' } });
  const headers = { Origin: 'https://app.example', 'Access-Control-Request-Method': 'PATCH' };
  const preflight = await fetch(`${worker.url}/v1/secret/data/a`, { method: 'OPTIONS', headers });
  expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([200, expect.stringContaining('PATCH')]);

  await send('POST', 'sys/quotas/rate-limit/q', { body: { rate: 1, interval: '1h', path: 'secret/data/limited' } });
  const statuses = [(await send('GET', 'secret/data/limited')).status, (await send('GET', 'secret/data/limited')).status];
  expect(statuses).toEqual([404, 429]);
});

test('every answer of the Worker says how it is to be treated', async () => {
  for (const answer of [
    await send('GET', 'sys/health'),
    await send('GET', 'secret/data/nope'),
    await fetch(`${worker.url}/elsewhere`),
    await send('OPTIONS', 'a'),
  ]) {
    const { headers } = answer;
    expect([headers.get('cache-control'), headers.get('x-content-type-options'), headers.get('strict-transport-security')]).toEqual([
      'no-store',
      'nosniff',
      'max-age=31536000; includeSubDomains',
    ]);
  }
});
