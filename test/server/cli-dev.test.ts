import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { CliOptions, Ended } from './cli-process.ts';
import { CliProcess, temporaryFolder } from './cli-process.ts';
import { call, read } from './client.ts';

interface Dev {
  readonly url: string;
  readonly rootToken: string;
  readonly banner: string;
  readonly process: CliProcess;
}

/** `sealkv dev` on any free port, killed at the end of the test if it is still there. */
async function startDev(args: readonly string[] = [], options?: CliOptions): Promise<Dev> {
  const cli = new CliProcess(['dev', '--port', '0', ...args], options);
  onTestFinished(() => void (cli.isAlive && cli.signalGroup('SIGKILL')));
  const banner = await cli.banner();
  const [, url = '', rootToken = ''] = /^SealKV {2}(\S+) {3}root token (\S+)/.exec(banner) ?? [];
  return { url, rootToken, banner, process: cli };
}

async function ended({ process: cli }: Dev, signal: NodeJS.Signals): Promise<Ended> {
  cli.signal(signal);
  return cli.ended;
}

test('serves with the root token root, says that nothing is kept, and its lines can be pasted', async () => {
  const dev = await startDev();
  expect(dev.banner.split('\n')[0]).toBe(`SealKV  ${dev.url}   root token root   in memory (nothing is kept when it ends)`);
  const lines = [...dev.banner.matchAll(/^ {2}curl -H "X-Vault-Token: (\S+)" (?:-X (\S+) )?(?:-d '(.*)' )?(\S+)$/gm)];
  const statuses: number[] = [];
  for (const [, token = '', method, body, address = ''] of lines) {
    const init = { method: method ?? (body ? 'POST' : 'GET'), body: body ?? null, headers: { 'X-Vault-Token': token } };
    statuses.push((await fetch(address, init)).status);
  }
  expect(statuses).toEqual([200, 200, 200, 204, 204]);
});

test('leaves nothing: no folder, no other process, and no data for the next one', async () => {
  const folder = temporaryFolder();
  const env = { SEALKV_DATA: join(folder, 'data'), TMPDIR: folder };
  const first = await startDev([], { env });
  await call(first, 'POST', 'secret/data/app', { data: { n: 1 } });
  expect(await read(first, 'secret/app')).toEqual({ n: 1 });
  expect(await ended(first, 'SIGINT')).toEqual({ code: 0, signal: null, stdout: first.banner, stderr: '' });
  expect([first.process.isAlive, readdirSync(folder)]).toEqual([false, []]);
  expect(await read(await startDev([], { env }), 'secret/app')).toBe(404);
});

test.each(['SIGTERM', 'SIGHUP'] as const)('ends by %s as well', async (signal) => {
  expect(await ended(await startDev(), signal)).toMatchObject({ code: 0, stderr: '' });
});

test('takes another root token, from a flag or the environment', async () => {
  const env = { SEALKV_ROOT_TOKEN: 's.mine' };
  const dev = await startDev([], { env });
  expect([dev.rootToken, await read(dev, 'secret/app'), await read({ ...dev, rootToken: 'root' }, 'secret/app')]).toEqual(['s.mine', 404, 403]);
  expect((await startDev(['--root-token', 's.flag'], { env })).rootToken).toBe('s.flag');
});

test.each<[args: string[], line: string]>([
  [['dev', '--data', 'x'], 'sealkv: dev keeps nothing, so there is no folder to give it; without dev data is kept'],
  [['dev', 'dev'], "sealkv: Unexpected argument 'dev'; --help tells what can be given"],
  [['develop'], "sealkv: Unexpected argument 'develop'; --help tells what can be given"],
  [['dev', '--frobnicate'], "sealkv: Unknown option '--frobnicate'; --help tells what can be given"],
])('%j is told in one line', async (args, line) => {
  expect(await new CliProcess(args).ended).toMatchObject({ code: 1, stdout: '', stderr: `${line}\n` });
  expect(existsSync('x')).toBe(false);
});

test('--help tells of it', async () => {
  const { code, stdout } = await new CliProcess(['dev', '--help']).ended;
  expect([code, stdout]).toEqual([0, expect.stringContaining('With dev: in memory')]);
});
