import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startServer } from '@sealkv/server';
import { databaseUrl } from './database.js';

// One server for all tests. In Jest it is `beforeAll` and `afterAll`; nothing else is different.
let server;
before(async () => {
  server = await startServer({ secrets: { 'secret/app/database': { user: 'ada', password: 'p@ss', host: 'db.internal' } } });
  process.env.VAULT_ADDR = server.url;
  process.env.VAULT_TOKEN = await server.token({ policy: 'path "secret/data/app/*" { capabilities = ["read"] }', ttl: '1h' });
});
after(() => server.close());

test('the address of the database is put together from what is in the vault', async () => {
  assert.equal(await databaseUrl(), 'postgres://ada:p%40ss@db.internal/app');
});

test('a token that has expired is refused', async () => {
  server.clock.advance('2h');
  await assert.rejects(databaseUrl(), /permission denied/);
});
