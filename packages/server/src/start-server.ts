import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiOptions } from '@sealkv/http';
import { decodeSealKey, needsBody } from '@sealkv/http';
import type { CommitFailure } from './commit-faults.ts';
import { CommitFaults } from './commit-faults.ts';
import { newRootToken, newSealKey, takeDataFolder } from './data-folder.ts';
import { openMemory } from './memory-runtime.ts';
import type { FrontHandler } from './raw-front.ts';
import { openFront } from './raw-front.ts';
import type { Seed, TokenOptions } from './setup.ts';
import { Setup } from './setup.ts';
import { StartError } from './start-error.ts';
import { TestClock } from './test-clock.ts';
import { openWorkerd } from './workerd-runtime.ts';

interface CommonOptions extends Seed {
  /** Any free one by default. */
  readonly port?: number | undefined;
  /** 127.0.0.1 by default: reachable from this machine only. */
  readonly host?: string | undefined;
  /** Made if not given. */
  readonly rootToken?: string | undefined;
  /** 32 bytes as base64, base64url or hex; made if not given. */
  readonly sealKey?: string | undefined;
}

export interface MemoryServerOptions extends CommonOptions, Pick<ApiOptions, 'fetch' | 'allowsLoopbackIssuers'> {
  readonly runtime?: 'memory' | undefined;
  /**
   * The time, in milliseconds since 1970; the system's by default, and `'frozen'` is the present moment for ever. Whichever it is,
   * {@link MemoryServer.clock} moves it.
   */
  readonly clock?: (() => number) | 'frozen' | undefined;
}

export interface WorkerdServerOptions extends CommonOptions {
  readonly runtime: 'workerd';
  /** The folder that keeps the data, and the token and key that were made; without it they are gone when the server is closed. */
  readonly dataDir?: string | undefined;
  /** Another Worker than the one that is built with this package, as one module that exports `NamespaceObject`. */
  readonly worker?: URL | undefined;
}

export type ServerOptions = MemoryServerOptions | WorkerdServerOptions;

export interface Server extends AsyncDisposable {
  /** Without a slash at its end: what VAULT_ADDR takes. */
  readonly url: string;
  readonly rootToken: string;
  /**
   * A token that may do this and no more, besides what the policy `default` lets everybody do.
   * @throws StartError if there can't be such a token
   */
  token(options: TokenOptions): Promise<string>;
  /** Answers what is under way, then stops. May be called more than once. */
  close(): Promise<void>;
}

export interface MemoryServer extends Server {
  /** The server's time: moving it makes tokens, secrets and leases expire without anybody waiting. */
  readonly clock: TestClock;
  /**
   * Makes the next commit fail, of the next request that changes something. `'FAILED'`, the default, and `'QUOTA_EXCEEDED'`: nothing is applied, as when
   * the storage is broken (503) or full (507). `'COMMIT_UNKNOWN'`: it is applied, but the client is told that nobody knows (503).
   */
  failNextCommit(failure?: CommitFailure): void;
  /**
   * Does what is due of what the server does by itself later, with a timer: removing what has expired or ended. No request depends on it; it is for tests
   * that have a clock of their own and look at what is left.
   */
  housekeeping(): Promise<void>;
}

/**
 * A Vault-compatible server. By default it runs in this process and keeps everything in memory: there in milliseconds, gone with `close()`, and
 * as many as you like, each on its own. `runtime: 'workerd'` is the real Worker with its Durable Object; it needs the package miniflare.
 * @throws StartError if it can't start: the port is taken, the folder is unusable or in use, the key is not the one of the data
 */
export async function startServer(options?: MemoryServerOptions): Promise<MemoryServer>;
export async function startServer(options: ServerOptions): Promise<Server>;
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const { host = '127.0.0.1', port = 0 } = options;
  checkCredentials(options);
  const opened: (() => unknown)[] = [];
  const closeAll = async (): Promise<void> => {
    for (let close = opened.pop(); close !== undefined; close = opened.pop()) await close();
  };
  try {
    const { handler, setup, ...own } = await openRuntime(options, opened);
    await setup.seed(options);
    const front = await openFront({ host, port, handler, needsBody }).catch((error: NodeJS.ErrnoException) => {
      throw new StartError(listenProblem(error, host, port), { cause: error });
    });
    opened.push(() => front.close());

    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => (closed ??= closeAll());
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${front.port}`;
    return { ...own, url, token: (wanted) => setup.token(wanted), close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

interface OpenedRuntime extends Partial<Pick<MemoryServer, 'housekeeping' | 'clock' | 'failNextCommit'>> {
  readonly handler: FrontHandler;
  readonly setup: Setup;
  readonly rootToken: string;
}

/** Adds to `opened` how to close what it opened. */
async function openRuntime(options: ServerOptions, opened: (() => unknown)[]): Promise<OpenedRuntime> {
  if (options.runtime !== 'workerd') {
    const { rootToken = newRootToken(), sealKey = newSealKey(), fetch, allowsLoopbackIssuers } = options;
    const [clock, faults] = [new TestClock(options.clock), new CommitFaults()];
    const now = (): number => clock.now();
    const shared = { rootToken, sealKey: decodeSealKey(sealKey)!, fetch, allowsLoopbackIssuers };
    const { handler, housekeeping, close } = openMemory({ ...shared, clock: now, faults });
    opened.push(close);
    const setup = new Setup((request) => faults.exempting(() => handler(request)), rootToken);
    return { handler, setup, rootToken, housekeeping, clock, failNextCommit: (failure = 'FAILED') => faults.failNext(failure) };
  }
  const folder = takeDataFolder(options.dataDir ?? temporaryFolder(opened));
  opened.push(() => folder.release());
  const { rootToken = folder.secret('root-token', newRootToken), sealKey = folder.secret('seal-key', newSealKey), worker } = options;
  checkCredentials({ rootToken, sealKey }, ` in ${folder.path}`);
  const runtime = await openWorkerd({ dataPath: folder.path, rootToken, sealKey, worker, onSpawn: (pid) => folder.setWorker(pid) });
  opened.push(() => runtime.close());
  await proveUnsealed(runtime.handler);
  return { handler: runtime.handler, setup: new Setup(runtime.handler, rootToken), rootToken };
}

function temporaryFolder(opened: (() => unknown)[]): string {
  const path = mkdtempSync(join(tmpdir(), 'sealkv-'));
  opened.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function checkCredentials({ rootToken, sealKey }: Pick<CommonOptions, 'rootToken' | 'sealKey'>, where = ''): void {
  const isKey = sealKey === undefined || decodeSealKey(sealKey) !== undefined;
  if (!isKey) throw new StartError(`the seal key${where} must be 32 bytes as base64, base64url or hex`);
  // Anything else would be changed on its way through a header.
  const isToken = rootToken === undefined || /^[!-~]+$/.test(rootToken);
  if (!isToken) throw new StartError(`the root token${where} must be visible ASCII characters without blanks`);
}

/** The first request makes the object look at its key. */
async function proveUnsealed(handler: FrontHandler): Promise<void> {
  const { status, body } = await handler({ method: 'GET', target: '/v1/sys/health', headers: [['host', 'localhost']], body: new Uint8Array() });
  if (status === 200) return;
  const { errors = [] } = JSON.parse(Buffer.from(body).toString()) as { errors?: string[] };
  throw new StartError(errors.at(-1) ?? `the Worker answers ${status} to sys/health`);
}

function listenProblem({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is in use; choose another one`;
  if (code === 'EACCES') return `port ${port} needs more rights than this user has; choose one above 1023`;
  return `cannot listen on ${host}:${port}: ${message}`;
}
