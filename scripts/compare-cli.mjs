// Runs the real `bao` client, command by command, against a real OpenBao and against the server of `npm start`, and compares what it writes and how
// it ends. `node scripts/compare-cli.mjs <path of the bao binary> [--show]`, after `npm run build`. Ends with 1 if anything differs without a reason
// that is given in compare-cli.commands. `--show` prints what every command wrote, for who writes new ones.
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startServer } from '@sealkv/server';

const [binary, show] = process.argv.slice(2);
if (binary === undefined) {
  console.error('Usage: node scripts/compare-cli.mjs <path of the bao binary> [--show]');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'sealkv-cli-'));
mkdirSync(join(folder, 'bin'));
symlinkSync(resolve(binary), join(folder, 'bin', 'bao'));

const real = await startBao();
const own = await startServer({ runtime: 'workerd', rootToken: 'root' });
const sides = [side('openbao', real.url), side('sealkv', own.url)];
try {
  process.exitCode = (await compare(parseCommands())) ? 0 : 1;
} finally {
  await own.close();
  await real.close();
  rmSync(folder, { recursive: true });
}

/** @returns {Promise<boolean>} whether nothing differs that should not */
async function compare(commands) {
  const counts = { alike: 0, explained: 0, unexplained: 0 };
  for (const { line, reason } of commands) {
    const [expected, got] = await Promise.all(sides.map((one) => run(one, line)));
    if (show) console.log(`$ ${line}\n${got.text}\n`);
    const isAlike = expected.text === got.text;
    counts[isAlike === (reason === undefined) ? (isAlike ? 'alike' : 'explained') : 'unexplained']++;
    if (isAlike && reason !== undefined) console.log(`$ ${line}\n  They no longer differ, though they are said to: ${reason}\n`);
    else if (!isAlike) console.log(`$ ${line}\n${difference(expected.text, got.text)}${reason === undefined ? '' : `\n  as ${reason}`}\n`);
  }
  const { alike, explained, unexplained } = counts;
  console.log(`FIGURE bao commands: ${alike} of ${commands.length} alike, ${explained} different for a reason, ${unexplained} different without one`);
  return unexplained === 0;
}

function parseCommands() {
  const commands = [];
  let reason;
  for (const line of readFileSync(new URL('compare-cli.commands', import.meta.url), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('~ ')) reason = line.slice(2);
    else {
      commands.push({ line, reason });
      reason = undefined;
    }
  }
  return commands;
}

/** One of the two: its own folder, home, and what its commands have kept. */
function side(name, url) {
  const home = join(folder, name);
  mkdirSync(home);
  writeFileSync(join(home, '.vault-token'), 'root');
  const env = { PATH: `${join(folder, 'bin')}:/usr/local/bin:/usr/bin:/bin`, HOME: home, BAO_ADDR: url, LANG: 'C.UTF-8' };
  return { url, home, env, kept: {} };
}

function run({ url, home, env, kept }, line) {
  const [, name, inner] = /^([A-Z]+)=\$\((.*)\)$/.exec(line) ?? [];
  return new Promise((done) => {
    execFile('bash', ['-c', inner ?? line], { cwd: home, env: { ...env, ...kept }, timeout: 60_000 }, (error, stdout, stderr) => {
      if (name !== undefined) kept[name] = stdout.trim();
      done({ text: normalized(`${stdout}\n[stderr]\n${stderr}\n[exit] ${error?.code ?? 0}`, url, kept) });
    });
  });
}

/** The text without what is another one each time, and without the white space that depends on how long that is. */
function normalized(text, url, kept) {
  let out = text.replaceAll(url, 'URL');
  for (const [name, value] of Object.entries(kept)) if (value.length > 3) out = out.replaceAll(value, `$${name}`);
  return (
    out
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
      .replace(/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC/g, 'TIME')
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UUID')
      .replace(/\b[sb]\.[A-Za-z0-9_-]{20,}(\.[A-Za-z0-9]+)?/g, 'TOKEN')
      .replace(/\b([a-z_-]+)_[0-9a-f]{8}\b/g, '$1_ACCESSOR')
      .replace(/(accessor"?:?\s+"?)[A-Za-z0-9]{20,}/g, '$1ACCESSOR')
      .replace(/\bv?2\.\d+\.\d+(?:[+-][\w.+-]+)?/g, 'VERSION')
      .replace(/\b17\d{8}\b|\b18\d{8}\b/g, 'UNIX_TIME')
      // What is left of a lease, a few seconds after it began.
      .replace(/\b(\d+h)?(\d+m)?(\d+)s\b/g, (whole, hours, minutes, seconds) => {
        const total = Math.ceil(parseInt(hours ?? 0) * 3600 + parseInt(minutes ?? 0) * 60 + Number(seconds));
        return `${nearMinute(total)}s`;
      })
      .replace(/("?(?:ttl|lease_duration)"?:?\s+)(\d+)\b/g, (_, before, seconds) => `${before}${nearMinute(Number(seconds))}`)
      .replace(/[ \t]+/g, ' ')
      .replace(/([=-])\1{2,}/g, '$1$1$1')
      .replace(/ +$/gm, '')
      // The client prints a map of Go, whose order is another one each time.
      .replace(/(^token_meta_.*\n?)+/gm, (lines) =>
        lines
          .split(/(?<=\n)/)
          .sort()
          .join(''),
      )
      .trim()
  );
}

function nearMinute(seconds) {
  return seconds % 60 > 45 ? Math.ceil(seconds / 60) * 60 : seconds;
}

/** The lines that are only in one of them. */
function difference(expected, got) {
  const [left, right] = [expected.split('\n'), got.split('\n')];
  const only = (some, others, sign) => some.filter((line) => !others.includes(line)).map((line) => `  ${sign} ${line}`);
  const lines = [...only(left, right, 'openbao'), ...only(right, left, 'sealkv ')];
  return lines.length > 0 ? lines.join('\n') : `  the same lines in another order\n  openbao ${expected}\n  sealkv  ${got}`;
}

async function startBao() {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ['server', '-dev', '-dev-no-store-token', '-dev-root-token-id=root', `-dev-listen-address=127.0.0.1:${port}`];
  const child = spawn(resolve(binary), args, { stdio: 'ignore', env: { ...process.env, HOME: folder } });
  const ended = new Promise((done) => {
    child.on('exit', done);
    child.on('error', done);
  });
  const close = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  // Ready when what it makes last is there.
  const isReady = () =>
    fetch(`${url}/v1/secret/config`, { headers: { 'X-Vault-Token': 'root' } }).then(
      ({ ok }) => ok,
      () => false,
    );
  for (let tries = 0; !(await isReady()); tries++) {
    if (tries === 300 || child.exitCode !== null) throw new Error(`${binary} server does not start`);
    await new Promise((done) => setTimeout(done, 100));
  }
  return { url, close };
}

/** One that is free, and the next one too: OpenBao takes both. */
async function freePort() {
  const listening = (port) =>
    new Promise((done, fail) => {
      const server = createServer().on('error', fail);
      server.listen(port, '127.0.0.1', () => done(server));
    });
  for (;;) {
    const first = await listening(0);
    const { port } = first.address();
    const second = await listening(port + 1).catch(() => undefined);
    await Promise.all([first, second].map((server) => server && new Promise((done) => server.close(done))));
    if (second !== undefined) return port;
  }
}
