import { rawJson } from '../../json-input.ts';
import type { JsonObject } from '../../json-text.ts';
import { deepEqual, equal } from '../assert.ts';
import type { EngineCase } from './bench.ts';
import { refuses, rule, untouched } from './bench.ts';

/** What comes back character by character. */
const EXACT = [
  '{"n":12345678901234567890,"m":-9223372036854775808}',
  '{"f":1.0,"g":1.10,"h":-0.0,"i":-0}',
  '{"big":1e400,"small":1E-400,"plus":1e+2}',
  '{"b":1,"10":2,"a":3,"9":4,"":5}',
  '{"__proto__":{"a":1},"constructor":1,"toString":2}',
  '{"s":"é😀\u2028","list":[[],{},[null,true,false]]}',
  'null',
  '{}',
];

/** Text that is not stored as it came, though equal. */
const COMPACTED: readonly [given: string, stored: string][] = [
  [' { "a" : [ 1 ,\n\t2 ] } \r\n', '{"a":[1,2]}'],
  [' null ', 'null'],
];

const NOT_JSON: readonly [text: string, member: string][] = [
  ['', '$'],
  ['{', '$'],
  ['{"a":1,}', '$'],
  ['{"a":[1,]}', '$.a[1]'],
  ["{'a':1}", '$'],
  ['{"a":01}', '$.a'],
  ['{"a":1.}', '$.a'],
  ['{"a":NaN}', '$.a'],
  ['{"a":undefined}', '$.a'],
  ['{"a":"\u0001"}', '$.a'],
  ['{"a":"\\x"}', '$.a'],
  ['{"a":1} x', '$'],
  ['{"a":1}{}', '$'],
  ['{"a":{"b":[0,"\\ud800"]}}', '$.a.b[1]'],
  ['{"a":"\ud800"}', '$'],
  ['{"a":1,"b":{"c":1,"c":2}}', '$.b.c'],
  ['{"a":1,"\\u0061":2}', '$.a'],
  ['[]', '$'],
  ['"text"', '$'],
  ['1', '$'],
  ['true', '$'],
  ['\ufeff{}', '$'],
];

/** What JSON would change or drop, and where it is found. */
function unstorable(): [value: unknown, member: string][] {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = { cycle };
  const sparse = [1];
  sparse[2] = 3;
  class Account {
    name = 'ada';
  }
  return [
    [undefined, '$'],
    ['text', '$'],
    [1, '$'],
    [true, '$'],
    [[], '$'],
    [[{}], '$'],
    [{ a: undefined }, '$.a'],
    [{ a: { b: [0, 1, NaN] } }, '$.a.b[2]'],
    [{ a: Infinity }, '$.a'],
    [{ a: -Infinity }, '$.a'],
    [{ a: 1n }, '$.a'],
    [{ a: Symbol('s') }, '$.a'],
    [{ a: () => 1 }, '$.a'],
    [{ a: new Date(0) }, '$.a'],
    [{ a: new Map() }, '$.a'],
    [{ a: new Set() }, '$.a'],
    [{ a: new Uint8Array(1) }, '$.a'],
    [{ a: new ArrayBuffer(1) }, '$.a'],
    [{ a: /x/ }, '$.a'],
    [{ a: Promise.resolve() }, '$.a'],
    [{ a: new Account() }, '$.a'],
    [{ a: Object(1) }, '$.a'],
    [new Account(), '$'],
    [new Error('e'), '$'],
    [{ a: { toJSON: () => 1 } }, '$.a'],
    [{ a: [1, , 3] }, '$.a'], // oxlint-disable-line no-sparse-arrays -- a hole is what is tested
    [{ a: sparse }, '$.a'],
    [{ a: Object.assign([1], { more: 2 }) }, '$.a'],
    [{ [Symbol('s')]: 1 }, '$'],
    [Object.defineProperty({}, 'getter', { enumerable: true, get: () => 1 }), '$'],
    [Object.defineProperty({}, 'hidden', { enumerable: false, value: 1 }), '$'],
    [{ a: '\ud800' }, '$.a'],
    [{ '\udfff': 1 }, '$'],
  ];
}

