import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Page {
  /** Relative to the root. */
  readonly file: string;
  readonly text: string;
}

/** Every page of documentation there is. */
export const pages: readonly Page[] = ['*.md', 'docs/**/*.md', 'packages/*/*.md', 'bench/**/*.md', 'examples/**/*.md']
  .flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude: (name) => name === 'node_modules' }))
  .sort()
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));

export function pageAt(file: string): Page {
  const page = pages.find((other) => other.file === file);
  if (page === undefined) throw new Error(`there is no ${file}`);
  return page;
}

export interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  /** What stands in the comment before the block: `<!-- run: kind file -->`. */
  readonly kind: string | undefined;
  readonly name: string | undefined;
  readonly code: string;
}

const FENCE = /^ *(?:`{3,}|~{3,})(.*)$/;
const MARKER = /^ *<!-- run: ([\w-]+)(?: ([\w.-]+))? -->$/;

/** The fenced blocks of a page, whether they are marked or not. */
export function blocksOf({ file, text }: Page): Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const language = FENCE.exec(lines[i]!)?.[1];
    if (language === undefined) continue;
    const [, kind, name] = MARKER.exec(lines[i - 1] ?? '') ?? [];
    const start = i + 1;
    do i++;
    while (i < lines.length && !FENCE.test(lines[i]!));
    if (i === lines.length) throw new Error(`${file}:${start}: a block without an end`);
    blocks.push({ page: file, line: start, language: language.trim(), kind, name, code: `${lines.slice(start, i).join('\n')}\n` });
  }
  return blocks;
}

export const blocks: readonly Block[] = pages.flatMap(blocksOf);

/** A page without its blocks. */
export function proseOf({ text }: Page): string {
  return text.replace(/^ *(`{3,}|~{3,}).*\n[^]*?^ *\1 *$/gm, '');
}

/** The rows of the table whose first column has this heading, as cells; without heading and rule. */
export function tableUnder({ file, text }: Page, heading: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  if (start < 0) throw new Error(`${file} has no table under ${heading}`);
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'));
  return lines.slice(start + 2, end < 0 ? undefined : end).map((line) =>
    line
      .replace(/^\||\|$/g, '')
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}
