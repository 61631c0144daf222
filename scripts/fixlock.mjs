// Adds to the lock file the optional platform packages that a partial registry mirror cannot serve: npm drops them silently when it
// writes the lock, and then `npm ci` on another machine refuses it as incomplete. Run after `npm install`: `npm run fixlock`.
import { readFileSync, writeFileSync } from 'node:fs';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const PLATFORM =
  /(darwin|windows|win32|win|linux|freebsd|android|openbsd|netbsd|sunos|aix|openharmony)-(arm64|64|x64|ia32|arm|ppc64|s390x|loong64|riscv64|mips64el)/;
let added = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    const match = PLATFORM.exec(name);
    if (lock.packages[key] || lock.packages[`${path}/${key}`] || !match || !/^\d/.test(range)) continue;
    const os = { windows: 'win32', win: 'win32' }[match[1]] ?? match[1];
    const cpu = match[2] === '64' ? 'x64' : match[2];
    const libc = /musl/.test(name) ? ['musl'] : /-gnu/.test(name) ? ['glibc'] : undefined;
    lock.packages[key] = { version: range, cpu: [cpu], ...(entry.dev ? { dev: true } : {}), ...(libc ? { libc } : {}), optional: true, os: [os] };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} platform packages added to the lock file`);
