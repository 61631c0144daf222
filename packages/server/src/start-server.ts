import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@sealkv/core';
import { newRootToken, newSealKey, takeDataFolder } from './data-folder.ts';
import { openMemory } from './memory-runtime.ts';
import type { FrontHandler } from './raw-front.ts';
import { openFront } from './raw-front.ts';
import { decodeSealKey } from '@sealkv/http';
import { seed } from './seed.ts';
import { StartError } from './start-error.ts';
import { openWorkerd } from './workerd-runtime.ts';

interface CommonOptions {
  /** Secrets that are there from the start, by mount and path: `{ 'secret/app': { password: 'x' } }`. A mount other than `secret` is made, for KV v2. */
  readonly secrets?: Readonly<Record<string, JsonObject>> | undefined;
  /** Any free one by default. */
  readonly port?: number | undefined;
  /** 127.0.0.1 by default: reachable from this machine only. */
  readonly host?: string | undefined;
  /** Made if not given. */
  readonly rootToken?: string | undefined;
  /** 32 bytes as base64, base64url or hex; made if not given. */
  readonly sealKey?: string | undefined;
}

export interface MemoryServerOptions extends CommonOptions {
  readonly runtime?: 'memory' | undefined;
  /** The time, in milliseconds since 1970; the system's by default. */
  readonly clock?: (() => number) | undefined;
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
  /** Answers what is under way, then stops. May be called more than once. */
  close(): Promise<void>;
}

/**
 * A Vault-compatible server. By default it runs in this process and keeps everything in memory: there in milliseconds, gone with `close()`, and
 * as many as you like, each on its own. `runtime: 'workerd'` is the real Worker with its Durable Object; it needs the package miniflare.
 * @throws StartError if it can't start: the port is taken, the folder is unusable or in use, the key is not the one of the data
 */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const { host = '127.0.0.1', port = 0, secrets = {} } = options;
  const opened: (() => unknown)[] = [];
  const closeAll = async (): Promise<void> => {
    for (let close = opened.pop(); close !== undefined; close = opened.pop()) await close();
  };
  try {
    const { handler, rootToken } = await openRuntime(options, opened);
    await seed(handler, rootToken, secrets);
    const front = await openFront({ host, port, handler }).catch((error: NodeJS.ErrnoException) => {
      throw new StartError(listenProblem(error, host, port), { cause: error });
    });
    opened.push(() => front.close());

    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => (closed ??= closeAll());
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${front.port}`, rootToken, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Adds to `opened` how to close what it opened. */
async function openRuntime(options: ServerOptions, opened: (() => unknown)[]): Promise<{ handler: FrontHandler; rootToken: string }> {
  if (options.runtime !== 'workerd') {
    const { rootToken = newRootToken(), sealKey = newSealKey(), clock } = options;
    return { handler: openMemory({ rootToken, sealKey: decoded(sealKey), clock }), rootToken };
  }
  const folder = takeDataFolder(options.dataDir ?? temporaryFolder(opened));
  opened.push(() => folder.release());
  const { rootToken = folder.secret('root-token', newRootToken), sealKey = folder.secret('seal-key', newSealKey), worker } = options;
  decoded(sealKey);
  const runtime = await openWorkerd({ dataPath: folder.path, rootToken, sealKey, worker, onSpawn: (pid) => folder.setWorker(pid) });
  opened.push(() => runtime.close());
  await proveUnsealed(runtime.handler);
  return { handler: runtime.handler, rootToken };
}

function temporaryFolder(opened: (() => unknown)[]): string {
  const path = mkdtempSync(join(tmpdir(), 'sealkv-'));
  opened.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function decoded(sealKey: string): Uint8Array<ArrayBuffer> {
  const key = decodeSealKey(sealKey);
  if (key === undefined) throw new StartError('the seal key must be 32 bytes as base64, base64url or hex');
  return key;
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
