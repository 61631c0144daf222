import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { MemoryServer, Server } from '@sealkv/server';
import { startServer } from '@sealkv/server';
import { describe, expect, onTestFinished, test } from 'vitest';
import { TestClock } from '../../packages/server/src/test-clock.ts';
import type { Answer } from './client.ts';
import { call, read } from './client.ts';

const as = (server: Server, rootToken: string): Pick<Server, 'url' | 'rootToken'> => ({ url: server.url, rootToken });
const statusOf = async (answer: Promise<Answer>): Promise<number> => (await answer).status;
const put = (server: Pick<Server, 'url' | 'rootToken'>, n: number): Promise<Answer> => call(server, 'POST', 'secret/data/app', { data: { n } });

describe('the clock', () => {
  test('is real time until it is moved, and then runs on from there', () => {
    let real = 1000;
    const clock = new TestClock(() => real);
    expect(clock.now()).toBe(1000);
    clock.advance('1h');
    real += 5;
    expect(clock.now()).toBe(3_601_005);
    clock.set(new Date(7));
    real += 5;
    expect(clock.now()).toBe(12);
    clock.set(3);
    expect(clock.now()).toBe(3);
  });

  test('of nobody in particular is the system’s', () => {
    const before = Date.now();
    const now = new TestClock().now();
    expect(now >= before && now <= Date.now()).toBe(true);
  });

  test('that is frozen moves only by hand', async () => {
    await using server = await startServer({ clock: 'frozen' });
    const start = server.clock.now();
    await put(server, 1);
    expect(server.clock.now()).toBe(start);
    server.clock.advance(1500);
    expect(server.clock.now()).toBe(start + 1500);
  });

  test.each([
    ['25h', 90_000_000],
    ['1h30m', 5_400_000],
    ['90s', 90_000],
    ['500ms', 500],
    ['1.5d', 129_600_000],
    [0, 0],
    [12, 12],
  ])('takes %s for %i ms', (by, ms) => {
    const clock = new TestClock(() => 0);
    clock.advance(by);
    expect(clock.now()).toBe(ms);
  });

  test.each(['', '1', 'h', '1y', '-1h', '1h ', -1, NaN, Infinity])('does not take %j for a duration', (by) => {
    expect(() => new TestClock().advance(by)).toThrow(TypeError);
  });

  test('does not take what is no date for a time', () => {
    expect(() => new TestClock().set(new Date('tomorrow'))).toThrow('not a time: Invalid Date');
  });

  test('makes tokens expire: refused on the next request', async () => {
    await using server = await startServer({ secrets: { 'secret/app': { n: 1 } } });
    const token = await server.token({ policy: 'path "secret/data/*" { capabilities = ["read"] }', ttl: '24h' });
    expect(await read(as(server, token), 'secret/app')).toEqual({ n: 1 });
    server.clock.advance('23h');
    expect(await read(as(server, token), 'secret/app')).toEqual({ n: 1 });
    server.clock.advance('2h');
    expect(await read(as(server, token), 'secret/app')).toBe(403);
    expect(await read(server, 'secret/app')).toEqual({ n: 1 });
  });

  test('makes versions expire', async () => {
    await using server = await startServer();
    await call(server, 'POST', 'secret/metadata/app', { delete_version_after: '1h' });
    await put(server, 1);
    server.clock.advance('61m');
    expect(await read(server, 'secret/app')).toBe(404);
  });

  test('of a given function is moved as well', async () => {
    await using server = await startServer({ clock: () => Date.UTC(2030, 0, 1) });
    server.clock.advance('24h');
    expect((await put(server, 1)).body).toMatchObject({ data: { created_time: '2030-01-02T00:00:00Z' } });
  });

  test('of one server is not that of another', async () => {
    await using one = await startServer({ clock: 'frozen' });
    await using two = await startServer({ clock: () => 5 });
    one.clock.advance('1h');
    expect(two.clock.now()).toBe(5);
  });
});

