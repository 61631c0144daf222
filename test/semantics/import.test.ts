import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const entries = ['core', 'idb-adapter', 'live'].flatMap((name) => {
  const { exports } = JSON.parse(readFileSync(new URL(`../../packages/${name}/package.json`, import.meta.url), 'utf8')) as { exports: object };
  // What those two import is their frameworks' and not a module.
  return Object.keys(exports).flatMap((entry) => (['./react', './vue'].includes(entry) ? [] : [`@sealkv/${name}${entry.slice(1)}`]));
});

// Runs in a Node of its own: a realm that has the language and nothing else, in which every name of a platform tells that it was touched.
const PROGRAM = `
  import { readFileSync, writeSync } from 'node:fs';
  import { fileURLToPath } from 'node:url';
  import { createContext, runInContext, SourceTextModule } from 'node:vm';

  const context = createContext({});
  const language = new Set(runInContext('Object.getOwnPropertyNames(globalThis)', context));
  const elsewhere = ['indexedDB', 'IDBDatabase', 'IDBKeyRange', 'IDBTransaction', 'window', 'self', 'document', 'localStorage', 'location', 'caches'];
  const touched = new Set();
  for (const name of [...Object.getOwnPropertyNames(globalThis), ...elsewhere]) {
    if (!language.has(name)) Object.defineProperty(context, name, { get: () => void touched.add(name), configurable: true });
  }
  const modules = new Map();
  const load = (url) => {
    if (!modules.has(url)) modules.set(url, new SourceTextModule(readFileSync(fileURLToPath(url), 'utf8'), { context, identifier: url }));
    return modules.get(url);
  };
  const resolve = (specifier, { identifier }) =>
    load(specifier.startsWith('.') ? new URL(specifier, identifier).href : import.meta.resolve(specifier));
  const entry = new SourceTextModule(process.argv[1], { context, identifier: 'entry' });
  await entry.link(resolve);
  await entry.evaluate();
  writeSync(1, JSON.stringify([...touched]));`;

function touchedBy(script: string): string[] {
  const flags = ['--experimental-vm-modules', '--no-warnings', '--input-type=module', '--eval', PROGRAM, script];
  return JSON.parse(execFileSync(process.execPath, flags, { cwd: import.meta.dirname, encoding: 'utf8' })) as string[];
}

test.for(entries)('importing %s touches nothing of the platform', (entry) => {
  expect(touchedBy(`import '${entry}';`)).toEqual([]);
});

test('making an engine on IndexedDB touches nothing of the platform either, as on a server that only renders', () => {
  const script = `
    import { SecretEngine, aesGcmSealer } from '@sealkv/core';
    import { idbStore, deviceKey } from '@sealkv/idb-adapter';
    new SecretEngine({ store: idbStore('app'), sealer: aesGcmSealer(() => deviceKey('app')) });`;
  expect(touchedBy(script)).toEqual([]);
});

test('what is touched is found', () => {
  expect(touchedBy('typeof crypto; typeof indexedDB; globalThis.TextEncoder;')).toEqual(['crypto', 'indexedDB', 'TextEncoder']);
});
