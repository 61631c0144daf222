import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '@sealkv/server';
import { describe, expect, onTestFinished, test } from 'vitest';
import { call, read } from './client.ts';

function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sealkv-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('in this process', () => {
  test('secrets are there from the start, in a mount of their own if need be', async () => {
    await using server = await startServer({ secrets: { 'secret/app': { password: 'x' }, 'secret/team a/ü': { n: 1 }, 'other/b': { n: 2 } } });
    expect(await read(server, 'secret/app')).toEqual({ password: 'x' });
    expect(await read(server, 'secret/team%20a/%C3%BC')).toEqual({ n: 1 });
    expect(await read(server, 'other/b')).toEqual({ n: 2 });
  });

  test('several servers know nothing of each other', async () => {
    await using one = await startServer({ secrets: { 'secret/app': { n: 1 } } });
    await using two = await startServer({ secrets: { 'secret/app': { n: 2 } } });
    await call(one, 'POST', 'secret/data/only-here', { data: { n: 1 } });
    expect([await read(one, 'secret/app'), await read(two, 'secret/app')]).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await read(two, 'secret/only-here')).toBe(404);
    expect(await read({ url: two.url, rootToken: one.rootToken }, 'secret/app')).toBe(403);
  });

  test('a token that is given is the root token', async () => {
    await using server = await startServer({ rootToken: 's.mine', secrets: { 'secret/app': { n: 1 } } });
    expect(server.rootToken).toBe('s.mine');
    expect(await read(server, 'secret/app')).toEqual({ n: 1 });
  });

  test('time comes from the given clock', async () => {
    let now = Date.UTC(2030, 0, 1);
    await using server = await startServer({ clock: () => now });
    await call(server, 'POST', 'secret/metadata/short', { delete_version_after: '1h' });
    await call(server, 'POST', 'secret/data/short', { data: { n: 1 } });
    expect((await call(server, 'GET', 'secret/data/short')).body).toMatchObject({ data: { metadata: { created_time: '2030-01-01T00:00:00Z' } } });
    now += 3_600_000;
    expect(await read(server, 'secret/short')).toBe(404);
  });

  test('close may be called twice, and the address is free after it', async () => {
    const server = await startServer();
    await Promise.all([server.close(), server.close()]);
    await server.close();
    await expect(fetch(server.url)).rejects.toThrow();
    await using next = await startServer({ port: Number(new URL(server.url).port) });
    expect(next.url).toBe(server.url);
  });

  test('a port in use is told in one line', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void squatter.close());
    const { port } = squatter.address() as AddressInfo;
    await expect(startServer({ port })).rejects.toThrow(`port ${port} on 127.0.0.1 is in use; choose another one`);
  });

  test.each(['', 'short', 'g'.repeat(64), 'A'.repeat(44)])('%j is no seal key', async (sealKey) => {
    await expect(startServer({ sealKey })).rejects.toThrow('the seal key must be 32 bytes as base64, base64url or hex');
  });

  test('a name without a path is no secret', async () => {
    await expect(startServer({ secrets: { app: {} } })).rejects.toThrow(
      "cannot write app: a secret's name is its mount and its path, such as secret/app",
    );
  });

  test('LIST is understood', async () => {
    await using server = await startServer({ secrets: { 'secret/a/b': {}, 'secret/c': {} } });
    expect((await call(server, 'LIST', 'secret/metadata')).body).toMatchObject({ data: { keys: ['a/', 'c'] } });
  });
});

describe('the real Worker', () => {
  test('has the same secrets, and without a folder keeps nothing', async () => {
    await using server = await startServer({ runtime: 'workerd', secrets: { 'secret/app': { n: 1 } } });
    expect(await read(server, 'secret/app')).toEqual({ n: 1 });
    expect((await call(server, 'LIST', 'secret/metadata')).body).toMatchObject({ data: { keys: ['app'] } });
  });

  test('keeps data, token and key in its folder', async () => {
    const dataDir = temporaryFolder();
    const first = await startServer({ runtime: 'workerd', dataDir });
    await call(first, 'POST', 'secret/data/app', { data: { n: 1 } });
    await first.close();
    await using second = await startServer({ runtime: 'workerd', dataDir });
    expect(second.rootToken).toBe(first.rootToken);
    expect(await read(second, 'secret/app')).toEqual({ n: 1 });
  });

  test('refuses a key that is not the one of the data, and leaves the folder usable', async () => {
    const dataDir = temporaryFolder();
    const first = await startServer({ runtime: 'workerd', dataDir, secrets: { 'secret/app': { n: 1 } } });
    await first.close();
    const wrong = startServer({ runtime: 'workerd', dataDir, sealKey: 'ab'.repeat(32) });
    await expect(wrong).rejects.toThrow('the seal key is not the one that the data was sealed with');
    await using second = await startServer({ runtime: 'workerd', dataDir });
    expect(await read(second, 'secret/app')).toEqual({ n: 1 });
  });

  test('refuses a folder that another server uses', async () => {
    const dataDir = temporaryFolder();
    await using _first = await startServer({ runtime: 'workerd', dataDir });
    const second = startServer({ runtime: 'workerd', dataDir });
    await expect(second).rejects.toThrow(`another SealKV server (process ${process.pid}) is using ${dataDir}`);
  });
});
