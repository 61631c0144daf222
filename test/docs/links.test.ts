import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { pages, proseOf, ROOT } from './markdown.ts';

test.each(pages)('what $file links to is there', (page) => {
  const broken = Array.from(proseOf(page).matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target!).filter((target) => {
    if (target.startsWith('https://')) return false;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page.file : join(dirname(page.file), path);
    if (!existsSync(join(ROOT, file))) return true;
    return anchor !== undefined && !anchorsOf(file).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test.each(pages)('the files that $file names are there', (page) => {
  const named = Array.from(proseOf(page).matchAll(/`((?:packages|test|scripts|docs|bench|examples|\.ci)\/[\w./-]+)`/g), ([, path]) => path!);
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('every package and every folder of documentation has its page', () => {
  const files = pages.map(({ file }) => file);
  for (const name of ['core', 'idb-adapter', 'live', 'http', 'worker', 'server']) expect(files).toContain(`packages/${name}/README.md`);
  expect(statSync(join(ROOT, 'LICENSE')).isFile()).toBe(true);
});

test('no two decisions have the same number', () => {
  // A number is taken before its decision is written, so there may be a gap for a while.
  const numbers = pages.flatMap(({ file }) => /^docs\/decisions\/(\d{4})-/.exec(file)?.[1] ?? []);
  expect(numbers.length).toBeGreaterThan(8);
  expect(new Set(numbers).size).toBe(numbers.length);
});

/** As GitHub makes them of headings. */
function anchorsOf(file: string): string[] {
  const { text } = pages.find((page) => page.file === file) ?? { text: '' };
  return Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
