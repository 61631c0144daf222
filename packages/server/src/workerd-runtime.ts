import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { readFile } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import type { Miniflare } from 'miniflare';
import type { FrontAnswer, FrontHandler } from './raw-front.ts';
import { StartError } from './start-error.ts';

export interface WorkerdOptions {
  /** Where Durable Objects keep their data. */
  readonly dataPath: string;
  readonly sealKey: string;
  readonly rootToken: string;
  /** The Worker, as one module; the one that is built with this package by default. */
  readonly worker?: URL | undefined;
  /** Of the Worker's environment, besides its secrets. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Called with the id of every workerd process that is started. */
  readonly onSpawn?: ((pid: number) => void) | undefined;
}

export interface WorkerdRuntime {
  readonly handler: FrontHandler;
  /** Of the Worker itself. */
  readonly url: string;
  close(): Promise<void>;
}

const BUNDLE = new URL('../dist/worker-bundle.mjs', import.meta.url);
const WORKER = 'sealkv';

const spawnObserver = new AsyncLocalStorage<(pid: number) => void>();
let observesSpawns = false;

/**
 * The real Worker and its Durable Object in workerd, which miniflare runs and, should it die, starts again.
 * @throws StartError if miniflare is not installed
 */
export async function openWorkerd({
  dataPath,
  sealKey,
  rootToken,
  worker = BUNDLE,
  variables = {},
  onSpawn,
}: WorkerdOptions): Promise<WorkerdRuntime> {
  const { Miniflare, NoOpLog } = await import('miniflare').catch((cause: unknown) => {
    throw new StartError('the workerd runtime needs the package miniflare: npm install --save-dev miniflare', { cause });
  });
  const contents = await readFile(worker, 'utf8').catch((cause: unknown) => {
    throw new StartError('the built Worker is missing: npm run build makes it', { cause });
  });
  const miniflare = observed(
    onSpawn,
    () =>
      new Miniflare({
        host: '127.0.0.1',
        port: 0,
        resourcePersistencePath: dataPath,
        log: new NoOpLog(),
        handleStructuredLogs: () => undefined,
        // Nothing is to be asked of or told to the outside.
        cf: false,
        telemetry: { enabled: false },
        enableDevRegistry: false,
        unsafeLocalExplorer: false,
        workers: [
          {
            config: {
              name: WORKER,
              compatibilityDate: '2026-10-01',
              manifest: { mainModule: 'worker.mjs', modules: { 'worker.mjs': { type: 'esm', contents } } },
              env: {
                SEALKV: { type: 'durable-object', worker: WORKER, exportName: 'NamespaceObject' },
                SEALKV_SEAL_KEY: { type: 'text', value: sealKey },
                SEALKV_ROOT_TOKEN: { type: 'text', value: rootToken },
                ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, { type: 'text', value }])),
              },
              exports: { NamespaceObject: { type: 'durable-object', storage: 'sqlite' } },
            },
            // workerd's own socket: miniflare's has doors of its own (`mf-*` headers, /cdn-cgi/).
            dev: { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] },
          },
        ],
      }),
  );
  try {
    const { hostname, port, origin } = await miniflare.unsafeGetDirectURL(WORKER);
    const agent = new Agent({ keepAlive: true, timeout: IDLE });
    return {
      url: origin,
      handler: forwardTo(hostname, Number(port), agent),
      close: async () => {
        agent.destroy();
        await miniflare.dispose();
      },
    };
  } catch (cause) {
    await miniflare.dispose();
    throw new StartError('workerd did not start', { cause });
  }
}

// workerd closes a connection that was idle for 5 s; a request sent at that moment would be lost, and nobody could tell whether it was carried out.
const IDLE = 2000;

/** Passes requests on as they are. */
export function forwardTo(host: string, port: number, agent: Agent): FrontHandler {
  return ({ method, target, headers, body }) =>
    new Promise<FrontAnswer>((resolve) => {
      // Told apart by whether the request can have arrived.
      const failed = (error: NodeJS.ErrnoException): void => resolve(error.code === 'ECONNREFUSED' ? UNAVAILABLE : OUTCOME_UNKNOWN);
      const flat = [...headers, ...(body.length > 0 ? [['content-length', String(body.length)]] : [])].flat();
      const sent = httpRequest({ host, port, agent, method, path: target, headers: flat }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', failed);
        response.on('end', () => resolve({ status: response.statusCode ?? 502, headers: pairs(response.rawHeaders), body: Buffer.concat(chunks) }));
      });
      sent.on('error', failed);
      sent.end(body);
    });
}

const UNAVAILABLE = unavailable('the storage is starting again; nothing was done');
const OUTCOME_UNKNOWN = unavailable('the storage was lost; whether this request was carried out is unknown');

function unavailable(message: string): FrontAnswer {
  const headers = [
    ['Content-Type', 'application/json'],
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
  ] as const;
  return { status: 503, headers, body: Buffer.from(JSON.stringify({ errors: [message] })) };
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] ?? '', raw[2 * i + 1] ?? '']);
}

/** Miniflare keeps its child processes to itself; Node tells of each, and the async context tells whose it is. */
function observed(onSpawn: ((pid: number) => void) | undefined, make: () => Miniflare): Miniflare {
  if (onSpawn === undefined) return make();
  if (!observesSpawns) {
    observesSpawns = true;
    subscribe('child_process', (message) => {
      const { process: child } = message as { process: ChildProcess };
      const observer = spawnObserver.getStore();
      if (observer !== undefined) child.once('spawn', () => child.pid !== undefined && observer(child.pid));
    });
  }
  return spawnObserver.run(onSpawn, make);
}
