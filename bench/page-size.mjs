// What a page size of version entries costs: docs/decisions/0002-version-pages.md quotes this output. `node bench/page-size.mjs`
// The engine itself is measured, built once for every page size; what is counted is exact, so the output is the same on every machine.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';

const PAGE_SIZES = [1, 4, 8, 16, 32, 64, 'none'];
const MANY = 10_000;
const PATH = 'app/login';
const VALUE = { user: 'ada', password: 'correct horse battery staple' };

const rows = [];
for (const pageSize of PAGE_SIZES) rows.push(await measure(pageSize));
print('A put, over one page cycle (the value itself, the same for all, is not counted)', [
  ['page size', (row) => row.pageSize],
  ['bytes, at 1 version', (row) => row.atOne.bytes],
  ['bytes, at 10,000', (row) => row.atMany.bytes],
  ['at 10,000 / at 1', (row) => (row.atMany.bytes / row.atOne.bytes).toFixed(2)],
  ['records written, at 10,000', (row) => row.atMany.writes.toFixed(2)],
  ['bytes, 10 kept of 1,000', (row) => row.retained.bytes],
  ['writes, 10 kept of 1,000', (row) => row.retained.writes.toFixed(2)],
  ['largest record', (row) => row.largest],
]);
print('Other operations, at 10,000 versions', [
  ['page size', (row) => row.pageSize],
  ['delete an old version: bytes written', (row) => row.deleteOld.bytes],
  ['read an old version: records read', (row) => row.readOld.records],
  ['bytes of structure read', (row) => row.readOld.bytes],
  ['read all metadata: records read', (row) => row.metadata.records],
  ['delete all 10,000: requests', (row) => row.deleteAll.requests],
]);

async function measure(pageSize) {
  const { SecretEngine, memoryStore, plaintextSealer, checkStore } = await engineWith(pageSize === 'none' ? 1_000_000 : pageSize);
  const cycle = pageSize === 'none' ? 64 : pageSize;
  const counts = newCounts();
  const store = counting(memoryStore(), counts);
  let now = Date.UTC(2026, 0, 1);
  let ids = 0;
  const random = (bytes) => {
    ids++;
    return bytes.map((_, i) => (i < 4 ? (ids >> (6 * i)) & 63 : 0));
  };
  const secrets = new SecretEngine({ store, sealer: plaintextSealer(), clock: () => (now += 1000), random });
  const puts = async (path, count) => {
    // In lots: setting up ten thousand versions one by one would be most of the time.
    for (let left = count; left > 0; left -= 500)
      await secrets.atomic((tx) => Array.from({ length: Math.min(left, 500) }, () => tx.put(path, VALUE)) && undefined);
  };
  const onePut = async (path) => {
    Object.assign(counts, newCounts());
    for (let i = 0; i < cycle; i++) await secrets.put(path, VALUE);
    return { bytes: Math.round(counts.structureBytes / cycle), writes: counts.writes / cycle };
  };
  const counted = async (work) => {
    Object.assign(counts, newCounts());
    await work();
    return {
      bytes: counts.structureBytes,
      writes: counts.writes,
      records: counts.recordsRead,
      readBytes: counts.bytesRead,
      requests: counts.requests + counts.writes,
    };
  };

  await secrets.putConfig({ maxVersions: 100_000 });
  await puts(PATH, 1);
  const atOne = await onePut(PATH);
  await puts(PATH, MANY - 1 - cycle);
  const atMany = await onePut(PATH);
  const largest = counts.largestEver;
  const deleteOld = await counted(() => secrets.deleteVersions(PATH, [4321]));
  const readOld = await counted(() => secrets.get(PATH, { version: 4322 }));
  const metadata = await counted(() => secrets.getMetadata(PATH));
  if ((await checkStore(store)).problems.length > 0 || (await secrets.getMetadata(PATH)).versions.size !== MANY + cycle)
    throw new Error('the store is not what it should be');
  const deleteAll = await counted(() => secrets.deleteMetadata(PATH));
  if ((await checkStore(store)).secrets !== 0) throw new Error('something is left');

  await secrets.putConfig({ maxVersions: 10 });
  await puts('app/usual', 1000);
  const retained = await onePut('app/usual');
  return {
    pageSize,
    atOne,
    atMany,
    retained,
    largest,
    deleteOld,
    readOld: { records: readOld.records, bytes: readOld.readBytes },
    metadata,
    deleteAll,
  };
}

/** The engine of packages/core/src with another page size. */
async function engineWith(pageSize) {
  const record = new URL('../packages/core/src/record.ts', import.meta.url).pathname;
  const source = await readFile(record, 'utf8');
  const changed = source.replace(/export const PAGE_SIZE = \d+;/, `export const PAGE_SIZE = ${pageSize};`);
  if (changed === source && !source.includes(`PAGE_SIZE = ${pageSize};`)) throw new Error('PAGE_SIZE is not where it was');
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from './index.ts'; export * from './memory.ts'; export * from './check.ts';`,
      resolveDir: new URL('../packages/core/src', import.meta.url).pathname,
      loader: 'ts',
    },
    bundle: true,
    format: 'esm',
    write: false,
    plugins: [
      { name: 'page size', setup: ({ onLoad }) => onLoad({ filter: /\/core\/src\/record\.ts$/ }, () => ({ contents: changed, loader: 'ts' })) },
    ],
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

function newCounts() {
  return { structureBytes: 0, writes: 0, recordsRead: 0, bytesRead: 0, requests: 0 };
}

function counting(store, counts) {
  counts.largestEver = 0;
  const isValue = (key) => /\/i\/[^/]+\/v/.test(key);
  const isMount = (key) => key.startsWith('m/');
  const read = (entries) => {
    for (const { key, value } of entries) {
      if (isMount(key) || value === undefined) continue;
      counts.recordsRead++;
      if (!isValue(key)) counts.bytesRead += value.length;
    }
  };
  const watched = (tx) => ({
    async get(key) {
      if (!isMount(key)) counts.requests++;
      const value = await tx.get(key);
      read([{ key, value }]);
      return value;
    },
    async scan(range) {
      counts.requests++;
      const entries = await tx.scan(range);
      read(entries);
      return entries;
    },
    scanKeys: (range) => (counts.requests++, tx.scanKeys(range)),
  });
  return {
    read: (body, options) => store.read((tx) => body(watched(tx)), options),
    write: (body, options) =>
      store.write(async (tx) => {
        const outcome = await body(watched(tx));
        for (const write of outcome.writes) {
          counts.writes++;
          if (write.kind !== 'put' || isValue(write.key)) continue;
          counts.structureBytes += write.key.length + write.value.length;
          counts.largestEver = Math.max(counts.largestEver, write.value.length);
        }
        return outcome;
      }, options),
    close: () => store.close(),
  };
}

function print(title, columns) {
  console.log(`\n${title}\n`);
  console.log(`| ${columns.map(([name]) => name).join(' | ')} |`);
  console.log(`|${columns.map(() => '---:|').join('')}`);
  for (const row of rows) console.log(`| ${columns.map(([, cell]) => cell(row).toLocaleString('en-US')).join(' | ')} |`);
}