const UNUSABLE_PATHS: readonly [path: string, problem: string][] = [
  ['', 'it is empty'],
  ['/', 'it has an empty segment'],
  ['/a', 'it has an empty segment'],
  ['a/', 'it has an empty segment'],
  ['a//b', 'it has an empty segment'],
  ['.', 'it has a relative segment'],
  ['..', 'it has a relative segment'],
  ['a/./b', 'it has a relative segment'],
  ['a/..', 'it has a relative segment'],
  ['../a', 'it has a relative segment'],
  ['a\0b', 'it has a control character or a lone surrogate'],
  ['a\nb', 'it has a control character or a lone surrogate'],
  ['\x7f', 'it has a control character or a lone surrogate'],
  ['a\x85', 'it has a control character or a lone surrogate'],
  ['\ud800', 'it has a control character or a lone surrogate'],
  ['a/\udfff/b', 'it has a control character or a lone surrogate'],
];

const USABLE_PATHS = [
  'a b',
  ' ',
  '...',
  '.a',
  'a.',
  '..a/b..',
  '%2e%2e',
  'a%2Fb',
  'a\\b',
  '~',
  '?x=1#y',
  '{}',
  'é',
  'e\u0301',
  '\u200b',
  '\ufeff',
  '\u{10ffff}',
  'data/metadata',
  '__proto__',
  'constructor',
];

