import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Opened } from './places.ts';
import { PLACES } from './places.ts';

// Clients that are no npm packages, as Debian has them. Where they are not installed their tests are skipped, by name; in CI that is a failure.

const run = promisify(execFile);
const PYTHON = '/usr/bin/python3';
const [FRONT, BARE] = PLACES;
const SLOW = 600_000;

const home = mkdtempSync(join(tmpdir(), 'sealkv-test-'));
afterAll(() => rmSync(home, { recursive: true }));

/** Runs a command with nothing in its environment that is not said here, and gives what it writes. Rejects if it fails. */
async function output(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  // Not what is in `node_modules/.bin`, nor in the user's home: a token is kept there.
  const base = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8' };
  return (await run(command, args, { env: { ...base, ...env }, maxBuffer: 64 * 1024 * 1024 })).stdout;
}

const file = (name: string): string => fileURLToPath(new URL(`debian/${name}`, import.meta.url));

interface Client {
  readonly name: string;
  readonly package: string;
  /** A command that only succeeds where the client is. */
  readonly probe: readonly [command: string, ...args: string[]];
}

async function describeClient({ name, package: debianPackage, probe: [command, ...args] }: Client, tests: () => void): Promise<void> {
  const isThere = await output(command, args).then(
    () => true,
    () => false,
  );
  const problem = `it is not installed: apt-get install ${debianPackage}`;
  if (isThere) describe(name, tests);
  else if (process.env['CI'])
    test(`${name} is installed`, () => {
      throw new Error(problem);
    });
  else {
    // The reporter only tells how many there are.
    console.warn(`SKIPPED ${name}: ${problem}`);
    test.skip(`${name} (${problem})`, () => undefined);
  }
}

/** Opens a server for all tests of the surrounding `describe`. */
function serverAt({ open }: (typeof PLACES)[number]): () => Opened {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened?.close());
  return () => opened;
}

interface Outcome {
  readonly rule: string;
  readonly calls: number;
  /** How many of the calls were the LIST that a bare Worker never sees. */
  readonly refused?: number | undefined;
  readonly problem: string | null;
}

function passed(outcomes: readonly Outcome[]): string {
  const count = (counted: readonly Outcome[]): number => counted.reduce((sum, { calls }) => sum + calls, 0);
  const refused = outcomes.reduce((sum, outcome) => sum + (outcome.refused ?? 0), 0);
  const verbs = refused === 0 ? '' : `, ${refused} of them the 501 for LIST`;
  return `${count(outcomes.filter(({ problem }) => problem === null))} of ${count(outcomes)} calls passed${verbs}`;
}

/** Prints one line of all that came out of a client, when its tests are over. */
function figures(name: string): string[] {
  const lines: string[] = [];
  afterAll(() => console.log(`FIGURE ${name}: ${lines.join('; ')}`));
  return lines;
}

await describeClient({ name: 'hvac', package: 'python3-hvac', probe: [PYTHON, '-c', 'import hvac'] }, () => {
  const lines = figures('hvac');
  describe.each([
    { ...FRONT, listBy: 'verb', how: 'LIST works' },
    { ...BARE, listBy: 'query', how: 'with strict_http, which asks for lists by the query, all works' },
    { ...BARE, listBy: 'refused', how: 'LIST is answered with 501, and all else works' },
  ])('$where', (place) => {
    const server = serverAt(place);
    test(
      `every call about KV, mounts, tokens, policies, logins and wrapping: ${place.how}`,
      async () => {
        const { url, rootToken } = server();
        const env = { VAULT_ADDR: url, ROOT_TOKEN: rootToken, LIST_BY: place.listBy };
        const outcomes = JSON.parse(await output(PYTHON, ['-W', 'ignore', file('hvac_calls.py')], env)) as Outcome[];
        lines.push(`${place.where}${place.listBy === 'query' ? ' with strict_http' : ''} ${passed(outcomes)}`);
        expect(outcomes.filter(({ problem }) => problem !== null)).toEqual([]);
      },
      SLOW,
    );
  });
});

interface Playbook {
  readonly plays: readonly {
    readonly tasks: readonly { readonly task: { readonly name: string }; readonly hosts: { readonly localhost: TaskResult } }[];
  }[];
}

interface TaskResult {
  readonly failed?: boolean;
  readonly msg?: unknown;
  readonly results?: readonly unknown[];
}

const ANSIBLE = { name: 'Ansible with community.hashi_vault', package: 'ansible python3-hvac' };
await describeClient({ ...ANSIBLE, probe: ['ansible-doc', '--type', 'module', 'community.hashi_vault.vault_kv2_write'] }, () => {
  const lines = figures('Ansible community.hashi_vault');
  describe.each([FRONT, BARE])('$where', (place) => {
    const server = serverAt(place);
    test(
      'every module and lookup about KV, tokens and logins',
      async () => {
        const { url, rootToken } = server();
        const folders = { ANSIBLE_HOME: home, ANSIBLE_LOCAL_TEMP: home, ANSIBLE_REMOTE_TEMP: home };
        const quick = { ANSIBLE_PIPELINING: 'True', ANSIBLE_STDOUT_CALLBACK: 'json', ANSIBLE_LOCALHOST_WARNING: 'False' };
        const env = { ...folders, ...quick, ANSIBLE_HASHI_VAULT_ADDR: url, ANSIBLE_HASHI_VAULT_TOKEN: rootToken };
        // When a task fails the playbook ends there, and so does the command: what it has written tells which.
        const written = await output('ansible-playbook', ['--inventory', 'localhost,', file('ansible.yml')], env).catch(
          (error: { stdout: string; stderr: string }) => error.stdout || Promise.reject(new Error(error.stderr)),
        );
        const { plays } = JSON.parse(written) as Playbook;
        const outcomes = plays[0]!.tasks.map(({ task, hosts: { localhost: result } }) => {
          const problem = result.failed ? JSON.stringify(result.msg ?? result) : null;
          return { rule: task.name, calls: result.results?.length ?? 1, problem };
        });
        lines.push(`${place.where} ${passed(outcomes)}`);
        expect(outcomes.filter(({ problem }) => problem !== null)).toEqual([]);
        expect(outcomes.at(-1)!.rule).toMatch(/^The lookups/);
      },
      SLOW,
    );
  });
});

await describeClient({ name: 'Packer', package: 'packer', probe: ['packer', 'version'] }, () => {
  const lines = figures('Packer');
  describe.each([FRONT, BARE])('$where', (place) => {
    const server = serverAt(place);
    test(
      'the function `vault` reads secrets of KV v1 and v2, and shows the refusal of a wrong token',
      async () => {
        const { url, rootToken } = server();
        const send = async (path: string, body: object): Promise<void> => {
          const { ok } = await fetch(`${url}/v1/${path}`, { method: 'POST', headers: { 'X-Vault-Token': rootToken }, body: JSON.stringify(body) });
          expect(ok).toBe(true);
        };
        await send('secret/data/packer', { data: { password: 'correct horse' } });
        await send('sys/mounts/kv1', { type: 'kv' });
        await send('kv1/packer', { password: 'of old' });
        const build = (token: string): Promise<string> =>
          output('packer', ['build', '-color=false', file('packer.json')], { VAULT_ADDR: url, VAULT_TOKEN: token, CHECKPOINT_DISABLE: '1' });
        expect(await build(rootToken)).toContain('v2=correct horse v1=of old');
        await expect(build('s.wrong')).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('permission denied') });
        lines.push(`${place.where} 3 of 3 calls passed`);
      },
      SLOW,
    );
  });
});
