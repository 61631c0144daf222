import { cpSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { openWorkerd } from '../../packages/server/src/workerd-runtime.ts';
import { call } from '../server/client.ts';
import { checkDatabase } from './check-database.ts';

const VERSIONS = 1000;
const SAMPLE = [1, 2, 250, 500, 501, 750, 999, 1000];
const rootToken = 's.root';

/** Rounds that only sweep the deletion from its start to its end, before any look closer at where its outcome turns. */
const SWEEP = 20;
const MAX_ROUNDS = 400;

/** How rounds ended: how the secret was found after the process had died under its deletion. */
export interface Tally {
  /** Whole: all of it is there. */
  undone: number;
  /** Gone as a whole, and the client had not been told. */
  done: number;
  /** Gone as a whole, and the client had been told. */
  answered: number;
  /** Anything else, and what it was. */
  readonly torn: string[];
}

/** The secret of hashicorp/vault#16488 in a data folder: 1000 versions, written ten at a time. */
export interface Prepared {
  readonly dataDir: string;
  readonly numberByVersion: ReadonlyMap<number, number>;
}

export async function prepareSecret(dataDir: string): Promise<Prepared> {
  const server = await open(dataDir);
  await call(server, 'POST', 'secret/metadata/xyz', { max_versions: VERSIONS });
  const numberByVersion = new Map<number, number>();
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < VERSIONS) {
      const n = next++;
      const { body } = await call(server, 'POST', 'secret/data/xyz', { data: { n } });
      numberByVersion.set((body as { data: { version: number } }).data.version, n);
    }
  };
  await Promise.all(Array.from({ length: 10 }, write));
  await server.close();
  return { dataDir, numberByVersion };
}

/**
 * Deletes the secret's metadata and kills the process at some moment of that, over and over, each time on a fresh copy of the folder: first at
 * moments swept over the whole deletion, then around the one where its outcome turns, until there is enough.
 */
export async function playRounds(prepared: Prepared, isEnough: (tally: Tally) => boolean, worker?: URL): Promise<Tally> {
  const tally: Tally = { undone: 0, done: 0, answered: 0, torn: [] };
  const duration = await deletionTime(prepared, worker);
  let moment = duration / 2;
  let step = duration / 4;
  for (let round = 0; round < MAX_ROUNDS && !isEnough(tally); round++) {
    const isSweep = round < SWEEP;
    const outcome = await play(prepared, isSweep ? (duration * round) / SWEEP : moment, worker);
    if (outcome === 'undone' || outcome === 'done' || outcome === 'answered') tally[outcome]++;
    else tally.torn.push(outcome);
    if (isSweep) continue;
    // Bisects, then walks to and fro over the edge.
    moment = Math.max(0, outcome === 'undone' ? moment + step : moment - step);
    step = Math.max(step / 2, duration / 100);
  }
  return tally;
}

/** One round: what became of the secret. */
async function play(prepared: Prepared, moment: number, worker?: URL): Promise<string> {
  const dataDir = freshCopy(prepared);
  const server = await open(dataDir, worker);
  const isAnswered = await deleteAndKill(server, moment);
  await server.close();

  const { problems, secrets, versions } = await checkDatabase(dataDir);
  const again = await open(dataDir, worker);
  const seen = await look(again, prepared.numberByVersion);
  await again.close();
  if (problems.length > 0) return `${problems.length} problems in the store, such as: ${JSON.stringify(problems[0])}; ${seen}`;
  if (seen === 'whole' && secrets === 1 && versions === VERSIONS) return isAnswered ? 'undone, but the client was told that it was done' : 'undone';
  if (seen === 'gone' && secrets === 0 && versions === 0) return isAnswered ? 'answered' : 'done';
  return `${seen}, with ${secrets} secrets and ${versions} versions in the store`;
}

/** How long the deletion takes when nothing disturbs it, in ms: the median of three. */
async function deletionTime(prepared: Prepared, worker?: URL): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const server = await open(freshCopy(prepared), worker);
    const start = performance.now();
    await call(server, 'DELETE', 'secret/metadata/xyz');
    times.push(performance.now() - start);
    await server.close();
  }
  return times.toSorted((a, b) => a - b)[1]!;
}

function freshCopy({ dataDir }: Prepared): string {
  const copy = join(dataDir, '..', 'copy');
  rmSync(copy, { recursive: true, force: true });
  cpSync(dataDir, copy, { recursive: true });
  return copy;
}

interface Server {
  readonly url: string;
  readonly rootToken: string;
  /** Ends the process as a power cut would. */
  kill(): void;
  close(): Promise<void>;
}

/** The Worker in workerd, its object awake. */
async function open(dataDir: string, worker?: URL): Promise<Server> {
  let pid = 0;
  const { url, close } = await openWorkerd({ dataPath: dataDir, rootToken, sealKey: 'ab'.repeat(32), worker, onSpawn: (id) => (pid = id) });
  const server = { url, rootToken, close, kill: () => void process.kill(pid, 'SIGKILL') };
  await call(server, 'GET', 'secret/config');
  return server;
}

/** Whether the client got an answer before the process was dead. */
async function deleteAndKill({ url, kill }: Server, moment: number): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  let isAnswered = false;
  socket.on('data', () => (isAnswered = true)).on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(`DELETE /v1/secret/metadata/xyz HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: ${rootToken}\r\n\r\n`);
  // No timer: they have milliseconds, and the deletion has few of them.
  for (const end = performance.now() + moment; performance.now() < end;);
  kill();
  await closed;
  return isAnswered;
}

/** `whole` or `gone`, as far as a client can see; else what it sees. */
async function look(server: Server, numberByVersion: ReadonlyMap<number, number>): Promise<string> {
  const get = (path: string): ReturnType<typeof call> => call(server, 'GET', path);
  const metadata = await get('secret/metadata/xyz');
  const list = await get('secret/metadata?list=true');
  const reads = await Promise.all(SAMPLE.map(async (version) => ({ version, ...(await get(`secret/data/xyz?version=${version}`)) })));

  if ([metadata, list, ...reads].every(({ status, body }) => status === 404 && JSON.stringify(body) === '{"errors":[]}')) return 'gone';
  const { versions = {}, current_version: current } = dataOf<{ versions?: object; current_version?: number }>(metadata.body);
  const hasAll = Object.keys(versions).length === VERSIONS && current === VERSIONS;
  const isListed = JSON.stringify(dataOf<{ keys?: string[] }>(list.body).keys) === '["xyz"]';
  const isRead = reads.every(({ version, body }) => dataOf<{ data?: { n: number } }>(body).data?.n === numberByVersion.get(version));
  if (hasAll && isListed && isRead) return 'whole';
  const statuses = reads.map(({ version, status }) => `version ${version}: ${status}`);
  return `metadata: ${metadata.status}, list: ${list.status}, ${statuses.join(', ')}`;
}

function dataOf<T extends object>(body: unknown): T | Partial<T> {
  return (body as { data?: T } | undefined)?.data ?? {};
}
