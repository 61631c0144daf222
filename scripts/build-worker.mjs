// The Worker of `npm start`, with all it imports, as the one module that the server package ships.
import { build } from 'esbuild';

await build({
  stdin: { contents: `export { default, NamespaceObject } from '@sealkv/worker'`, resolveDir: 'packages/server' },
  outfile: 'packages/server/dist/worker-bundle.mjs',
  bundle: true,
  format: 'esm',
  target: 'es2023',
  conditions: ['workerd'],
  external: ['cloudflare:*'],
  legalComments: 'none',
  logLevel: 'warning',
});
