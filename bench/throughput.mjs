// Requests per second of a KV read and a KV write through the endpoint, as a share of what a Worker does that does nothing, and next to a real OpenBao
// with raft storage if `--bao <path of the binary>` is given. Needs a build: `npm run build`. `node bench/throughput.mjs [--bao <path>] [--rounds <n>]`
//
// The Worker runs in workerd on its own socket, without the front. All servers are up at once and take turns, a second each, in every round, so that
// whatever else the machine does meets all of them; the medians of the rounds are compared. The load comes from 16 connections that are kept open.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Miniflare, NoOpLog } from 'miniflare';
import { openWorkerd } from '../packages/server/dist/workerd-runtime.js';

const CONNECTIONS = 16;
const SECRETS = 100;
const SECONDS = 1;
const ROOT = 's.root-token-of-the-bench';
/** Who asks. The last rule is the one that counts. */
const HOLDERS = [
  { who: 'the root token', rules: 0 },
  { who: 'policies of 1 rule', rules: 1 },
  { who: 'policies of 100 rules', rules: 100 },
];

const { values: options } = parseArgs({ options: { bao: { type: 'string' }, rounds: { type: 'string', default: '9' } } });
const folder = mkdtempSync(join(tmpdir(), 'sealkv-bench-'));
const opened = [];
try {
  await main();
} finally {
  for (const close of opened.reverse()) await close();
  rmSync(folder, { recursive: true });
}

async function main() {
  const nothing = await openNothing();
  const own = await openWorkerd({ dataPath: join(folder, 'sealkv'), rootToken: ROOT, sealKey: 'ab'.repeat(32) });
  opened.push(() => own.close());
  const servers = [{ name: 'SealKV', url: own.url, rootToken: ROOT }];
  if (options.bao !== undefined) servers.push(await openBao(options.bao));

  const contests = [
    { name: 'a Worker that does nothing', ...nothing.worker },
    { name: 'a Worker that calls an object that does nothing', ...nothing.object },
    { name: 'a Worker that calls an object that commits two records', ...nothing.commit },
  ];
  for (const server of servers) contests.push(...(await kvContests(server)));

  for (const contest of contests) await requestsPerSecond(contest, SECONDS); // warms up
  const rates = contests.map(() => []);
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [i, contest] of contests.entries()) rates[i].push(await requestsPerSecond(contest, SECONDS));
  }

  const rows = contests.map(({ name }, i) => ({ name, rate: median(rates[i]) }));
  const rateOf = (name) => rows.find((row) => row.name === name)?.rate;
  console.log(`\n| | requests/s | share of a Worker that does nothing |${options.bao === undefined ? '' : ' of OpenBao |'}`);
  console.log(`|---|---:|---:|${options.bao === undefined ? '' : '---:|'}`);
  for (const { name, rate } of rows) {
    const other = rateOf(name.replace('SealKV', 'OpenBao'));
    const share = name.startsWith('OpenBao') ? '' : (rate / rows[0].rate).toFixed(2);
    console.log(
      `| ${name} | ${Math.round(rate)} | ${share} |${options.bao === undefined ? '' : ` ${name.startsWith('SealKV') ? (rate / other).toFixed(2) : ''} |`}`,
    );
  }
  for (const what of ['read', 'write']) {
    const shares = HOLDERS.map(({ who }) => `${(rateOf(`SealKV ${what}, ${who}`) / rows[0].rate).toFixed(2)} with ${who}`);
    console.log(`FIGURE KV ${what}, share of a no-op Worker (goal 0.6): ${shares.join(', ')}`);
    const floor = rows[what === 'read' ? 1 : 2];
    const ofFloor = HOLDERS.map(({ who }) => `${(rateOf(`SealKV ${what}, ${who}`) / floor.rate).toFixed(2)} with ${who}`);
    console.log(`FIGURE KV ${what}, share of ${floor.name}: ${ofFloor.join(', ')}`);
    if (options.bao === undefined) continue;
    const versus = HOLDERS.map(({ who }) => `${(rateOf(`SealKV ${what}, ${who}`) / rateOf(`OpenBao ${what}, ${who}`)).toFixed(2)} with ${who}`);
    console.log(`FIGURE KV ${what}, times OpenBao with raft (goal ${what === 'read' ? '0.6' : '1.2'}): ${versus.join(', ')}`);
  }
}

