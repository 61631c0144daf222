import { plaintextSealer } from '../../sealer.ts';
import { deepEqual, equal } from '../assert.ts';
import { observedStore } from '../faults.ts';
import type { EngineCase } from './bench.ts';
import { date, putVersions, refuses, rule, START, untouched } from './bench.ts';

// In UTF-8 byte order; by UTF-16 units U+1F600 would come before U+FF5E and U+E000.
const ORDERED = [
  '!',
  '-',
  '.x',
  '0',
  '10',
  '9',
  'A',
  'Z',
  '_',
  'a',
  'ab',
  'b',
  'e\u0301',
  '~',
  '\u00e9',
  '\u4e00',
  '\ue000',
  '\uff5e',
  '\uffff',
  '\u{1f600}',
  '\u{10ffff}',
];

function shuffled(names: readonly string[]): string[] {
  return names
    .map((name, i) => ({ name, at: (i * 7) % names.length }))
    .sort((a, b) => a.at - b.at)
    .map(({ name }) => name);
}

export const listingCases: readonly EngineCase[] = [
  rule('list shows what lies directly under a folder: secrets by name, folders with a slash, in one order', async ({ secrets }) => {
    for (const path of ['app/db/main', 'app/db/replica', 'app/login', 'app', 'top', 'z/y/x']) await secrets.put(path, {});
    deepEqual(await secrets.list(), ['app', 'app/', 'top', 'z/']);
    for (const folder of ['', '/']) deepEqual(await secrets.list(folder), ['app', 'app/', 'top', 'z/']);
    for (const folder of ['app', 'app/']) deepEqual(await secrets.list(folder), ['db/', 'login']);
    deepEqual(await secrets.list('app/db'), ['main', 'replica']);
    deepEqual(await secrets.list('z'), ['y/']);
  }),

  rule('a folder that is not there, or is a secret alone, lists nothing; nothing was written yet: nothing', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, async () => {
      deepEqual(await secrets.list(), []);
      deepEqual(await secrets.scan('a'), []);
      deepEqual(await secrets.listDetailed('a'), []);
    });
    await secrets.put('app/login', {});
    for (const folder of ['app/login', 'ap', 'app/l', 'b/c']) {
      deepEqual(await secrets.list(folder), []);
      deepEqual(await secrets.scan(folder), []);
    }
  }),

  rule('scan shows every secret below a folder at any depth, relative to it, and no folders', async ({ secrets }) => {
    for (const path of ['app/db/main', 'app/db', 'app/db/a/b/c', 'app', 'b', 'apple']) await secrets.put(path, {});
    deepEqual(await secrets.scan(), ['app', 'app/db', 'app/db/a/b/c', 'app/db/main', 'apple', 'b']);
    deepEqual(await secrets.scan('app/'), ['db', 'db/a/b/c', 'db/main']);
    deepEqual(await secrets.scan('app/db'), ['a/b/c', 'main']);
  }),

  rule('the order is that of UTF-8 bytes: astral characters last, composed and decomposed ones apart', async ({ secrets }) => {
    for (const name of shuffled(ORDERED)) {
      await secrets.put(name, {});
      await secrets.put(`folder/${name}/x`, {});
    }
    deepEqual(
      (await secrets.list()).filter((name) => name !== 'folder/'),
      ORDERED,
    );
    deepEqual(
      await secrets.list('folder'),
      ORDERED.map((name) => `${name}/`),
    );
    deepEqual(
      await secrets.scan('folder'),
      ORDERED.map((name) => `${name}/x`),
    );
    for (const [i, name] of ORDERED.entries())
      deepEqual(
        await secrets.list('folder', { after: `${name}/`, limit: 1 }),
        ORDERED.slice(i + 1, i + 2).map((next) => `${next}/`),
      );
  }),

  rule('a name that is both a secret and a folder comes twice; what sorts between them comes between', async ({ secrets }) => {
    for (const path of ['a', 'a/b', 'a.c', 'a-', 'a0', 'a/']) if (!path.endsWith('/')) await secrets.put(path, {});
    deepEqual(await secrets.list(), ['a', 'a-', 'a.c', 'a/', 'a0']);
    await secrets.deleteMetadata('a');
    deepEqual(await secrets.list(), ['a-', 'a.c', 'a/', 'a0']);
    await secrets.put('a', {});
    await secrets.deleteMetadata('a/b');
    deepEqual(await secrets.list(), ['a', 'a-', 'a.c', 'a0']);
  }),

  rule('deleted, destroyed and bare secrets are listed; those whose metadata are deleted are not, nor their empty folders', async ({ secrets }) => {
    await secrets.put('f/deleted', {});
    await secrets.delete('f/deleted');
    await secrets.put('f/destroyed', {});
    await secrets.destroy('f/destroyed', [1]);
    await secrets.putMetadata('f/bare', { maxVersions: 1 });
    await secrets.put('g/gone', {});
    await secrets.deleteMetadata('g/gone');
    deepEqual(await secrets.list('f'), ['bare', 'deleted', 'destroyed']);
    deepEqual(await secrets.list(), ['f/']);
  }),

  rule('after and limit page through a list; after need not exist, and a folder counts with its slash', async ({ secrets }) => {
    for (const path of ['a', 'b', 'b/x', 'b/y', 'c', 'd/x', 'e']) await secrets.put(path, {});
    const all = ['a', 'b', 'b/', 'c', 'd/', 'e'];
    deepEqual(await secrets.list('', { after: '' }), all);
    for (let limit = 1; limit <= 7; limit++) {
      deepEqual(await secrets.list('', { limit }), all.slice(0, limit));
      const paged: string[] = [];
      for (let page: string[] = await secrets.list('', { limit }); page.length > 0; page = await secrets.list('', { limit, after: paged.at(-1) }))
        paged.push(...page);
      deepEqual(paged, all, `pages of ${limit}`);
    }
    deepEqual(await secrets.list('', { after: 'b' }), ['b/', 'c', 'd/', 'e']);
    deepEqual(await secrets.list('', { after: 'b/' }), ['c', 'd/', 'e']);
    deepEqual(await secrets.list('', { after: 'b/x' }), ['c', 'd/', 'e']);
    deepEqual(await secrets.list('', { after: 'bb' }), ['c', 'd/', 'e']);
    deepEqual(await secrets.list('', { after: 'd' }), ['d/', 'e']);
    for (const after of ['e', 'f', '~', '\u{10ffff}']) deepEqual(await secrets.list('', { after }), []);
    deepEqual(await secrets.list('b', { after: 'x' }), ['y']);
  }),

  rule('after and limit page through a scan', async ({ secrets }) => {
    const all = ['a', 'b', 'b/x', 'b/y/z', 'c'];
    for (const path of all) await secrets.put(path, {});
    deepEqual(await secrets.scan('', { limit: 2 }), ['a', 'b']);
    deepEqual(await secrets.scan('', { after: 'b', limit: 2 }), ['b/x', 'b/y/z']);
    deepEqual(await secrets.scan('', { after: 'b/xx' }), ['b/y/z', 'c']);
    deepEqual(await secrets.scan('b', { after: 'x' }), ['y/z']);
    deepEqual(await secrets.scan('', { after: 'c' }), []);
  }),

  rule('a limit that is no whole number above 0, or a start that is no text, is refused', async ({ secrets }) => {
    await secrets.put('a', {});
    for (const limit of [0, -1, 1.5, NaN, Infinity]) {
      const details = { field: 'limit', problem: `it must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}` };
      await refuses(secrets.list('', { limit }), 'INVALID_OPTION', details);
      await refuses(secrets.scan('', { limit }), 'INVALID_OPTION', details);
      await refuses(secrets.listDetailed('', { limit }), 'INVALID_OPTION', details);
    }
    const details = { field: 'after', problem: 'it has a lone surrogate' };
    await refuses(secrets.list('', { after: '\ud800' }), 'INVALID_OPTION', details);
    await refuses(secrets.scan('', { after: '\ud800' }), 'INVALID_OPTION', details);
  }),

  rule('the detailed list has the metadata of each secret and none for a folder; recursive, of all below', async ({ secrets }) => {
    await secrets.putMetadata('f/a', { maxVersions: 30, customMetadata: { owner: 'ada' } });
    await putVersions(secrets, 'f/a', 9);
    await secrets.put('f/b/c', {});
    await secrets.put('f/b', {});
    const detailed = await secrets.listDetailed('f');
    deepEqual(
      detailed.map(({ name }) => name),
      ['a', 'b', 'b/'],
    );
    deepEqual(detailed[0]?.metadata, await secrets.getMetadata('f/a'));
    deepEqual(detailed[1]?.metadata, await secrets.getMetadata('f/b'));
    equal(detailed[2]?.metadata, undefined);
    deepEqual(detailed[0]?.metadata?.versions.get(9)?.createdAt, date(START));
    const recursive = await secrets.listDetailed('', { recursive: true, after: 'f/a', limit: 2 });
    deepEqual(recursive, [
      { name: 'f/b', metadata: detailed[1]?.metadata },
      { name: 'f/b/c', metadata: await secrets.getMetadata('f/b/c') },
    ]);
    deepEqual(await secrets.listDetailed('f', { after: 'a', limit: 1 }), [{ name: 'b', metadata: detailed[1]?.metadata }]);
  }),

  rule('names() pages by itself through more than a page, and shows what list shows', async ({ engine }) => {
    const secrets = engine({ sealer: plaintextSealer() });
    await secrets.atomic((tx) => {
      for (let i = 0; i < 2_001; i++) tx.put(`f/${i}`, {});
      tx.put('f/7/x', {});
    });
    const names: string[] = [];
    for await (const name of secrets.names('f')) names.push(name);
    equal(names.length, 2_002);
    deepEqual(names, await secrets.list('f'));
    for await (const name of secrets.names('nothing')) equal(name, undefined);
    for await (const name of secrets.names('f/')) {
      equal(name, '0');
      break;
    }
  }),

  rule('a folder with 5,000 secrets below costs a bounded number of requests to list beside others: they are skipped, not walked', async (bench) => {
    const sealer = plaintextSealer();
    await bench.engine({ sealer }).atomic((tx) => {
      for (let i = 0; i < 5_000; i++) tx.put(`big/${i % 10}/${i}`, {});
      tx.put('a', {});
      tx.put('big', {});
      tx.put('z', {});
    });
    let requests = 0;
    const store = observedStore(bench.store, (event) => {
      if (event === 'scanKeys' || event === 'scan') requests++;
    });
    const secrets = bench.engine({ sealer, store });
    deepEqual(await secrets.list(), ['a', 'big', 'big/', 'z']);
    equal(requests <= 4, true, `requests for four entries: ${requests}`);
    requests = 0;
    equal((await secrets.list('big')).length, 10);
    equal(requests <= 11, true, `requests for ten folders: ${requests}`);
    requests = 0;
    deepEqual(await secrets.list('', { after: 'big', limit: 1 }), ['big/']);
    equal(requests, 1, 'requests for one entry');
  }),

  rule('a list is one snapshot, whatever is written meanwhile', async ({ secrets }) => {
    for (let round = 0; round < 5; round++) {
      await secrets.atomic((tx) => {
        tx.put('a', {});
        tx.deleteMetadata('z');
      });
      const [names] = await Promise.all([
        secrets.list(),
        secrets.atomic((tx) => {
          tx.deleteMetadata('a');
          tx.put('z', {});
        }),
      ]);
      equal(names.length, 1, `a or z: ${names.join()}`);
      await secrets.deleteMetadata('z');
    }
  }),
];
