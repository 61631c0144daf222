import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '@sealkv/server';
import { expect, onTestFinished, test } from 'vitest';

/** Every file of a folder with what is in it; but for the index that SQLite makes anew whenever it opens a database. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('-shm'));
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length), createHash('sha256').update(readFileSync(path)).digest('hex')];
    }),
  );
}

const databases = (folder: string): string[] =>
  Object.keys(contents(folder)).filter((path) => path.endsWith('.sqlite') && !path.includes('metadata'));

test('1,000 requests with invented namespaces and bad tokens leave no object and no byte', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'sealkv-test-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const first = await startServer({ runtime: 'workerd', dataDir, secrets: { 'secret/app': { n: 1 } } });
  const { rootToken } = first;
  const asRoot = { 'X-Vault-Token': rootToken };
  await fetch(`${first.url}/v1/sys/namespaces/red`, { method: 'POST', headers: asRoot, body: '{}' });
  await fetch(`${first.url}/v1/red/sys/mounts/secret`, { method: 'POST', headers: asRoot, body: '{"type":"kv-v2"}' });
  await fetch(`${first.url}/v1/red/secret/data/a`, { method: 'POST', headers: asRoot, body: '{"data":{}}' });
  await first.close();
  expect(databases(dataDir)).toHaveLength(2);
  const before = contents(join(dataDir, 'do'));

  const server = await startServer({ runtime: 'workerd', dataDir });
  const statuses = new Map<number, number>();
  for (let i = 0; i < 1000; i++) {
    const invented = randomBytes(8).toString('hex');
    const headers = [
      { 'X-Vault-Token': `s.${invented}` },
      { 'X-Vault-Token': `s.${invented}.${randomBytes(32).toString('hex')}` },
      { 'X-Vault-Token': `b.${invented}.${randomBytes(32).toString('hex')}`, 'X-Vault-Namespace': invented },
      { 'X-Vault-Token': `s.${invented}`, 'X-Vault-Namespace': 'red' },
      { ...asRoot, 'X-Vault-Namespace': invented },
    ][i % 5]!;
    const path = ['secret/data/app', `${invented}/secret/data/a`, 'sys/mounts', 'secret/metadata/app'][i % 4]!;
    const { status, body } = await fetch(`${server.url}/v1/${path}`, { method: ['GET', 'POST', 'DELETE'][i % 3]!, headers });
    await body?.cancel();
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  await server.close();
  expect([...statuses.keys()].toSorted((a, b) => a - b)).toEqual([403, 404]);
  expect(contents(join(dataDir, 'do'))).toEqual(before);
});

test('a namespace has an object of its own, which its tokens lead to without the root object', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'sealkv-test-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  await using server = await startServer({ runtime: 'workerd', dataDir });
  const send = async (method: string, path: string, body: object, token = server.rootToken): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${server.url}/v1/${path}`, { method, headers: { 'X-Vault-Token': token }, body: JSON.stringify(body) });
    return { status: response.status, text: await response.text() };
  };
  await send('POST', 'sys/namespaces/red', {});
  await send('POST', 'red/sys/mounts/secret', { type: 'kv-v2' });
  await send('PUT', 'red/sys/policies/acl/all', { policy: 'path "*" { capabilities = ["create", "update"] }' });
  const { text } = await send('POST', 'red/auth/token/create', { policies: ['all'] });
  const token = (JSON.parse(text) as { auth: { client_token: string } }).auth.client_token;
  expect(token).toMatch(/^s\.[\w-]{43}\.[0-9a-f]{64}$/);
  expect((await send('POST', 'red/secret/data/a', { data: {} }, token)).status).toBe(200);
  expect((await send('POST', 'secret/data/a', { data: {} }, token)).status).toBe(403);
  expect((await send('DELETE', 'sys/namespaces/red', {})).status).toBe(200);
  expect((await send('POST', 'red/secret/data/a', { data: {} }, token)).status).toBe(403);
  expect((await send('POST', 'sys/namespaces/blue', { jurisdiction: 'eu' })).text).toContain('the jurisdiction \\"eu\\" is not to be had here');
});
