import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Prepared, Tally } from './kill-rounds.ts';
import { playRounds, prepareSecret } from './kill-rounds.ts';

// hashicorp/vault#16488: `DELETE secret/metadata/xyz`, cut short, leaves a secret of which nothing can be read and which can't be deleted.
const TIME_LIMIT = 600_000;
let folder: string;
let prepared: Prepared;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealkv-test-'));
  prepared = await prepareSecret(join(folder, 'prepared'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a process killed while it deletes 1000 versions leaves all of them or none', { timeout: TIME_LIMIT }, async () => {
  const tally = await playRounds(prepared, ({ undone, done, torn }) => torn.length > 0 || (undone >= 10 && done >= 10));
  print('SealKV', tally);
  expect(tally.torn).toEqual([]);
  expect(tally.undone).toBeGreaterThanOrEqual(10);
  expect(tally.done).toBeGreaterThanOrEqual(10);
});

test('the same rounds find the bug in a store that commits write by write', { timeout: TIME_LIMIT }, async () => {
  const tally = await playRounds(prepared, ({ torn }) => torn.length >= 3, await tornWorker());
  print('a torn store', tally);
  expect(tally.torn.join('\n')).toContain('metadata: 500');
});

async function tornWorker(): Promise<URL> {
  const outfile = join(folder, 'torn-worker.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('torn-worker/index.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2023',
    conditions: ['workerd'],
    external: ['cloudflare:*'],
    logLevel: 'warning',
  });
  return pathToFileURL(outfile);
}

function print(store: string, { undone, done, answered, torn }: Tally): void {
  console.log(`FIGURE kill rounds on ${store}: ${undone} undone, ${done} done before the answer, ${answered} done and answered, ${torn.length} torn`);
}
