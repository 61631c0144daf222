import { readRequest, toResponse } from '@sealkv/http';
import { startServer } from '@sealkv/server';
import { expect, test } from 'vitest';
import { Harness } from './harness.ts';

const APP = 'https://app.example';

async function withCors(settings: object = { allowed_origins: [APP] }): Promise<Harness> {
  const harness = new Harness();
  expect((await harness.send('PUT', 'sys/config/cors', { body: settings })).status).toBe(204);
  return harness;
}

const preflight = (method: string, origin = APP): { token: null; headers: Record<string, string> } => ({
  token: null,
  headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'x-vault-token,content-type' },
});

test('CORS is off until origins are given: no header, and a preflight is no method', async () => {
  const harness = new Harness();
  expect((await harness.send('GET', 'sys/config/cors')).json.data).toEqual({ enabled: false });
  const { status, headers } = await harness.send('GET', 'sys/health', { headers: { origin: APP } });
  expect(status).toBe(200);
  expect(Object.keys(headers).filter((name) => name.startsWith('Access-Control'))).toEqual([]);
  expect((await harness.send('OPTIONS', 'secret/data/a', preflight('GET'))).status).toBe(405);
});

test.each(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'LIST', 'SCAN'])('a preflight about %s is answered without a token', async (method) => {
  const harness = await withCors({ allowed_origins: [APP], allowed_headers: ['X-Custom'] });
  const { status, headers, body } = await harness.send('OPTIONS', 'secret/data/a', preflight(method));
  expect([status, body]).toEqual([200, '']);
  expect(headers).toMatchObject({
    'Access-Control-Allow-Origin': APP,
    Vary: 'Origin',
    'Access-Control-Allow-Methods': 'DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,LIST,SCAN',
    'Access-Control-Max-Age': '300',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  const allowed = headers['Access-Control-Allow-Headers']?.split(',');
  expect(allowed).toEqual(expect.arrayContaining(['X-Vault-Token', 'Authorization', 'Content-Type', 'X-Vault-Wrap-TTL', 'X-Custom']));
  expect(headers).not.toHaveProperty('Access-Control-Allow-Credentials');
});

test('a preflight about another method is refused, and so is one without a method', async () => {
  const harness = await withCors();
  expect((await harness.send('OPTIONS', 'secret/data/a', preflight('TRACE'))).status).toBe(405);
  expect((await harness.send('OPTIONS', 'secret/data/a', { token: null, headers: { origin: APP } })).status).toBe(405);
});

test('a page of another origin is refused before its token is looked at, whatever it asks for', async () => {
  const harness = await withCors();
  for (const origin of ['https://evil.example', 'http://app.example', 'https://app.example.evil', 'https://APP.example', 'null', '*']) {
    for (const [method, path] of [
      ['GET', 'sys/health'],
      ['POST', 'secret/data/a'],
      ['OPTIONS', 'secret/data/a'],
    ] as const) {
      const { status, json, headers } = await harness.send(method, path, { ...preflight('GET', origin), body: { data: {} } });
      expect([status, json.errors]).toEqual([403, ['origin not allowed']]);
      expect(headers).not.toHaveProperty('Access-Control-Allow-Origin');
    }
  }
});

test('answers that are errors can be read by the page as well', async () => {
  const harness = await withCors();
  for (const [method, path, expected] of [
    ['GET', 'secret/data/nope', 404],
    ['GET', 'secret/data/a/../b', 400],
    ['TRACE', 'secret/data/a', 405],
  ] as const) {
    const { status, headers } = await harness.send(method, path, { headers: { origin: APP } });
    expect([status, headers['Access-Control-Allow-Origin'], headers['Vary']]).toEqual([expected, APP, 'Origin']);
  }
  const denied = await harness.send('GET', 'secret/data/a', { token: 'no such token', headers: { origin: APP } });
  expect([denied.status, denied.headers['Access-Control-Allow-Origin']]).toEqual([403, APP]);
});

test('* stands for every origin, which is told by name; credentials are allowed if asked for', async () => {
  const harness = await withCors({ allowed_origins: '*', allow_credentials: true });
  const { headers } = await harness.send('GET', 'sys/health', { headers: { origin: 'https://anybody.example' } });
  expect(headers).toMatchObject({
    'Access-Control-Allow-Origin': 'https://anybody.example',
    'Access-Control-Allow-Credentials': 'true',
    Vary: 'Origin',
  });
});

test.each([
  [{}, 'at least one origin or the wildcard must be provided'],
  [{ allowed_origins: '*,https://a.example' }, "to allow all origins the '*' must be the only value for allowed_origins"],
  [{ allowed_origins: APP, allowed_headers: 'X-A\r\nSet-Cookie: a' }, 'allowed_headers must be names of headers'],
])('settings %j are refused', async (settings, message) => {
  const { status, json } = await new Harness().send('POST', 'sys/config/cors', { body: settings });
  expect([status, json.errors]).toEqual([400, [message]]);
});

test('switching it off acts at once, and leaves nothing', async () => {
  const harness = await withCors();
  expect((await harness.send('DELETE', 'sys/config/cors')).status).toBe(204);
  expect((await harness.send('GET', 'sys/health', { headers: { origin: 'https://evil.example' } })).status).toBe(200);
  expect((await harness.send('GET', 'sys/config/cors')).json.data).toEqual({ enabled: false });
});

test('it takes sudo', async () => {
  const harness = await withCors();
  const settings = { body: { allowed_origins: '*' } };
  const plain = await harness.tokenWith('path "sys/*" { capabilities = ["read", "update", "delete"] }');
  const statuses = [];
  for (const method of ['GET', 'POST', 'DELETE'])
    statuses.push((await harness.send(method, 'sys/config/cors', { token: plain, ...settings })).status);
  expect(statuses).toEqual([403, 403, 403]);
  const sudo = await harness.tokenWith('path "sys/config/cors" { capabilities = ["update", "sudo"] }');
  expect((await harness.send('POST', 'sys/config/cors', { token: sudo, ...settings })).status).toBe(204);
});

test('a request without an origin costs nothing more', async () => {
  const harness = await withCors();
  const { status, headers } = await harness.send('GET', 'sys/health');
  expect([status, headers['Vary']]).toEqual([200, undefined]);
});

test('through the local server and through a Response the headers are the same', async () => {
  await using server = await startServer();
  const headers = { 'X-Vault-Token': server.rootToken };
  await fetch(`${server.url}/v1/sys/config/cors`, { method: 'PUT', headers, body: JSON.stringify({ allowed_origins: APP }) });
  const asked = { method: 'OPTIONS', headers: { Origin: APP, 'Access-Control-Request-Method': 'PATCH' } };
  const local = await fetch(`${server.url}/v1/secret/data/a`, asked);
  const harness = await withCors();
  const direct = toResponse(await harness.api.handle(await readRequest(new Request('https://vault.example/v1/secret/data/a', asked))));
  for (const answer of [local, direct]) {
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe(APP);
    expect(answer.headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(await answer.text()).toBe('');
  }
});
