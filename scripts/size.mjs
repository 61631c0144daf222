// The size of what a browser loads: core and idb-adapter, minified and gzipped. Prints what dominates it; fails above the budget.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

// The goal is 12 KiB (12,288 bytes). This is as far as it got: what grows beyond fails, and who makes it smaller lowers the figure.
const BUDGET_BYTES = 15_900;
const ENTRIES = {
  '@sealkv/core (SecretEngine, aesGcmSealer)': `export { SecretEngine, aesGcmSealer } from '@sealkv/core'`,
  '@sealkv/core + @sealkv/idb-adapter': `export { SecretEngine, aesGcmSealer, isSealKvError } from '@sealkv/core'; export { idbStore, deviceKey } from '@sealkv/idb-adapter'`,
};

let last = 0;
for (const [name, contents] of Object.entries(ENTRIES)) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    write: false,
    metafile: true,
  });
  last = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  console.log(`${name}: ${last} bytes min+gzip (${outputFiles[0].contents.length} min)`);
  const inputs = Object.entries(Object.values(metafile.outputs)[0].inputs).sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput);
  for (const [path, { bytesInOutput }] of inputs.slice(0, 6)) console.log(`    ${String(bytesInOutput).padStart(6)}  ${path}`);
}
if (last > BUDGET_BYTES) {
  console.error(`over the budget of ${BUDGET_BYTES} bytes`);
  process.exitCode = 1;
}
