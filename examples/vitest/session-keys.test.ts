import { startServer } from '@sealkv/server';
import type { MemoryServer } from '@sealkv/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SessionKeys } from './session-keys.ts';

const POLICY = 'path "secret/data/app/*" { capabilities = ["read", "update"] }';

let server: MemoryServer;
let keys: SessionKeys;

// A server of its own for every test: it is there in milliseconds, so there is nothing to clean up between them.
beforeEach(async () => {
  server = await startServer({ secrets: { 'secret/app/session-key': { key: 'first' } } });
  keys = new SessionKeys({ VAULT_ADDR: server.url, VAULT_TOKEN: await server.token({ policy: POLICY, ttl: '24h' }) });
});
afterEach(() => server.close());

test('the key is read, and changed', async () => {
  expect(await keys.current()).toBe('first');
  await keys.rotate('second');
  expect(await keys.current()).toBe('second');
});

test('a token that has expired is told apart from a server in trouble', async () => {
  server.clock.advance('25h');
  await expect(keys.current()).rejects.toThrow('no longer');
});

test('while the storage is in trouble the old key stays', async () => {
  server.failNextCommit();
  await expect(keys.rotate('second')).rejects.toThrow('out of reach: 503');
  expect(await keys.current()).toBe('first');
});

test('of two who change it at once one is refused', async () => {
  const results = await Promise.allSettled([keys.rotate('mine'), keys.rotate('yours')]);
  expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});