/** Reads and writes of small secrets, each by all the holders. */
async function kvContests({ name, url, rootToken }) {
  const send = async (method, path, body) => {
    const response = await fetch(`${url}/v1/${path}`, { method, headers: { 'X-Vault-Token': rootToken }, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${name}: ${method} ${path} answers ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  };
  const body = JSON.stringify({ data: { user: 'ada', password: 'correct horse battery staple', port: 5432 } });
  for (let n = 0; n < SECRETS; n++) await send('POST', `secret/data/bench/${n}`, JSON.parse(body));

  const contests = [];
  for (const { who, rules } of HOLDERS) {
    let token = rootToken;
    if (rules > 0) {
      // Ten policies of ten rules, or one of one.
      const lines = Array.from({ length: rules - 1 }, (_, i) => `path "secret/data/team-${i}/*" { capabilities = ["create", "update", "read"] }`);
      lines.push('path "secret/data/bench/*" { capabilities = ["create", "update", "read"] }');
      const policies = [];
      for (let i = 0; i < lines.length; i += 10) {
        const policy = `bench-${rules}-${i}`;
        await send('PUT', `sys/policies/acl/${policy}`, { policy: lines.slice(i, i + 10).join('\n') });
        policies.push(policy);
      }
      token = (await send('POST', 'auth/token/create', { policies, ttl: '24h' })).auth.client_token;
    }
    const headers = { 'X-Vault-Token': token };
    const path = (n) => `/v1/secret/data/bench/${n % SECRETS}`;
    contests.push({
      name: `${name} read, ${who}`,
      url,
      requests: Array.from({ length: SECRETS }, (_, n) => requestText({ path: path(n), headers })),
    });
    contests.push({
      name: `${name} write, ${who}`,
      url,
      requests: Array.from({ length: SECRETS }, (_, n) => requestText({ path: path(n), headers, body })),
    });
  }
  return contests;
}

function requestText({ path, headers, body }) {
  const all = { Host: 'localhost', ...headers, ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
}

/** Sends the requests over and over, each connection its next one as soon as it has the answer. An answer other than 200 is an error. */
async function requestsPerSecond({ name, url, requests }, seconds) {
  const { hostname, port } = new URL(url);
  let done = 0;
  let next = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  await Promise.all(
    Array.from(
      { length: CONNECTIONS },
      () =>
        new Promise((resolved, failed) => {
          const socket = connect({ host: hostname, port: Number(port), noDelay: true });
          const send = () => socket.write(requests[next++ % requests.length]);
          let received = '';
          socket.on('connect', send);
          socket.on('error', failed);
          socket.on('close', () => failed(new Error(`${name}: the connection was closed`)));
          socket.on('data', (chunk) => {
            received += chunk.toString('latin1');
            const length = answerLength(received);
            if (length === undefined || received.length < length) return;
            if (!received.startsWith('HTTP/1.1 200')) return failed(new Error(`${name}: ${received}`));
            received = '';
            done++;
            if (performance.now() < end) return send();
            socket.removeAllListeners('close');
            socket.destroy();
            resolved();
          });
        }),
    ),
  );
  return done / ((performance.now() - begin) / 1000);
}

/** Of head and body; undefined as long as that is not known. */
function answerLength(received) {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = received.slice(0, headEnd);
  const length = /\r\ncontent-length: (\d+)/i.exec(head);
  if (length !== null) return headEnd + 4 + Number(length[1]);
  if (!/\r\ntransfer-encoding: chunked/i.test(head)) throw new Error(`an answer of unknown length: ${head}`);
  const last = received.indexOf('\r\n0\r\n\r\n', headEnd);
  return last < 0 ? undefined : last + 7;
}

/** What any Worker costs, and any call of an object. */
async function openNothing() {
  const contents = `
    import { DurableObject } from 'cloudflare:workers';
    const answer = () => new Response('{"data":null}\\n', { headers: { 'Content-Type': 'application/json' } });
    export class Nothing extends DurableObject {
      async nothing() {}
      async commit() {
        await this.ctx.storage.transaction(async () => {
          this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID');
          for (const key of ['one', 'two'])
            this.ctx.storage.sql.exec('INSERT INTO records VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, new Uint8Array(300));
        });
      }
    }
    export default {
      async fetch(request, env) {
        const { pathname } = new URL(request.url);
        if (pathname === '/object') await env.OBJECT.get(env.OBJECT.idFromName('one')).nothing();
        if (pathname === '/commit') await env.OBJECT.get(env.OBJECT.idFromName('one')).commit();
        return answer();
      }
    };`;
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    log: new NoOpLog(),
    cf: false,
    telemetry: { enabled: false },
    resourcePersistencePath: join(folder, 'nothing'),
    enableDevRegistry: false,
    unsafeLocalExplorer: false,
    workers: [
      {
        config: {
          name: 'nothing',
          compatibilityDate: '2026-10-01',
          manifest: { mainModule: 'worker.mjs', modules: { 'worker.mjs': { type: 'esm', contents } } },
          env: { OBJECT: { type: 'durable-object', worker: 'nothing', exportName: 'Nothing' } },
          exports: { Nothing: { type: 'durable-object', storage: 'sqlite' } },
        },
        dev: { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] },
      },
    ],
  });
  opened.push(() => miniflare.dispose());
  const { origin } = await miniflare.unsafeGetDirectURL('nothing');
  return {
    worker: { url: origin, requests: [requestText({ path: '/' })] },
    object: { url: origin, requests: [requestText({ path: '/object' })] },
    commit: { url: origin, requests: [requestText({ path: '/commit' })] },
  };
}

