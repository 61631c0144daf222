// How long until a server answers: from `npm start` in a terminal, and from `startServer()` in a test. Needs a build: `npm run build`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '@sealkv/server';

const RUNS = 5;

async function npmStart() {
  const dataDir = mkdtempSync(join(tmpdir(), 'sealkv-bench-'));
  const npm = spawn('npm', ['start', '--', '--port', '0', '--data', dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(npm, 'close');
  let output = '';
  let url;
  while (url === undefined) {
    output += (await once(npm.stdout, 'data'))[0];
    url = /http:\/\/\S+/.exec(output)?.[0];
  }
  await mustBeHealthy(url);
  return async () => {
    npm.kill('SIGTERM');
    await ended;
    rmSync(dataDir, { recursive: true });
  };
}

async function inProcess() {
  const server = await startServer();
  await mustBeHealthy(server.url);
  return () => server.close();
}

async function mustBeHealthy(url) {
  const { status } = await fetch(`${url}/v1/sys/health`);
  if (status !== 200) throw new Error(`sys/health answers ${status}`);
}

for (const [what, start] of Object.entries({ 'npm start': npmStart, 'startServer() in process': inProcess })) {
  const times = [];
  for (let run = 0; run < RUNS; run++) {
    const begin = performance.now();
    const stop = await start();
    times.push(Math.round(performance.now() - begin));
    await stop();
  }
  times.sort((a, b) => a - b);
  console.log(`FIGURE ${what} to the first 200 of sys/health: ${times[times.length >> 1]} ms, the median of ${RUNS} (${times.join(', ')})`);
}
