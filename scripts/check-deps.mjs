// The layers, checked: who may import whom, and which globals may be touched. Exit code 1 with one line per breach.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const CORE = [
  '@sealkv/core',
  '@sealkv/core/kv1',
  '@sealkv/core/json',
  '@sealkv/core/memory',
  '@sealkv/core/typed',
  '@sealkv/core/watch',
  '@sealkv/core/check',
  '@sealkv/core/testing',
];
const PURE = ['errors.ts', 'record.ts', 'path.ts', 'json-text.ts'];

// What a file may import besides files of its own package. `within` limits relative imports.
const LAYERS = [
  { files: /^packages\/core\/src\/kv2\//, packages: [], within: [/^kv2\//, ...PURE] },
  // kv1/index.ts is the package entry of KV v1; everything else in kv1/ is pure.
  { files: /^packages\/core\/src\/kv1\/(?!index\.ts)/, packages: [], within: [/^kv1\//, ...PURE] },
  { files: /^packages\/core\//, packages: [] },
  { files: /^packages\/idb-adapter\//, packages: [...CORE, 'idb'] },
  { files: /^packages\/live\//, packages: [...CORE, 'react', 'svelte/store', 'vue'] },
  { files: /^packages\/http\//, packages: [...CORE, 'jose'] },
  { files: /^packages\/worker\//, packages: [...CORE, '@sealkv/http', 'cloudflare:workers'] },
  { files: /^packages\/server\//, packages: [...CORE, '@sealkv/http', '@sealkv/worker', 'miniflare', /^node:/] },
];

// Core runs everywhere: besides the language itself it may use these, and only inside functions, so that importing it touches nothing.
const PLATFORM_GLOBALS =
  /(?<![.\w$'"`/-])(window|self|globalThis|document|navigator|location|process|Buffer|require|setTimeout|setInterval|setImmediate|clearTimeout|queueMicrotask|structuredClone|fetch|Request|Response|Headers|URL|URLSearchParams|Blob|File|FormData|WebSocket|MessageChannel|BroadcastChannel|indexedDB|localStorage|sessionStorage|performance|console|atob|btoa|AbortController)(?![\w$:'"`-])/g;
const ALLOWED_AT_CALL_TIME = /(?<![.\w$'"`/-])(crypto|TextEncoder|TextDecoder)\b/g;

const breaches = [];
for (const file of sourcesUnder('packages')) {
  const source = readFileSync(file, 'utf8');
  const layer = LAYERS.find(({ files }) => files.test(file));
  const root = file.split('/').slice(0, 3).join('/'); // packages/<name>/src
  for (const [, specifier] of source.matchAll(/^\s*(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]/gm)) check(file, root, layer, specifier);
  for (const [, specifier] of source.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)) check(file, root, layer, specifier);
  if (file.startsWith('packages/core/') && !file.startsWith('packages/core/src/testing/')) globals(file, source);
}
for (const breach of breaches) console.error(breach);
console.log(`dependency rules: ${breaches.length} breaches`);
process.exitCode = breaches.length === 0 ? 0 : 1;

function check(file, root, layer, specifier) {
  if (!specifier.startsWith('.')) {
    const allowed = layer.packages.some((name) => (name instanceof RegExp ? name.test(specifier) : name === specifier));
    if (!allowed) breaches.push(`${file}: imports ${specifier}, which its layer may not`);
    return;
  }
  const target = relative(root, join(dirname(file), specifier));
  if (target.startsWith('..')) breaches.push(`${file}: imports ${specifier}, outside its package`);
  if (target === 'index.ts') breaches.push(`${file}: imports its own package's index.ts`);
  const { within } = layer;
  if (within && !within.some((name) => (name instanceof RegExp ? name.test(target) : name === target))) {
    breaches.push(`${file}: imports ${specifier}; pure code imports only itself and ${PURE.join(', ')}`);
  }
}

function globals(file, source) {
  const code = withoutCommentsAndStrings(source);
  for (const [name] of code.matchAll(PLATFORM_GLOBALS)) breaches.push(`${file}: uses the global ${name}`);
  // At the top level of a module nothing of the platform is touched; a line that starts in column 0 is top level.
  for (const line of code.split('\n')) {
    if (!/^(?:export )?const /.test(line) || /=>|function|: \w*(Encoder|Decoder)/.test(line)) continue;
    for (const [name] of line.matchAll(ALLOWED_AT_CALL_TIME)) breaches.push(`${file}: touches ${name} on import`);
  }
}

function withoutCommentsAndStrings(source) {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, (text) => text.replace(/[^\n]/g, ' '));
}

function* sourcesUnder(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() && entry.name !== 'node_modules' && entry.name !== 'dist') yield* sourcesUnder(path);
    else if (/\/src\/.*\.ts$/.test(path)) yield path;
  }
}
