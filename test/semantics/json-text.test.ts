import { isSealKvError } from '@sealkv/core';
import type { JsonText } from '@sealkv/core/json';
import { checkJsonText, encodeJson, mergePatch, parseTree, printTree, subkeys } from '@sealkv/core/json';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const LIMITS = { maxBytes: 1e6, maxDepth: 500 };

test('any JSON, however it is spaced, is the same text as a tree and without one', () => {
  const json = fc.jsonValue({ stringUnit: 'grapheme' });
  fc.assert(
    fc.property(json, fc.constantFrom('', ' ', '\n\t'), (value, space) => {
      const compact = JSON.stringify(value);
      const spaced = JSON.stringify(value, undefined, space);
      expect(printTree(parseTree(spaced))).toBe(compact);
      const wrapped = `{"a":${spaced}}`;
      expect(checkJsonText(wrapped, LIMITS)).toBe(`{"a":${compact}}`);
      expect(encodeJson(JSON.parse(wrapped), LIMITS).replaceAll('-0', '0')).toBe(`{"a":${compact}}`.replaceAll('-0', '0'));
    }),
  );
});

test('a text that nobody has checked is told from a stored one by an error, and soon', () => {
  const damaged = fc.string({ unit: fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', '1', 'a', ' '), maxLength: 40 });
  const sound = fc.jsonValue().map((value) => JSON.stringify({ a: value }));
  const cut = fc.tuple(sound, fc.nat(60), fc.nat(5)).map(([text, at, length]) => text.slice(0, at) + text.slice(at + length));
  fc.assert(
    fc.property(fc.oneof(damaged, cut), (text) => {
      for (const read of [() => subkeys(text as JsonText, 0), () => mergePatch(text as JsonText, '{"a":{"b":1}}' as JsonText, LIMITS)]) {
        try {
          read();
        } catch (error) {
          expect(isSealKvError(error, 'CORRUPT')).toBe(true);
        }
      }
    }),
    { numRuns: 2000 },
  );
});
