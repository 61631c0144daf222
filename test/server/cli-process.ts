import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const CLI = fileURLToPath(new URL('../../packages/server/dist/cli.js', import.meta.url));

/** What a process that has ended has left. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly stdio?: StdioOptions | undefined;
}

/** The server that `npm start` runs, as a process group of its own. */
export class CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], { env = {}, stdio = ['ignore', 'pipe', 'pipe'] }: CliOptions = {}) {
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SEALKV_')));
    this.child = spawn(process.execPath, [CLI, ...args], { env: { ...inherited, ...env }, stdio, detached: true });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.ended = once(this.child, 'close').then(([code, signal]) => ({ code, signal, stdout: this.#stdout, stderr: this.#stderr }));
  }

  /** The banner, once it is there: the server has started. */
  async banner(): Promise<string> {
    while (!this.#stdout.includes('Stop with Ctrl-C.')) {
      const isThere = await Promise.race([once(this.child.stdout!, 'data').then(() => true), this.ended.then(() => false)]);
      if (!isThere) throw new Error(`the server has ended: ${this.#stderr}`);
    }
    return this.#stdout;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends a signal to the process and all that it has started, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.child.pid!, signal);
  }

  /** Whether the process, or any that it has started, is still there. */
  get isAlive(): boolean {
    try {
      process.kill(-this.child.pid!, 0);
      return true;
    } catch {
      return false;
    }
  }
}

/** A server whose banner has been read. */
export interface RunningCli {
  readonly url: string;
  readonly rootToken: string;
  readonly banner: string;
  readonly process: CliProcess;
}

/** Starts the server on any free port; the caller ends it. */
export async function startCli(dataDir: string, options: CliOptions = {}): Promise<RunningCli> {
  // Temporary files go there too, so that those of a killed server are cleared away with it.
  const cli = new CliProcess(['--port', '0', '--data', dataDir], { ...options, env: { TMPDIR: dataDir, ...options.env } });
  const banner = await cli.banner();
  const [, url = '', rootToken = ''] = /^SealKV {2}(\S+) {3}root token (\S+)/.exec(banner) ?? [];
  return { url, rootToken, banner, process: cli };
}

export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sealkv-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
