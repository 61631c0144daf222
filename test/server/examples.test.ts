import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** How the test command of an example is run with what is installed here, and what shows that it did something. */
const COMMANDS: Readonly<Record<string, readonly [program: string, args: readonly string[], shows: RegExp]>> = {
  'node --test': [process.execPath, ['--test'], /^. tests [1-9]\d*\n(?:.*\n)*. fail 0$/m],
  'vitest run': [process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run'], /Tests {2}[1-9]\d* passed/],
};

interface Manifest {
  readonly scripts: { readonly test: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest;
}

const examples = globSync('examples/*/package.json', { cwd: ROOT })
  .map((file) => file.replace('/package.json', ''))
  .sort();

test('there are examples', () => {
  expect(examples).toEqual(expect.arrayContaining(['examples/node-test', 'examples/vitest']));
});

test.each(examples)('the tests of %s pass', async (folder) => {
  const { scripts } = manifestIn(folder);
  const [program, args, shows] = COMMANDS[scripts.test]!;
  // Nothing of the run that this one is part of.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_|TEST$|VAULT_)/.test(name)));
  const { stdout } = await run(program, args, { cwd: join(ROOT, folder), env: { ...env, NO_COLOR: '1' } });
  expect(stdout).toMatch(shows);
});

test.each(examples)('%s asks for the versions that are tested here', (folder) => {
  const own = manifestIn('.');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'packages/server/package.json'), 'utf8')) as { version: string };
  const tested: Readonly<Record<string, string>> = { ...own.devDependencies, '@sealkv/server': version };
  const { dependencies, devDependencies } = manifestIn(folder);
  for (const [name, asked] of Object.entries({ ...dependencies, ...devDependencies })) expect([name, asked]).toEqual([name, tested[name]]);
});
