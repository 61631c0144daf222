// `npm start`: installs what is missing, builds, and serves. It passes signals on and ends as the server ends. (npm passes a signal on to its
// shell, which would die of it and leave all this behind: hence the `exec`.)
import { execSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import './setup.mjs';

try {
  execSync(JSON.parse(readFileSync('package.json', 'utf8')).scripts.build, { stdio: 'inherit' });
} catch {
  console.error('The build failed; see above.');
  process.exit(1);
}

// npm has put the folder of installed commands in front of the path: this is the Node that came with the dependencies, if one did.
const server = spawn('node', ['packages/server/dist/cli.js', ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal));
server.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
