import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import type { Block } from './markdown.ts';
import { ROOT } from './markdown.ts';

const run = promisify(execFile);

/** Runs a program; its own output is part of the error if it fails. */
export async function execute(program: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout } = await run(program, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024, shell: false });
  return stdout;
}

/** A folder, gone with `remove`. Inside of the project if what is in it imports its packages. */
export function temporaryFolder({ inside = false } = {}): { readonly path: string; remove(): void } {
  const parent = inside ? join(ROOT, 'node_modules', '.cache') : tmpdir();
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'sealkv-docs-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes modules to a folder, as they stand in the documentation. */
export function writeModules(folder: string, modules: readonly Block[], change: (code: string) => string = (code) => code): void {
  mkdirSync(folder, { recursive: true });
  for (const { name, code, page, line } of modules) {
    const path = join(folder, mustBe(name, `${page}:${line}: a module needs a file name`));
    if (existsSync(path)) throw new Error(`${page}:${line}: there is a ${name} already`);
    writeFileSync(path, change(code));
  }
}

// `expression; // → expected (a remark)`
const EXPECTATION = /^( *)(.+); *\/\/ → (.+?)(?: \(.*\))?$/gm;

/** The same module with a check in place of every expectation. */
export function checked(code: string): string {
  return code.replace(EXPECTATION, (line, indent: string, expression: string, expected: string) => {
    return `${indent}(globalThis as any).expectAsDocumented(${expression}, ${expected}, ${JSON.stringify(line.trim())});`;
  });
}

export function countExpectations(code: string): number {
  return [...code.matchAll(EXPECTATION)].length;
}

/** Runs a module of a folder in this process, the packages it imports as they are found from there. */
export async function runModule(folder: string, name: string): Promise<void> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(folder, name)],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    jsx: 'automatic',
    target: 'es2023',
    logLevel: 'silent',
  });
  await import(/* @vite-ignore */ pathToFileURL(outfile).href);
}

/** Bundles a module of a folder as a Worker. */
export async function bundleWorker(folder: string, name: string): Promise<URL> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(folder, name)],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2023',
    conditions: ['workerd'],
    external: ['cloudflare:*'],
    logLevel: 'silent',
  });
  return pathToFileURL(outfile);
}

export function mustBe<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new Error(otherwise);
  return value;
}

export interface CurlCommand {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** A curl command line: `-H`, `-d`, `-X` and an address, in any order. */
export function parseCurl(line: string, variables: Readonly<Record<string, string>>): CurlCommand {
  const words = Array.from(line.matchAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|(\S+)/g), ([, single, double, bare]) =>
    // A shell puts variables in everywhere but between single quotes.
    single !== undefined
      ? single
      : (double?.replaceAll('\\"', '"') ?? bare)!.replace(/\$(\w+)/g, (_, name: string) => mustBe(variables[name], `$${name} is not set`)),
  );
  const headers: Record<string, string> = {};
  let [method, url, body] = [undefined as string | undefined, undefined as string | undefined, undefined as string | undefined];
  for (let i = 1; i < words.length; i++) {
    const word = words[i]!;
    if (word === '-H') {
      const [name = '', value = ''] = words[++i]!.split(/: */, 2);
      headers[name] = value;
    } else if (word === '-d') body = words[++i];
    else if (word === '-X') method = words[++i];
    else if (word.startsWith('http') && url === undefined) url = word;
    else throw new Error(`not understood: ${word} in ${line}`);
  }
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), url: mustBe(url, `no address: ${line}`), headers, body };
}
