import { startServer } from '@sealkv/server';
import { expect, test } from 'vitest';
import { call, read } from '../server/client.ts';

interface Answer {
  readonly errors?: readonly string[];
  readonly data?: { readonly results?: readonly unknown[]; readonly index?: number };
}

async function atomic(server: Parameters<typeof call>[0], ...operations: readonly object[]): Promise<{ status: number; body: Answer }> {
  const { status, body } = await call(server, 'POST', 'secret/atomic', { operations });
  return { status, body: body as Answer };
}

test('all operations are one: each answers in its place, a later one sees the earlier ones', async () => {
  await using server = await startServer({ secrets: { 'secret/b': { n: 1 }, 'secret/c': { n: 1 } } });
  const { status, body } = await atomic(
    server,
    { operation: 'put', path: 'a', data: { n: 1 }, options: { cas: 0 } },
    { operation: 'put', path: 'a', data: { n: 2 }, options: { cas: 1 } },
    { operation: 'delete', path: 'b' },
    { operation: 'put-metadata', path: 'a', max_versions: 3, custom_metadata: { owner: 'ada' } },
    { operation: 'undelete', path: 'b', versions: [1] },
    { operation: 'destroy', path: 'a', versions: [1] },
    { operation: 'delete', path: 'a', versions: '2' },
    { operation: 'delete-metadata', path: 'c' },
  );
  expect(status).toBe(200);
  expect(body.data?.results).toMatchObject([{ version: 1 }, { version: 2 }, null, null, null, null, null, null]);
  expect(await read(server, 'secret/b')).toEqual({ n: 1 });
  expect(await read(server, 'secret/c')).toBe(404);
  expect((await call(server, 'GET', 'secret/metadata/a')).body).toMatchObject({
    data: { max_versions: 3, versions: { 1: { destroyed: true }, 2: { destroyed: false, deletion_time: expect.stringMatching(/Z$/) } } },
  });
});

test('one refusal is the refusal of all, and names its place', async () => {
  await using server = await startServer({ secrets: { 'secret/b': { n: 1 } } });
  const { status, body } = await atomic(
    server,
    { operation: 'put', path: 'a', data: { n: 1 } },
    { operation: 'delete-metadata', path: 'b' },
    { operation: 'put', path: 'a', data: { n: 2 }, options: { cas: 0 } },
  );
  expect([status, body]).toEqual([400, { errors: ['operation 2: check-and-set parameter did not match the current version'], data: { index: 2 } }]);
  expect(await read(server, 'secret/a')).toBe(404);
  expect(await read(server, 'secret/b')).toEqual({ n: 1 });
});

test.each([
  [[], 'no operations provided'],
  [[{ operation: 'get', path: 'a' }], 'operation 0: unknown operation; there are put, delete, undelete, destroy, put-metadata and delete-metadata'],
  [[{ operation: 'put', path: 'a' }], 'operation 0: no data provided'],
  [[{ operation: 'put', path: 'a', data: {}, options: { cas: 'x' } }], 'operation 0: error parsing check-and-set parameter'],
  [[{ operation: 'destroy', path: 'a' }], 'operation 0: no version number provided'],
  [[{ operation: 'put', path: 'a', data: [1] }], 'operation 0: error converting input for field "data": '],
  [Array.from({ length: 101 }, () => ({ operation: 'delete', path: 'a' })), '101 operations; at most 100 make one request'],
  [[{ operation: 'delete', path: 'a//b' }], 'the path is not usable: it has an empty segment'],
  [[{ operation: 'delete', path: 'a/../b' }], 'the path is not usable: it has a relative segment'],
  [[{ operation: 'delete' }], 'the path is not usable: it is empty'],
])('%j is refused before anything is done', async (operations, message) => {
  await using server = await startServer();
  const { status, body } = await atomic(server, ...operations);
  expect([status, body.errors?.[0]]).toEqual([400, expect.stringContaining(message)]);
});

test('each operation is allowed or denied as if it had been sent alone', async () => {
  await using server = await startServer({ secrets: { 'secret/mine/old': { n: 1 }, 'secret/other': { n: 1 } } });
  const policy = `
    path "secret/data/mine/*" { capabilities = ["create"] }
    path "secret/data/mine/old" { capabilities = ["update"] }
    path "secret/destroy/mine/*" { capabilities = ["update"] }`;
  await call(server, 'PUT', 'sys/policies/acl/mine', { policy });
  const { body } = await call(server, 'POST', 'auth/token/create', { policies: ['mine'] });
  const caller = { url: server.url, rootToken: (body as { auth: { client_token: string } }).auth.client_token };
  const put = (path: string): object => ({ operation: 'put', path, data: { n: 2 } });

  expect((await atomic(caller, put('mine/new'), put('mine/old'), { operation: 'destroy', path: 'mine/old', versions: [1] })).status).toBe(200);
  // Creating is allowed there, and changing what is there is not; the second put of a new secret is a change.
  expect((await atomic(caller, put('mine/new'))).status).toBe(403);
  expect((await atomic(caller, put('mine/newer'), put('mine/newer'))).status).toBe(403);
  expect((await atomic(caller, put('mine/newer'), put('other'))).status).toBe(403);
  expect((await atomic(caller, put('mine/newer'), { operation: 'delete', path: 'mine/old' })).status).toBe(403);
  expect(await read(server, 'secret/mine/newer')).toBe(404);
  expect(await read(server, 'secret/other')).toEqual({ n: 1 });
});