/** An OpenBao with raft storage, as one that is in use has, unsealed and with a mount for secrets. */
async function openBao(binary) {
  const [port, clusterPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const home = join(folder, 'bao');
  mkdirSync(join(home, 'raft'), { recursive: true });
  writeFileSync(
    join(home, 'config.json'),
    `storage "raft" { path = "${join(home, 'raft')}" node_id = "bench" }
     listener "tcp" { address = "127.0.0.1:${port}" cluster_address = "127.0.0.1:${clusterPort}" tls_disable = true }
     api_addr = "${url}" cluster_addr = "http://127.0.0.1:${clusterPort}" log_level = "error"`.replaceAll(
      / (\w+ =|api_addr|cluster_addr|log_level)/g,
      '\n$1',
    ),
  );
  const child = spawn(resolve(binary), ['server', '-config', join(home, 'config.json')], { stdio: 'ignore' });
  const ended = new Promise((done) => child.on('exit', done));
  opened.push(() => (child.kill('SIGTERM'), ended));
  const send = async (method, path, body, token) => {
    const response = await fetch(`${url}/v1/${path}`, { method, headers: token && { 'X-Vault-Token': token }, body: body && JSON.stringify(body) });
    return { ok: response.ok, json: await response.json().catch(() => undefined) };
  };
  await until(() =>
    send('GET', 'sys/init').then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const { json: made } = await send('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
  await send('PUT', 'sys/unseal', { key: made.keys[0] });
  const rootToken = made.root_token;
  await until(async () => (await send('POST', 'sys/mounts/secret', { type: 'kv-v2' }, rootToken)).ok);
  await until(async () => (await send('POST', 'secret/data/first', { data: {} }, rootToken)).ok);
  return { name: 'OpenBao', url, rootToken };
}

async function until(condition) {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries === 300) throw new Error('OpenBao does not start');
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