export const valueCases: readonly EngineCase[] = [
  rule('exact JSON comes back character by character', async ({ secrets }) => {
    for (const text of EXACT) {
      await secrets.put('a', rawJson(text));
      equal((await secrets.get('a'))?.text, text);
      deepEqual((await secrets.get('a'))?.data, JSON.parse(text));
    }
    for (const [given, stored] of COMPACTED) {
      await secrets.put('a', rawJson(given));
      equal((await secrets.get('a'))?.text, stored);
    }
  }),

  rule('__proto__ is an ordinary member: given, stored and read as one', async ({ secrets }) => {
    await secrets.put('a', JSON.parse('{"__proto__":{"polluted":true}}') as JsonObject);
    const { data, text } = (await secrets.get('a'))!;
    equal(text, '{"__proto__":{"polluted":true}}');
    equal(Object.hasOwn(data!, '__proto__'), true);
    equal(Object.getPrototypeOf(data), Object.prototype);
    equal(({} as { polluted?: boolean }).polluted, undefined);
    equal((await secrets.subkeys('a'))?.text, '{"__proto__":{"polluted":null}}');
  }),

  rule('a JavaScript value is stored as JSON.stringify writes it, but for -0, which keeps its sign', async ({ secrets }) => {
    const value = { b: [1.5, 1e21, 1e-7, -3], 10: 'ten', s: 'é\n"\\\u2028😀', nested: { deep: [[]] }, t: true, nil: null };
    await secrets.put('a', value);
    equal((await secrets.get('a'))?.text, JSON.stringify(value));
    await secrets.put('a', { zero: -0 });
    equal((await secrets.get('a'))?.text, '{"zero":-0}');
    equal((await secrets.get('a'))?.data?.['zero'], -0);
    await secrets.put('a', Object.assign(Object.create(null) as object, { bare: 1 }));
    equal((await secrets.get('a'))?.text, '{"bare":1}');
  }),

  rule('text that is no JSON object or null, or has a member twice or a lone surrogate, is refused by member; nothing is written', async (bench) => {
    const { secrets } = bench;
    await secrets.put('a', {});
    await untouched(bench, async () => {
      for (const [text, member] of NOT_JSON) await refusesValue(secrets.put('a', rawJson(text)), member, text);
    });
  }),

  rule('a value that JSON would change or drop is refused by member; nothing is written', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, async () => {
      for (const [value, member] of unstorable()) {
        const text = String(typeof value === 'object' ? Object.prototype.toString.call(value) : value);
        await refusesValue(secrets.put('a', value as JsonObject), member, text);
        await refusesValue(
          secrets.update('a', () => value as JsonObject),
          member,
          text,
        );
      }
    });
    await secrets.put('a', { n: 1 });
    await untouched(bench, () => refusesValue(secrets.patch('a', { a: undefined } as unknown as JsonObject), '$.a', 'a patch'));
  }),

  rule('a cycle is refused, as too deep', async (bench) => {
    const cycle: Record<string, unknown> = { list: [] };
    (cycle['list'] as unknown[]).push(cycle);
    const error = bench.engine({ limits: { maxDepth: 4 } }).put('a', cycle as unknown as JsonObject);
    await refuses(error, 'VALUE_TOO_DEEP', { maxDepth: 4, member: '$.list[0].list[0]' }, { path: 'a' });
  }),

  rule('refusals of a value never tell the value', async ({ secrets }) => {
    const marker = 'correct-horse';
    for (const text of [`{"a":"${marker}\\x"}`, `{"a":${marker}}`, `{"a":"${marker}","a":1}`, `"${marker}"`]) {
      const error: unknown = await secrets.put('a', rawJson(text)).catch((reason: unknown) => reason);
      equal(JSON.stringify([String(error), error, Object.entries(error as object)]).includes(marker), false, `the refusal of ${text} tells it`);
    }
  }),

  // Limits

  rule('a value may be as long as the limit, in bytes of UTF-8 of its compact text, and not a byte longer', async (bench) => {
    const secrets = bench.engine({ limits: { maxBytes: 20 } });
    const fits = ['{"a":"123456789012"}', '{"a":"éééééé"}', '{"a":"😀😀😀"}', '{"a":[1,2,3,4,5,6]}', ' {"a":"1"} '];
    for (const text of fits) {
      await secrets.put('a', rawJson(text));
      await secrets.put('a', JSON.parse(text) as JsonObject);
    }
    await untouched(bench, async () => {
      for (const text of ['{"a":"1234567890123"}', '{"a":"ééééééé"}', '{"a":"😀😀😀1"}', '{"a":[1,2,3,4,5,6,7]}']) {
        await refuses(secrets.put('a', rawJson(text)), 'VALUE_TOO_LARGE', { maxBytes: 20 }, { path: 'a' });
        await refuses(secrets.put('a', JSON.parse(text) as JsonObject), 'VALUE_TOO_LARGE', { maxBytes: 20 }, { path: 'a' });
      }
    });
  }),

  rule('by default a value may have a mebibyte: exactly that is stored and read, a byte more is refused', async (bench) => {
    const { secrets } = bench;
    const fill = 1024 * 1024 - '{"a":""}'.length;
    await secrets.put('a', { a: 'x'.repeat(fill) });
    equal((await secrets.get('a'))?.text?.length, 1024 * 1024);
    await untouched(bench, () => refuses(secrets.put('a', { a: 'x'.repeat(fill + 1) }), 'VALUE_TOO_LARGE', { maxBytes: 1024 * 1024 }));
  }),

  rule('a value may be nested as deep as the limit, 500 by default, and not a level deeper', async (bench) => {
    const { secrets } = bench;
    const nested = (depth: number): JsonObject => {
      let value: JsonObject = {};
      for (let i = 1; i < depth; i++) value = { a: value };
      return value;
    };
    await secrets.put('a', nested(500));
    await secrets.put('a', rawJson(JSON.stringify(nested(500))));
    const member = `$${'.a'.repeat(500)}`;
    await untouched(bench, async () => {
      await refuses(secrets.put('a', nested(501)), 'VALUE_TOO_DEEP', { maxDepth: 500, member }, { path: 'a' });
      await refuses(secrets.put('a', rawJson(JSON.stringify(nested(501)))), 'VALUE_TOO_DEEP', { maxDepth: 500, member }, { path: 'a' });
      await refuses(secrets.put('a', rawJson(`{"a":${'['.repeat(100_000)}`)), 'VALUE_TOO_DEEP', { maxDepth: 500, member: `$.a${'[0]'.repeat(499)}` });
    });
    const shallow = bench.engine({ limits: { maxDepth: 2 } });
    await shallow.put('a', { list: [1] });
    await refuses(shallow.put('a', { list: [[]] }), 'VALUE_TOO_DEEP', { maxDepth: 2, member: '$.list[0]' });
  }),

  rule('a path may be as long as the limit, 1,024 bytes by default, and not a byte longer', async (bench) => {
    const { secrets } = bench;
    for (const path of ['p'.repeat(1024), 'é'.repeat(512), '😀'.repeat(256), `${'d/'.repeat(511)}ab`]) {
      await secrets.put(path, {});
      equal((await secrets.get(path))?.version, 1);
    }
    await untouched(bench, async () => {
      for (const [path, bytes] of [
        ['p'.repeat(1025), 1025],
        ['é'.repeat(513), 1026],
        ['😀'.repeat(257), 1028],
      ] as const) {
        await refuses(secrets.put(path, {}), 'PATH_TOO_LONG', { bytes, maxBytes: 1024 });
        await refuses(secrets.get(path), 'PATH_TOO_LONG', { bytes, maxBytes: 1024 });
        await refuses(secrets.list(path), 'PATH_TOO_LONG', { bytes, maxBytes: 1024 });
      }
      await refuses(bench.engine({ limits: { maxPathBytes: 3 } }).put('long', {}), 'PATH_TOO_LONG', { bytes: 4, maxBytes: 3 });
    });
  }),

  // Paths

  rule('an odd path is refused by every operation, never cleaned; nothing is written', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, async () => {
      for (const [path, problem] of UNUSABLE_PATHS) {
        const calls = [
          secrets.put(path, {}),
          secrets.get(path),
          secrets.update(path, () => ({})),
          secrets.patch(path, {}),
          secrets.delete(path),
          secrets.deleteVersions(path, [1]),
          secrets.undelete(path, [1]),
          secrets.destroy(path, [1]),
          secrets.subkeys(path),
          secrets.getMetadata(path),
          secrets.putMetadata(path, { maxVersions: 1 }),
          secrets.patchMetadata(path, { maxVersions: 1 }),
          secrets.deleteMetadata(path),
        ];
        for (const call of calls) await refuses(call, 'INVALID_PATH', { problem });
      }
    });
  }),

  rule('an odd folder is refused by every listing; an empty one and a trailing slash are fine', async ({ secrets }) => {
    for (const folder of ['//', '/a', 'a//', 'a//b', '..', 'a/../', './', 'a\0/', '\ud800']) {
      for (const call of [secrets.list(folder), secrets.scan(folder), secrets.listDetailed(folder), secrets.names(folder).next()]) {
        const error: unknown = await call.catch((reason: unknown) => reason);
        equal((error as { code?: unknown }).code, 'INVALID_PATH', `the folder ${JSON.stringify(folder)}`);
      }
    }
    for (const folder of ['', '/', 'a', 'a/', 'a/b/']) deepEqual(await secrets.list(folder), []);
  }),

  rule('unusual paths are kept as they are, each a secret of its own', async ({ secrets }) => {
    for (const path of USABLE_PATHS) await secrets.put(path, { path });
    for (const path of USABLE_PATHS) deepEqual((await secrets.get(path))?.data, { path });
    equal((await secrets.scan()).length, USABLE_PATHS.length);
    for (const path of USABLE_PATHS) await secrets.deleteMetadata(path);
    deepEqual(await secrets.scan(), []);
  }),

  rule('a path that is no string is a TypeError', async ({ secrets }) => {
    for (const path of [undefined, null, 1, {}]) {
      const error: unknown = await secrets.get(path as unknown as string).catch((reason: unknown) => reason);
      equal(error instanceof TypeError, true);
    }
  }),
];

async function refusesValue(promise: Promise<unknown>, member: string, what: string): Promise<void> {
  const error = (await promise.then(
    () => new Error(`${what} was stored`),
    (reason: unknown) => reason,
  )) as { code?: unknown; member?: unknown; problem?: unknown; path?: unknown };
  equal(error.code, 'INVALID_VALUE', `the refusal of ${what} (${String(error)})`);
  equal(error.member, member, `the member of ${what}`);
  equal(typeof error.problem, 'string');
  equal(error.path, 'a');
}
