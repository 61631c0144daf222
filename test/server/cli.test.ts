import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startServer } from '@sealkv/server';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CliOptions, RunningCli } from './cli-process.ts';
import { CliProcess, startCli, temporaryFolder } from './cli-process.ts';
import { call, read } from './client.ts';

/** A server that is killed at the end of the test if it is still there, with all that it has started. */
async function started(dataDir: string, options?: CliOptions): Promise<RunningCli> {
  const cli = await startCli(dataDir, options);
  onTestFinished(() => killed(cli.process));
  return cli;
}

function killed(cli: CliProcess): void {
  if (cli.isAlive) cli.signalGroup('SIGKILL');
}

describe('the banner', () => {
  test('is one screen: address, token, folder, and lines that can be pasted', async () => {
    const dataDir = temporaryFolder();
    const { url, rootToken, banner } = await started(dataDir);
    expect(banner.split('\n').length).toBeLessThan(24);
    expect(banner.split('\n')[0]).toBe(
      `SealKV  ${url}   root token ${rootToken}   data ${dataDir} (kept between starts; seal key and root token beside it, mode 0600)`,
    );
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);

    const lines = [...banner.matchAll(/^ {2}curl -H "X-Vault-Token: (\S+)" (?:-X (\S+) )?(?:-d '(.*)' )?(\S+)$/gm)];
    const statuses: number[] = [];
    for (const [, token = '', method, body, address = ''] of lines) {
      const response = await fetch(address, { method: method ?? (body ? 'POST' : 'GET'), body: body ?? null, headers: { 'X-Vault-Token': token } });
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 200, 204, 204]);
  });

  test('comes without any chatter, and nothing is added to it', async () => {
    const { process: cli, banner } = await started(temporaryFolder());
    cli.signal('SIGINT');
    expect(await cli.ended).toEqual({ code: 0, signal: null, stdout: banner, stderr: '' });
  });
});

test('the first 200 of sys/health means that secret/ answers', async () => {
  const port = await freePort();
  const cli = new CliProcess(['--port', String(port), '--data', temporaryFolder()], { env: { SEALKV_ROOT_TOKEN: 's.mine' } });
  onTestFinished(() => killed(cli));
  const server = { url: `http://127.0.0.1:${port}`, rootToken: 's.mine' };
  await firstHealth(cli, server.url);
  expect((await call(server, 'POST', 'secret/data/app', { data: { n: 1 } })).status).toBe(200);
  expect(await read(server, 'secret/app')).toEqual({ n: 1 });
});