describe('failNextCommit', () => {
  test.each([
    [undefined, 503, 'the storage failed; nothing was done', 1],
    ['FAILED', 503, 'the storage failed; nothing was done', 1],
    ['QUOTA_EXCEEDED', 507, 'the storage is full; nothing was done', 1],
    ['COMMIT_UNKNOWN', 503, 'the storage was lost; whether this request was carried out is unknown', 2],
  ] as const)('(%s): the next change is answered with %i; it is there or not as that says, and the one after it is carried out', async (...row) => {
    const [failure, status, message, current] = row;
    await using server = await startServer({ secrets: { 'secret/app': { n: 1 } } });
    server.failNextCommit(failure);
    expect(await put(server, 2)).toEqual({ status, body: { errors: [message] } });
    expect(await read(server, 'secret/app')).toEqual({ n: current });
    expect(await statusOf(put(server, 3))).toBe(200);
    expect(await read(server, 'secret/app')).toEqual({ n: 3 });
  });

  test('waits for a change: reads and refusals go on', async () => {
    await using server = await startServer({ secrets: { 'secret/app': { n: 1 } } });
    server.failNextCommit();
    expect(await read(server, 'secret/app')).toEqual({ n: 1 });
    expect(await statusOf(call(server, 'POST', 'secret/data/app', { data: {}, options: { cas: 7 } }))).toBe(400);
    expect(await statusOf(put(server, 2))).toBe(503);
  });

  test('twice is for two changes, each in its own way', async () => {
    await using server = await startServer();
    server.failNextCommit();
    server.failNextCommit('QUOTA_EXCEEDED');
    expect([await statusOf(put(server, 1)), await statusOf(put(server, 2)), await statusOf(put(server, 3))]).toEqual([503, 507, 200]);
  });

  test('is about what clients do: neither token() nor what the server does by itself uses it up', async () => {
    await using server = await startServer();
    await server.token({ ttl: '1m' });
    server.clock.advance('1h');
    server.failNextCommit();
    await server.token({ policies: ['default'] });
    await server.housekeeping();
    expect(await statusOf(put(server, 1))).toBe(503);
  });

  test('of one server is not that of another, and reaches into its namespaces', async () => {
    await using one = await startServer();
    await using two = await startServer();
    await call(one, 'POST', 'sys/namespaces/team', {});
    await call(one, 'POST', 'team/sys/mounts/kv', { type: 'kv' });
    one.failNextCommit();
    expect(await statusOf(put(two, 1))).toBe(200);
    expect(await statusOf(call(one, 'POST', 'team/kv/app', { n: 1 }))).toBe(503);
    expect(await statusOf(call(one, 'POST', 'team/kv/app', { n: 1 }))).toBe(204);
  });
});

describe('tokens and policies', () => {
  test('policies are there from the start, and a token may do what they say', async () => {
    const policies = { app: 'path "secret/data/app" { capabilities = ["read"] }', json: '{"path":{"secret/data/b":{"capabilities":["read"]}}}' };
    await using server = await startServer({ secrets: { 'secret/app': { n: 1 }, 'secret/b': { n: 2 } }, policies });
    const token = await server.token({ policies: ['app'] });
    expect(await read(as(server, token), 'secret/app')).toEqual({ n: 1 });
    expect(await read(as(server, token), 'secret/b')).toBe(403);
    expect(await read(as(server, await server.token({ policies: ['app', 'json'] })), 'secret/b')).toEqual({ n: 2 });
  });

  test('a token without anything is nobody much, and one with a number of uses has no more', async () => {
    await using server = await startServer({ secrets: { 'secret/app': { n: 1 } } });
    expect(await read(as(server, await server.token({})), 'secret/app')).toBe(403);
    const token = await server.token({ policies: ['root'], uses: 1 });
    expect(await read(as(server, token), 'secret/app')).toEqual({ n: 1 });
    expect(await read(as(server, token), 'secret/app')).toBe(403);
  });

  test('what the server refuses is told', async () => {
    await using server = await startServer();
    await expect(server.token({ policy: 'path {' })).rejects.toThrow('cannot write sys/policies/acl/made-for-a-token-1: {"errors":');
    await expect(startServer({ policies: { app: 'nonsense' } })).rejects.toThrow('cannot write sys/policies/acl/app');
  });

  test('the real Worker has both as well, and neither clock nor faults', async () => {
    const policies = { app: 'path "secret/data/app" { capabilities = ["read"] }' };
    await using server = await startServer({ runtime: 'workerd', secrets: { 'secret/app': { n: 1 } }, policies });
    expect(await read(as(server, await server.token({ policies: ['app'] })), 'secret/app')).toEqual({ n: 1 });
    expect(server).not.toHaveProperty('clock');
    expect(server).not.toHaveProperty('failNextCommit');
  });
});

describe('logins with the token of an issuer', () => {
  const config = { jwks_url: '', bound_issuer: 'https://issuer.example' };

  test('its keys come from the fetch that is given', async () => {
    const asked: string[] = [];
    const fetchKeys: typeof fetch = async (input) => {
      asked.push(new Request(input).url);
      return Response.json({ keys: [] });
    };
    await using server = await startServer({ fetch: fetchKeys });
    await setUp(server, 'https://issuer.example/keys');
    expect(asked).toEqual(['https://issuer.example/keys']);
  });

  test('an issuer on this machine is one only if that is allowed', async () => {
    const issuer = createServer((_, response) => void response.end('{"keys":[]}'));
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void issuer.close());
    const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`;
    await using strict = await startServer();
    await expect(setUp(strict, url)).rejects.toThrow('400');
    await using server = await startServer({ allowsLoopbackIssuers: true });
    await setUp(server, url);
  });

  async function setUp(server: MemoryServer, jwksUrl: string): Promise<void> {
    await call(server, 'POST', 'sys/auth/jwt', { type: 'jwt' });
    const { status, body } = await call(server, 'POST', 'auth/jwt/config', { ...config, jwks_url: jwksUrl });
    if (status !== 204) throw new Error(`${status} ${JSON.stringify(body)}`);
  }
});

test('the Worker contains neither the clock nor the faults', () => {
  const bundle = readFileSync(fileURLToPath(new URL('../../packages/server/dist/worker-bundle.mjs', import.meta.url)), 'utf8');
  expect(bundle).toContain('NamespaceObject');
  for (const name of ['failNext', 'CommitFaults', 'TestClock', 'advance(', 'InjectedFault', 'observedStore', 'this commit was to fail'])
    expect(bundle, name).not.toContain(name);
});
