// A Chromium to test in: the one that CHROMIUM_BIN names, the system's, or the one that comes as an npm package. Never none.
// `CHROMIUM_BIN=npm` means the npm package's, also where the system has one.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

const SYSTEM = [
  '/usr/lib/chromium/chromium',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** @returns {Promise<{ path: string, env: Record<string, string> }>} */
export async function findChromium() {
  const env = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== undefined));
  const given = process.env.CHROMIUM_BIN;
  if (given && given !== 'npm') {
    if (!existsSync(given)) throw new Error(`CHROMIUM_BIN is ${given}, which does not exist`);
    return { path: given, env };
  }
  const system = given ? undefined : SYSTEM.find((path) => existsSync(path));
  if (system) return { path: system, env };
  const home = await unpacked();
  return {
    path: join(home, 'chromium'),
    env: { ...env, LD_LIBRARY_PATH: [join(home, 'al2023', 'lib'), env.LD_LIBRARY_PATH].filter(Boolean).join(':') },
  };
}

/** Where `@sparticuz/chromium` is unpacked, once, with the libraries it brings for machines that have none. */
async function unpacked() {
  const cache = join(dirname(dirname(fileURLToPath(import.meta.url))), 'node_modules', '.cache');
  const home = join(cache, 'sealkv-chromium');
  if (existsSync(home)) return home;
  console.error('Unpacking the Chromium of the npm package @sparticuz/chromium (once) ...');
  mkdirSync(cache, { recursive: true });
  // Unpacked aside and then renamed, so that one that was interrupted leaves no half of a browser behind.
  const aside = mkdtempSync(`${home}-`);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = aside; // where the package unpacks to
  try {
    const { default: chromium } = await import('@sparticuz/chromium');
    await chromium.executablePath();
    // Its package.json is not exported, its entry is: build/index.js, beside bin/. It unpacks these libraries on AWS only.
    const bin = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..', 'bin');
    mkdirSync(join(aside, 'al2023'));
    execFileSync('tar', ['xf', '-', '-C', join(aside, 'al2023')], { input: brotliDecompressSync(readFileSync(join(bin, 'al2023.tar.br'))) });
    if (!existsSync(home)) renameSync(aside, home);
    return home;
  } finally {
    rmSync(aside, { recursive: true, force: true });
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}