describe('what was answered is kept', () => {
  test.each<[what: string, end: (cli: CliProcess) => void, ended: { code: number | null; cutOff?: [] }]>([
    ['SIGKILL of the server and all it has started', (cli) => cli.signalGroup('SIGKILL'), { code: null }],
    ['SIGKILL of the server alone', (cli) => cli.signal('SIGKILL'), { code: null }],
    ['Ctrl-C, which a terminal sends to all of them', (cli) => cli.signalGroup('SIGINT'), { code: 0 }],
    ['a terminal that is closed', (cli) => cli.signalGroup('SIGHUP'), { code: 0 }],
    // What is under way is answered before anything is closed.
    ['SIGINT', (cli) => cli.signal('SIGINT'), { code: 0, cutOff: [] }],
    ['SIGTERM', (cli) => cli.signal('SIGTERM'), { code: 0, cutOff: [] }],
  ])('over %s, in the midst of writing', async (_, end, expected) => {
    const dataDir = temporaryFolder();
    const first = await started(dataDir);
    const { answered, cutOff } = await writeUntilItEnds(first, 50, () => end(first.process));
    expect({ ...(await first.process.ended), cutOff }).toMatchObject({ ...expected, stderr: '' });

    const second = await started(dataDir);
    expect(second.rootToken).toBe(first.rootToken);
    for (const n of answered) expect(await read(second, `secret/${n}`)).toEqual({ n });
  });

  test('over a SIGKILL of workerd, which is started again; meanwhile the answer is a 503', async () => {
    const dataDir = temporaryFolder();
    const server = await started(dataDir);
    await call(server, 'POST', 'secret/data/app', { data: { n: 1 } });
    for (let round = 0; round < 3; round++) {
      process.kill(workerOf(dataDir), 'SIGKILL');
      const statuses = new Set<number>();
      while (!statuses.has(200)) statuses.add((await call(server, 'GET', 'secret/data/app')).status);
      expect([...statuses]).toEqual([503, 200]);
      expect(await read(server, 'secret/app')).toEqual({ n: 1 });
    }
    server.process.signal('SIGINT');
    expect(await server.process.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('the end', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('by %s leaves no process behind, no temporary file, no lock, and the address free', async (signal) => {
    const dataDir = temporaryFolder();
    const { process: cli, url } = await started(dataDir);
    cli.signal(signal);
    expect(await cli.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(cli.isAlive).toBe(false);
    expect(readdirSync(dataDir).toSorted()).toEqual(['cache', 'do', 'root-token', 'seal-key']);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('is not brought about by closed pipes', async () => {
    const dataDir = temporaryFolder();
    const server = await started(dataDir, { stdio: ['pipe', 'pipe', 'pipe'] });
    server.process.child.stdin!.end();
    server.process.child.stdout!.destroy();
    server.process.child.stderr!.destroy();
    process.kill(workerOf(dataDir), 'SIGKILL');
    await firstHealth(server.process, server.url);
    expect((await call(server, 'POST', 'secret/data/app', { data: { n: 1 } })).status).toBe(200);
    server.process.signal('SIGTERM');
    expect(await server.process.ended).toMatchObject({ code: 0 });
  });

  test('is not brought about by a banner that nobody reads', async () => {
    const port = await freePort();
    const cli = new CliProcess(['--port', String(port), '--data', temporaryFolder()]);
    onTestFinished(() => killed(cli));
    cli.child.stdout!.destroy();
    await firstHealth(cli, `http://127.0.0.1:${port}`);
    cli.signal('SIGTERM');
    expect(await cli.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('the data folder', () => {
  test('holds key and token for its owner only, and they are used again', async () => {
    const dataDir = join(temporaryFolder(), 'made', 'for me');
    const first = await started(dataDir);
    await call(first, 'POST', 'secret/data/app', { data: { n: 1 } });
    expect(mode(dataDir)).toBe(0o700);
    const kept = ['root-token', 'seal-key'].map((name) => ({ mode: mode(join(dataDir, name)), text: readFileSync(join(dataDir, name), 'utf8') }));
    expect(kept).toMatchObject([{ mode: 0o600, text: `${first.rootToken}\n` }, { mode: 0o600 }]);
    first.process.signal('SIGINT');
    await first.process.ended;

    const second = await started(dataDir);
    expect(second.rootToken).toBe(first.rootToken);
    expect(await read(second, 'secret/app')).toEqual({ n: 1 });
    expect(readFileSync(join(dataDir, 'seal-key'), 'utf8')).toBe(kept[1]!.text);
  });

  test('does not serve two at once', async () => {
    const dataDir = temporaryFolder();
    const server = await started(dataDir);
    const pid = server.process.child.pid!;
    expect(await failure(['--data', dataDir])).toBe(`sealkv: another SealKV server (process ${pid}) is using ${dataDir}\n`);
    expect(await read(server, 'secret/app')).toBe(404);
  });
});

describe('flags and the environment', () => {
  test('say the same things, and a flag comes first', async () => {
    const [port, other] = [await freePort(), await freePort()];
    const dataDir = temporaryFolder();
    const env = { SEALKV_PORT: String(port), SEALKV_DATA: dataDir, SEALKV_ROOT_TOKEN: 's.mine', SEALKV_SEAL_KEY: 'ab'.repeat(32) };
    const run = async (args: string[]): Promise<string> => {
      const cli = new CliProcess(args, { env });
      onTestFinished(() => killed(cli));
      const [line = ''] = (await cli.banner()).split('\n');
      cli.signal('SIGINT');
      await cli.ended;
      return line;
    };
    expect(await run([])).toContain(`http://127.0.0.1:${port}   root token s.mine   data ${dataDir} (`);
    // What was given is not kept, nor made.
    expect(readdirSync(dataDir)).not.toContain('seal-key');
    expect(readdirSync(dataDir)).not.toContain('root-token');

    const elsewhere = temporaryFolder();
    const args = ['--port', String(other), '--data', elsewhere, '--root-token=s.other', '--seal-key', Buffer.alloc(32, 1).toString('base64')];
    expect(await run(args)).toContain(`http://127.0.0.1:${other}   root token s.other   data ${elsewhere} (`);
    // The same data under the key that the flag gave, which is not the one of the environment.
    const sealKey = Buffer.alloc(32, 1).toString('base64');
    await using server = await startServer({ runtime: 'workerd', dataDir: elsewhere, sealKey, rootToken: 's.other' });
    expect((await call(server, 'GET', 'sys/health')).status).toBe(200);
  });

  test('--help tells all of them', async () => {
    const { code, stdout } = await new CliProcess(['--help']).ended;
    expect(code).toBe(0);
    for (const name of ['--port', '--data', '--root-token', '--seal-key', 'SEALKV_PORT', 'SEALKV_DATA', 'SEALKV_ROOT_TOKEN', 'SEALKV_SEAL_KEY']) {
      expect(stdout).toContain(name);
    }
  });
});

describe('what is wrong is told in one line', () => {
  test.each<[args: string[], line: string]>([
    [['--frobnicate'], "sealkv: Unknown option '--frobnicate'; --help tells what can be given"],
    [['extra'], "sealkv: Unexpected argument 'extra'; --help tells what can be given"],
    [['--port'], "sealkv: Option '--port <value>' argument missing; --help tells what can be given"],
    [['--port', '65536'], 'sealkv: not a port: 65536; give a number up to 65535'],
    [['--port=http'], 'sealkv: not a port: http; give a number up to 65535'],
    [['--seal-key', 'short'], 'sealkv: the seal key must be 32 bytes as base64, base64url or hex'],
    [['--root-token='], 'sealkv: --root-token is empty'],
    [['--root-token', 'two words'], 'sealkv: the root token must be visible ASCII characters without blanks'],
  ])('%j', async (args, line) => {
    const dataDir = join(temporaryFolder(), 'data');
    expect(await failure(args, { SEALKV_DATA: dataDir })).toBe(`${line}\n`);
    expect(() => statSync(dataDir)).toThrow('ENOENT');
  });

  test('a port in use', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void squatter.close());
    const { port } = squatter.address() as AddressInfo;
    expect(await failure(['--port', String(port), '--data', temporaryFolder()])).toBe(
      `sealkv: port ${port} on 127.0.0.1 is in use; choose another one\n`,
    );
  });

  test('a folder that cannot be', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    expect(await failure(['--data', join(file, 'data')])).toBe(`sealkv: cannot use ${join(file, 'data')} for data: not a directory (ENOTDIR)\n`);
  });

  test('a key that is kept, but is none', async () => {
    const dataDir = temporaryFolder();
    writeFileSync(join(dataDir, 'seal-key'), 'half a k');
    expect(await failure(['--data', dataDir])).toBe(`sealkv: the seal key in ${dataDir} must be 32 bytes as base64, base64url or hex\n`);
  });

  test('a key that is not the one of the data, and the data is as it was', async () => {
    const dataDir = temporaryFolder();
    const first = await started(dataDir);
    await call(first, 'POST', 'secret/data/app', { data: { n: 1 } });
    first.process.signal('SIGINT');
    await first.process.ended;

    expect(await failure(['--data', dataDir], { SEALKV_SEAL_KEY: 'cd'.repeat(32) })).toBe(
      'sealkv: the seal key is not the one that the data was sealed with\n',
    );
    expect(await read(await started(dataDir), 'secret/app')).toEqual({ n: 1 });
  });
});

/** What a server that can't start says on stderr, while it says nothing else and leaves no process. */
async function failure(args: string[], env: Record<string, string> = {}): Promise<string> {
  const cli = new CliProcess(['--port', '0', ...args], { env });
  onTestFinished(() => killed(cli));
  const { code, stdout, stderr } = await cli.ended;
  expect({ code, stdout, isAlive: cli.isAlive }).toEqual({ code: 1, stdout: '', isAlive: false });
  return stderr;
}

interface Written {
  /** The numbers whose writing was answered with 200. */
  readonly answered: number[];
  /** Those that were taken and answered otherwise. */
  readonly cutOff: number[];
}

/** Writes ten at a time until the server is gone, which `end` brings about once there are that many answers. */
async function writeUntilItEnds(server: RunningCli, answers: number, end: () => void): Promise<Written> {
  const written: Written = { answered: [], cutOff: [] };
  let next = 0;
  const write = async (): Promise<void> => {
    for (;;) {
      const n = next++;
      const answer = await call(server, 'POST', `secret/data/${n}`, { data: { n } }).catch(() => undefined);
      if (answer === undefined) return;
      (answer.status === 200 ? written.answered : written.cutOff).push(n);
      if (written.answered.length === answers && answer.status === 200) end();
    }
  };
  await Promise.all(Array.from({ length: 10 }, write));
  expect(written.answered.length).toBeGreaterThanOrEqual(answers);
  return written;
}

/** The workerd process that has the folder's data open. */
function workerOf(dataDir: string): number {
  const [, worker] = JSON.parse(readFileSync(join(dataDir, 'lock'), 'utf8')) as [unknown, { pid: number }];
  return worker.pid;
}

async function firstHealth(cli: CliProcess, url: string): Promise<void> {
  let isGone = false;
  void cli.ended.then(() => (isGone = true));
  const isHealthy = (): Promise<boolean> =>
    fetch(`${url}/v1/sys/health`).then(
      ({ status }) => status === 200,
      () => false,
    );
  while (!(await isHealthy())) if (isGone) throw new Error('the server has ended');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function mode(path: string): number {
  return statSync(path).mode & 0o777;
}
