// What a page loads: every entry point of the packages for browsers, minified and gzipped, none larger than its ceiling.
import { existsSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

// Bytes. Who makes something smaller lowers its figure; what makes it larger needs a reason to raise it.
const CEILINGS = {
  '@sealkv/core': 13_760,
  '@sealkv/core/kv1': 4_800,
  '@sealkv/core/json': 2_420,
  '@sealkv/core/memory': 2_050,
  '@sealkv/core/typed': 700,
  '@sealkv/core/watch': 11_650,
  '@sealkv/core/check': 2_450,
  '@sealkv/idb-adapter': 5_450,
  '@sealkv/live': 12_030,
  '@sealkv/live/react': 12_110,
  '@sealkv/live/svelte': 12_070,
  '@sealkv/live/vue': 12_150,
};
// What an application imports together. The goal of the first is 12,288: docs/decisions/0016.
const PAGES = [
  {
    name: 'a page with secrets (core + idb-adapter)',
    code: `export { SecretEngine, aesGcmSealer, isSealKvError } from '@sealkv/core'; export { idbStore, deviceKey } from '@sealkv/idb-adapter'`,
    ceiling: 15_370,
  },
  {
    name: 'the same with live secrets (live/react)',
    code: `export { SecretEngine, aesGcmSealer, isSealKvError } from '@sealkv/core'; export { idbStore, deviceKey } from '@sealkv/idb-adapter'; export { useSecret } from '@sealkv/live/react'`,
    external: ['react'],
    ceiling: 17_150,
  },
];
const PACKAGES = ['core', 'idb-adapter', 'live'].filter((name) => existsSync(`packages/${name}/package.json`));

const entries = PACKAGES.flatMap((folder) => {
  const { name, exports, peerDependencies = {} } = JSON.parse(readFileSync(`packages/${folder}/package.json`, 'utf8'));
  const paths = Object.keys(exports).filter((path) => !path.startsWith('./testing'));
  const external = Object.keys(peerDependencies).flatMap((peer) => [peer, `${peer}/*`]);
  return paths.map((path) => {
    const specifier = name + path.slice(1);
    return { name: specifier, code: `export * from '${specifier}'`, ceiling: CEILINGS[specifier], external };
  });
});

const measured = await Promise.all([...PAGES, ...entries].map(async (what) => ({ ...what, ...(await measure(what)) })));
for (const { name, bytes, ceiling } of measured) console.log(`${String(bytes).padStart(6)} of ${String(ceiling ?? '?').padStart(6)}  ${name}`);
console.log('most of the first, in minified bytes:');
for (const [path, bytes] of measured[0].modules.slice(0, 8)) console.log(`${String(bytes).padStart(6)}  ${path}`);

for (const { name, bytes, ceiling } of measured) {
  if (ceiling === undefined) fail(`${name} has no ceiling: give it one in scripts/size.mjs (it has ${bytes} bytes)`);
  else if (bytes > ceiling) fail(`${name} has grown to ${bytes} bytes, ${bytes - ceiling} above its ceiling`);
}
for (const name of Object.keys(CEILINGS)) if (!entries.some((entry) => entry.name === name)) fail(`${name} has a ceiling, but is no entry point`);

async function measure({ code, external = [] }) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    external,
    write: false,
    metafile: true,
  });
  const modules = Object.entries(Object.values(metafile.outputs)[0].inputs).map(([path, { bytesInOutput }]) => [path, bytesInOutput]);
  return { bytes: gzipSync(outputFiles[0].contents, { level: 9 }).length, modules: modules.sort(([, a], [, b]) => b - a) };
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}
