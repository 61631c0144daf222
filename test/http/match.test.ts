import { expect, test } from 'vitest';
import type { Saved } from './match.ts';
import { differences } from './match.ts';

const match = (expected: unknown, actual: unknown, saved: Saved = new Map()): boolean => differences(expected, actual, saved, 'body').length === 0;

test.each<[expected: unknown, fitting: unknown[], others: unknown[]]>([
  [1, [1], ['1', 2, null, undefined]],
  [null, [null], [undefined, 0, '', {}]],
  ['$any', [null, 0, {}], [undefined]],
  ['$absent', [undefined], [null, '']],
  ['$string', ['', 'x'], [1, null, undefined]],
  ['$int', [0, -1], [1.5, '1', undefined]],
  ['$time', ['2026-01-31T00:00:00Z', '2026-01-31T00:00:00.123456789Z'], ['2026-01-31', '2026-01-31T00:00:00.1234567890Z', '2026-13-01T00:00:00Z', 0]],
  ['$uuid', ['b0dd7df8-a2ef-1ad1-389b-a074a1c24720'], ['B0DD7DF8-A2EF-1AD1-389B-A074A1C24720', 'b0dd7df8']],
  ['$prefix:a b', ['a bc'], ['a', 'xa b', 1]],
  ['$contains:a:b', ['xa:by'], ['ab', 1]],
  ['$timely', ['$timely'], ['2026-01-31T00:00:00Z']],
  [[1, '$int'], [[1, 2]], [[1], [2, 1], [1, 2, 3], { 0: 1, 1: 2 }]],
  [{ $unordered: ['a', 'b'] }, [['b', 'a']], [['a'], ['a', 'b', 'b'], ['a', 'a'], 'ab']],
  [{ a: 1, c: '$absent' }, [{ a: 1 }, { a: 1, b: 2 }], [{}, { a: 1, c: null }, [], null]],
  [{ toString: '$any' }, [{ toString: 1 }], [{}]],
])('%j fits what it says and nothing else', (expected, fitting, others) => {
  for (const actual of fitting) expect(match(expected, actual), JSON.stringify(actual)).toBe(true);
  for (const actual of others) expect(match(expected, actual), JSON.stringify(actual)).toBe(false);
});

test('a value that was kept must come again', () => {
  const saved: Saved = new Map();
  expect(match({ a: '$same:v' }, { a: 1 }, saved)).toBe(false);
  expect(match({ a: '$save:v' }, { a: [1, { b: 2 }] }, saved)).toBe(true);
  expect(match('$same:v', [1, { b: 2 }], saved)).toBe(true);
  expect(match('$same:v', [1, { b: 3 }], saved)).toBe(false);
});

test('where it must be exact, every other member is a difference, at every depth, and only there', () => {
  const expected = { data: { keys: [{ a: 1 }] } };
  expect(differences(expected, { more: 0, data: { keys: [{ a: 1 }] } }, new Map(), 'body', 'body.data')).toEqual([]);
  expect(differences(expected, { database: {}, data: { keys: [{ a: 1, b: 2 }], c: 3 } }, new Map(), 'body', 'body.data')).toEqual([
    'body.data.keys[0].b: expected nothing, got 2',
    'body.data.c: expected nothing, got 3',
  ]);
  expect(differences({ database: {} }, { database: { x: 1 } }, new Map(), 'body', 'body.data')).toEqual([]);
});
