import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretEngine } from '@sealkv/core';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { findChromium } from '../../scripts/find-chromium.mjs';

const MODULE = `
  import { plaintextSealer, SecretEngine } from '@sealkv/core';
  import { checkStore } from '@sealkv/core/check';
  import { idbStore } from '@sealkv/idb-adapter';
  const store = idbStore('full');
  globalThis.secrets = new SecretEngine({ store, sealer: plaintextSealer() });
  globalThis.check = () => checkStore(store);`;

// The quota must be there before the page's first use of IndexedDB, so this is a browser of its own. Only Chromium lets a test set it.
const BACKENDS = { LevelDB: [], SQLite: ['--enable-features=IdbSqliteBackingStore'] };

test.each(Object.entries(BACKENDS))(
  'in a database that is full (Chromium, %s) nothing is half-written, reads go on, and deleting makes room',
  async (_, args) => {
    const { path, env } = await findChromium();
    const { outputFiles } = await build({ stdin: { contents: MODULE, resolveDir: import.meta.dirname }, bundle: true, format: 'esm', write: false });
    const server = createServer(({ url }, response) => {
      const [type, text] =
        url === '/page.js' ? ['text/javascript', outputFiles[0]!.text] : ['text/html', '<script type="module" src="/page.js"></script>'];
      response.setHeader('content-type', type!).end(text);
    });
    const folder = await mkdtemp(join(tmpdir(), 'sealkv-quota-'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    const context = await chromium.launchPersistentContext(folder, { executablePath: path, env, args: ['--no-sandbox', '--disable-gpu', ...args] });
    try {
      const page = await context.newPage();
      await page.goto(origin);
      await page.waitForFunction(() => 'secrets' in globalThis);
      const session = await context.newCDPSession(page);
      await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000_000 });
      const seen = await page.evaluate(async () => {
        const { secrets, check } = globalThis as unknown as { secrets: SecretEngine; check(): Promise<{ problems: readonly unknown[] }> };
        const told = (promise: Promise<unknown>): Promise<unknown> =>
          promise.then(
            () => 'done',
            ({ code, applied }: { code: string; applied: string }) => `${code}, applied: ${applied}`,
          );
        // Not to be compressed.
        const value = (): object => ({ text: [...crypto.getRandomValues(new Uint8Array(50_000))].map((byte) => byte.toString(16)).join('') });
        let puts = 0;
        while (puts < 50 && (await told(secrets.put(`a${puts}`, value()))) === 'done') puts++;
        const refused = await told(secrets.put('a0', value()));
        const left = {
          version: (await secrets.get('a0'))?.version,
          problems: (await check()).problems,
          names: (await secrets.list())?.length === puts,
        };
        const deleted = [await told(secrets.deleteMetadata('a0')), await told(secrets.deleteMetadata('a1'))];
        return { isFull: puts < 50, refused, left, deleted, names: (await secrets.list())?.length === puts - 2, problems: (await check()).problems };
      });
      expect(seen).toEqual({
        isFull: true,
        refused: 'QUOTA_EXCEEDED, applied: no',
        left: { version: 1, problems: [], names: true },
        deleted: ['done', 'done'],
        names: true,
        problems: [],
      });
    } finally {
      await context.close();
      server.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
);
