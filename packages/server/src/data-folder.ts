import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from './start-error.ts';

/** A data folder that no other server uses until it is released. Nobody but its owner can read what is in it (mode 0700). */
export interface DataFolder {
  readonly path: string;
  /** The secret of this name, made by `make` at the first start and kept in the folder (mode 0600). */
  secret(name: string, make: () => string): string;
  /** Notes a process that works on the data for this server, so that it can be ended if this one is killed before it. */
  setWorker(pid: number): void;
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** Tells the process from a later one with the same id. */
  readonly started: string;
}

/** The lock: who serves the folder, and which other process has it open. */
type Lock = readonly [server: Holder, worker?: Holder];

/**
 * Takes the folder, which is made if need be. A lock left behind by a killed server is taken over, and a process of its that still has the
 * data open is ended first.
 * @throws StartError if the folder can't be used or another server uses it
 */
export function takeDataFolder(path: string): DataFolder {
  const lockPath = join(path, 'lock');
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    lock(path, lockPath);
  } catch (error) {
    throw error instanceof StartError ? error : new StartError(`cannot use ${path} for data: ${describe(error)}`);
  }
  return {
    path,
    secret: (name, make) => keptSecret(join(path, name), make),
    setWorker: (pid) => writeLock(lockPath, [holder(process.pid), holder(pid)], 'w'),
    release: () => rmSync(lockPath, { force: true }),
  };
}

/** Two random secrets, as they are made at a first start. */
export function newRootToken(): string {
  return `s.${randomBytes(32).toString('hex')}`;
}
export function newSealKey(): string {
  return randomBytes(32).toString('base64url');
}

function lock(path: string, lockPath: string): void {
  const own: Lock = [holder(process.pid)];
  if (writeLock(lockPath, own, 'wx')) return;
  const [server, worker] = readLock(lockPath);
  if (server !== undefined && isAlive(server)) throw new StartError(`another SealKV server (process ${server.pid}) is using ${path}`);
  if (worker !== undefined && isAlive(worker)) process.kill(worker.pid, 'SIGKILL');
  rmSync(lockPath, { force: true });
  if (!writeLock(lockPath, own, 'wx')) throw new StartError(`another SealKV server has just started on ${path}`);
}

/** Whether it was written: with `wx` only if there is none. */
function writeLock(path: string, content: Lock, flag: 'w' | 'wx'): boolean {
  try {
    writeFileSync(path, JSON.stringify(content), { mode: 0o600, flag });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** A lock whose writing was cut short is nobody's. */
function readLock(path: string): Partial<Lock> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Lock;
  } catch {
    return [];
  }
}

function holder(pid: number): Holder {
  return { pid, started: startOf(pid) ?? '' };
}

function isAlive({ pid, started }: Holder): boolean {
  return started !== '' && startOf(pid) === started;
}

/** When the process started, in the words of the system; undefined if it does not run. Known on Linux and macOS. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim();
    // proc(5): the name in parentheses can hold anything; behind it come the state and, 19 fields on, the start.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').pop()?.split(' ') ?? [];
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function keptSecret(path: string, make: () => string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new StartError(`cannot read ${path}: ${describe(error)}`);
  }
  const secret = make();
  try {
    // Whole or not there: half a key would be no key.
    writeFileSync(`${path}.new`, `${secret}\n`, { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw new StartError(`cannot write ${path}: ${describe(error)}`);
  }
  return secret;
}

/** What the system says, without the call and path that Node adds. */
function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return message.replace(/^[A-Z]+: /, '').replace(/, \w+(?: '.*')?$/, '') + (code === undefined ? '' : ` (${code})`);
}
