// What would be published, checked as a stranger would get it: publint and "are the types wrong" on every package.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

let failed = false;
for (const name of readdirSync('packages')) {
  const cwd = `packages/${name}`;
  for (const [tool, args] of [
    ['publint', ['--strict']],
    ['attw', ['--pack', '.', '--profile', 'esm-only']],
  ]) {
    try {
      execFileSync(tool, args, { cwd, stdio: 'pipe' });
      console.log(`${name}: ${tool} ok`);
    } catch (error) {
      failed = true;
      console.error(`${name}: ${tool} failed\n${error.stdout}${error.stderr}`);
    }
  }
}
process.exitCode = failed ? 1 : 0;
