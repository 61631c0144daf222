import 'fake-indexeddb/auto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecretEngine } from '@sealkv/core';
import { startServer } from '@sealkv/server';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Miniflare } from 'miniflare';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CliProcess, startCli } from '../server/cli-process.ts';
import type { Block } from './markdown.ts';
import { blocks, pageAt, pages, ROOT, tableUnder } from './markdown.ts';
import { bundleWorker, checked, countExpectations, execute, mustBe, parseCurl, runModule, temporaryFolder, writeModules } from './run-blocks.ts';

// Every block of the documentation is run. `text` blocks are pictures; everything else names in a comment before it how it is run:
// - `web`, `worker`, `binding` (a Worker with a service binding), `node` and a file name: a module. Those of one page and kind share a folder and can import one another.
// - a name of its own: see below.
const MODULES = ['web', 'worker', 'binding', 'node'];
const COMMANDS = ['npm-start', 'sealkv-dev', 'curl', 'curl-tokens', 'curl-access', 'pack', 'deploy', 'npm-test', 'commands'];

const modules = (kind: string): Block[] => blocks.filter((block) => block.kind === kind);
const command = (kind: string): Block => {
  const [block, ...others] = blocks.filter((other) => other.kind === kind);
  expect(others).toEqual([]);
  return mustBe(block, `there is no block ${kind}`);
};
/** The commands of a block: what ends in a backslash, or within single quotes, goes on in the next line. */
const commandLines = ({ code }: Block): string[] => {
  const lines: string[] = [];
  let open = '';
  for (const line of code.split('\n')) {
    const whole = open + line.replace(/ +# (?!→).*$/, '');
    const isInQuotes = whole.split("'").length % 2 === 0;
    open = isInQuotes ? `${whole}\n` : whole.endsWith('\\') ? whole.slice(0, -1) : '';
    if (open === '' && whole !== '' && !whole.startsWith('#')) lines.push(whole);
  }
  return lines;
};

/** Runs curl commands, each answering what its comment says. `export NAME=s.…` takes the token that was answered last. */
async function runCurl(lines: readonly string[], given: Readonly<Record<string, string>>): Promise<void> {
  const variables: Record<string, string> = { ...given };
  let content = '';
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) {
    const [, name] = /^export (\w+)=s\.…$/.exec(line) ?? [];
    if (name !== undefined) {
      variables[name] = (JSON.parse(content) as { auth: { client_token: string } }).auth.client_token;
      continue;
    }
    const [text, expected] = line.split(/ +# → /);
    const { method, url, headers, body } = parseCurl(text!, variables);
    const answer = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
    content = await answer.text();
    if (expected === 'nothing') expect(content, line).toBe('');
    else expect(content, line).toContain(mustBe(expected, `what is answered to ${line}?`));
  }
}

const ran = new Set<Block>();
/** Remembers that a block is run by the test it is asked for in. */
const running = (block: Block): Block => (ran.add(block), block);

test('every block says how it is run, or is a picture', () => {
  const strangers = blocks.filter(({ language, kind }) =>
    language === 'text' ? kind !== undefined : ![...MODULES, ...COMMANDS].includes(kind ?? ''),
  );
  expect(strangers.map(({ page, line, language, kind }) => `${page}:${line} ${language} ${kind}`)).toEqual([]);
});

test('every module compiles', async () => {
  const folder = temporaryFolder({ inside: true });
  onTestFinished(() => folder.remove());
  for (const kind of MODULES) {
    const path = join(folder.path, kind);
    for (const page of new Set(modules(kind).map((block) => block.page))) {
      writeModules(
        join(path, page.replaceAll(/\W/g, '-')),
        modules(kind).filter((block) => block.page === page),
      );
    }
    mkdirSync(path, { recursive: true });
    const isForWorkers = kind === 'worker' || kind === 'binding';
    const options = {
      extends: join(ROOT, 'tsconfig.base.json'),
      compilerOptions: {
        lib: isForWorkers ? ['es2023'] : ['es2024', 'dom', 'dom.iterable'],
        types: isForWorkers ? ['@cloudflare/workers-types'] : kind === 'node' ? ['node'] : [],
        jsx: 'react-jsx',
        rootDir: path,
        composite: false,
        incremental: false,
        tsBuildInfoFile: null,
        noEmit: true,
        isolatedDeclarations: false,
        declaration: false,
        declarationMap: false,
      },
      include: ['.'],
    };
    if (modules(kind).length === 0) continue;
    writeFileSync(join(path, 'tsconfig.json'), JSON.stringify(options));
    writeFileSync(join(path, 'package.json'), '{"type":"module"}');
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const complaints = await execute(process.execPath, [tsc, '-p', path], ROOT).catch((error: { stdout: string }) => error.stdout);
    expect(complaints).toBe('');
  }
});

describe('in a terminal', () => {
  test('npm start serves as it says', async () => {
    expect(commandLines(running(command('npm-start')))).toEqual(['npm start']);
    const folder = temporaryFolder();
    onTestFinished(() => folder.remove());
    const { url, rootToken, banner, process: cli } = await startCli(join(folder.path, 'data'));
    const { status } = await fetch(`${url}/v1/sys/mounts`, { headers: { 'X-Vault-Token': rootToken } });
    cli.signal('SIGINT');
    await cli.ended;
    expect(status).toBe(200);
    expect(banner).toContain('curl');
  });

  test('sealkv dev is in memory, and its root token is root', async () => {
    expect(commandLines(running(command('sealkv-dev')))).toEqual(['npx sealkv dev']);
    const cli = new CliProcess(['dev', '--port', '0']);
    const [line] = (await cli.banner()).split('\n');
    cli.signal('SIGINT');
    await cli.ended;
    expect(line).toContain('root token root   in memory');
  });

  test('the curl commands answer what they say', async () => {
    await using server = await startServer();
    const variables = { VAULT_ADDR: server.url, VAULT_TOKEN: server.rootToken };
    const lines = commandLines(running(command('curl')));
    expect(lines.shift()).toBe('export VAULT_ADDR=http://127.0.0.1:8200 VAULT_TOKEN=s.…');
    await runCurl(lines, variables);
  });

  test('so do those about tokens', async () => {
    await using server = await startServer();
    await runCurl(commandLines(running(command('curl-tokens'))), { VAULT_ADDR: server.url, VAULT_TOKEN: server.rootToken });
  });

  test('and those about Cloudflare Access', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const asked = new Set<string>();
    await using server = await startServer({
      fetch: async (url) => {
        asked.add(url as string);
        return Response.json({ keys: [{ ...(await exportJWK(publicKey)), kid: 'access', use: 'sig' }] });
      },
    });
    const JWT = await new SignJWT({ email: 'ada@example.com' })
      .setProtectedHeader({ alg: 'RS256', kid: 'access' })
      .setIssuer('https://my-team.cloudflareaccess.com')
      .setAudience('the audience tag of the application')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
    await runCurl(commandLines(running(command('curl-access'))), { VAULT_ADDR: server.url, VAULT_TOKEN: server.rootToken, JWT });
    expect([...asked]).toEqual(['https://my-team.cloudflareaccess.com/cdn-cgi/access/certs']);
  });

  test('npm test is the one test command, and is there', () => {
    expect(commandLines(running(command('npm-test')))).toEqual(['npm test']);
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    expect(scripts).toHaveProperty('test');
    const others = pages.flatMap(({ file, text }) =>
      Array.from(text.matchAll(/(?:npx )?vitest (?:run|watch|--)|npm run test\S*/g), ([found]) => `${file}: ${found}`),
    );
    expect(others).toEqual([]);
  });

  test('the commands of a contributor are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    for (const line of commandLines(running(command('commands')))) {
      const [, name] = /^npm (?:run )?([\w:]+)/.exec(line) ?? [];
      expect(scripts, line).toHaveProperty(mustBe(name, `no script: ${line}`));
    }
  });
});

describe('the modules', () => {
  test('of a web app run on the packages as they are packed and installed', async () => {
    const folder = temporaryFolder();
    onTestFinished(() => folder.remove());
    const app = join(folder.path, 'my-app');
    mkdirSync(app);
    const offline = { npm_config_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' };
    const npm = (args: readonly string[], cwd: string): Promise<string> => execute('npm', args, cwd, offline);

    const [build, pack, install, ...more] = commandLines(running(command('pack')));
    expect(more).toEqual([]);
    // The tests run on what has been built.
    expect(build).toBe('npm install && npm run build');
    await npm(pack!.replace('../my-app', app).split(' ').slice(1), ROOT);
    // The registry is out of reach: what it would bring lies beside them, under a name that the same pattern fits.
    for (const name of ['idb', 'react']) {
      await npm(['pack', join(ROOT, 'node_modules', name), '--pack-destination', app], ROOT);
      await execute('sh', ['-c', `mv ${name}-*.tgz sealkv-needs-${name}.tgz`], app);
    }
    writeFileSync(join(app, 'package.json'), '{"type":"module"}');
    await execute('sh', ['-c', install!.replace('cd ../my-app && ', '')], app, offline);

    const shown: unknown[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...args) => void shown.push(...args));
    onTestFinished(() => log.mockRestore());
    await runModules(modules('web'), app);
    expect(shown).toEqual(['a', 'cart', 'order']);
  });

  test('of a test suite run', async () => {
    const folder = temporaryFolder({ inside: true });
    onTestFinished(() => folder.remove());
    const before = { ...process.env };
    await runModules(modules('node'), folder.path);
    process.env = before;
  });

  describe.each(modules('worker'))('of a Worker: $page $name', (block) => {
    test('is one that answers', async () => {
      const folder = temporaryFolder({ inside: true });
      onTestFinished(() => folder.remove());
      writeModules(folder.path, [running(block)]);
      const worker = await bundleWorker(folder.path, block.name!);
      await using server = await startServer({ runtime: 'workerd', worker, secrets: { 'secret/app': { n: 1 } } });
      const answer = await fetch(`${server.url}/v1/secret/data/app`, { headers: { 'X-Vault-Token': server.rootToken } });
      expect(await answer.json()).toMatchObject({ data: { data: { n: 1 } } });
      if (block.code.includes('your own app')) expect(await (await fetch(server.url)).text()).toBe('your own app');
    });
  });

  describe.each(modules('binding'))('of a Worker with a service binding: $page $name', (block) => {
    test('reads what is in the other one', async () => {
      const folder = temporaryFolder({ inside: true });
      onTestFinished(() => folder.remove());
      const vault = { ...block, name: 'vault.ts', code: "export { default, NamespaceObject, Secrets } from '@sealkv/worker';\n" };
      writeModules(folder.path, [running(block), vault]);
      const scripts = await Promise.all([block.name!, vault.name].map((name) => bundleWorker(folder.path, name)));
      const [own, other] = scripts.map((url) => ({
        compatibilityDate: '2026-10-01',
        manifest: { mainModule: 'worker.mjs', modules: { 'worker.mjs': { type: 'esm' as const, contents: readFileSync(url, 'utf8') } } },
      }));
      const miniflare = new Miniflare({
        cf: false,
        telemetry: { enabled: false },
        workers: [
          {
            config: {
              ...own!,
              name: 'app',
              // As the picture before the block says.
              env: { SECRETS: { type: 'worker', worker: 'sealkv', exportName: 'Secrets', props: { mount: 'secret/' } } },
            },
          },
          {
            config: {
              ...other!,
              name: 'sealkv',
              env: {
                SEALKV: { type: 'durable-object', worker: 'sealkv', exportName: 'NamespaceObject' },
                SEALKV_SEAL_KEY: { type: 'text', value: 'ab'.repeat(32) },
                SEALKV_ROOT_TOKEN: { type: 'text', value: 's.root' },
              },
              exports: { NamespaceObject: { type: 'durable-object', storage: 'sqlite' } },
            },
          },
        ],
      });
      onTestFinished(() => miniflare.dispose());
      const sealkv = await miniflare.getWorker('sealkv');
      const headers = { 'X-Vault-Token': 's.root' };
      await sealkv.fetch('http://localhost/v1/secret/data/app', { method: 'POST', headers, body: '{"data":{"user":"ada"}}' });
      expect(await (await miniflare.dispatchFetch('http://localhost/')).json()).toEqual({ user: 'ada' });
    });
  });

  test('the Worker is ready to be deployed, and asks for the secrets that are named', async () => {
    const folder = temporaryFolder();
    onTestFinished(() => folder.remove());
    const lines = commandLines(running(command('deploy')));
    const source = readFileSync(join(ROOT, 'packages/worker/src/namespace-object.ts'), 'utf8');
    const secrets = Array.from(lines.join('\n').matchAll(/wrangler secret put (\w+)/g), ([, name]) => name!);
    expect(secrets.toSorted()).toEqual(Array.from(source.matchAll(/the secret (\w+) is not set/g), ([, name]) => name!).toSorted());
    expect(lines.at(-1)).toBe('npx wrangler deploy');
    const wrangler = join(ROOT, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
    const output = await execute(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', folder.path], ROOT, {
      WRANGLER_SEND_METRICS: 'false',
    });
    expect(output).toContain('NamespaceObject');
  });

  /** Runs modules page by page, each with its expectations checked. */
  async function runModules(all: readonly Block[], folder: string): Promise<void> {
    let met = 0;
    (globalThis as Record<string, unknown>)['expectAsDocumented'] = (actual: unknown, expected: unknown, line: string) => {
      met++;
      expect(actual, line).toEqual(expected);
    };
    for (const page of new Set(all.map((block) => block.page))) {
      const own = all.filter((block) => block.page === page);
      const path = join(folder, page.replaceAll(/\W/g, '-'));
      writeModules(path, own, checked);
      for (const block of own) await runModule(path, running(block).name!);
    }
    expect(met).toBe(all.reduce((sum, { code }) => sum + countExpectations(code), 0));
  }
});

describe('the API at a glance', () => {
  const readme = pageAt('README.md');
  const names = (cell: string): string[] => Array.from(cell.matchAll(/`(\w+)\(/g), ([, name]) => name!);

  test('has every method of the engine and no other', () => {
    const listed = tableUnder(readme, 'Method').flatMap(([cell]) => names(cell!));
    // For servers: see CONTRIBUTING.md and packages/http.
    const own = Object.getOwnPropertyNames(SecretEngine.prototype).filter((name) => !['constructor', 'within'].includes(name));
    expect(listed.toSorted()).toEqual(own.toSorted());
  });

  const requests = tableUnder(readme, 'Request').flatMap(([cell]) =>
    Array.from(cell!.matchAll(/`([A-Z]+) ([^`]+)`/g), ([, method, path]) => [method!, path!] as const),
  );
  const isOfKv = (path: string): boolean => /^(?:secret|kv1)\/|^sys\/(?:mounts(?:\/:path)?$|internal\/ui\/mounts)/.test(path);

  test('has requests for secrets that the server carries out', async () => {
    await using server = await startServer();
    const bodies: Readonly<Record<string, object>> = { 'secret/atomic': { operations: [{ operation: 'put', path: 'p', data: {} }] } };
    const send = (method: string, path: string): Promise<Response> =>
      fetch(`${server.url}/v1/${path}`, {
        method,
        headers: { 'X-Vault-Token': server.rootToken, 'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
        ...(['POST', 'PATCH'].includes(method) && {
          body: JSON.stringify(bodies[path] ?? { data: { a: 1 }, versions: [1], max_versions: 3, type: 'kv', options: {} }),
        }),
      });
    await send('POST', 'sys/mounts/kv1');
    const ofKv = requests.filter(([, path]) => isOfKv(path));
    expect(ofKv.length).toBeGreaterThanOrEqual(30);
    for (const [method, path] of ofKv) {
      for (const secret of ['secret/data/p', 'kv1/p']) await send('POST', secret);
      const isMount = path.startsWith('sys/');
      const answer = await send(
        method,
        path.replace(/:\w+/, isMount ? (method === 'GET' ? 'secret' : 'other') : method === 'LIST' || method === 'SCAN' ? '' : 'p'),
      );
      const content = await answer.text();
      expect([200, 204], `${method} ${path}: ${answer.status} ${content}`).toContain(answer.status);
    }
  });

  test('has other requests that are in the OpenAPI document', () => {
    const { paths } = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as { paths: Record<string, object> };
    const known = Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((name) => `${name} ${path.replaceAll(/\{\w+\}/g, ':')}`));
    const others = requests.filter(([, path]) => !isOfKv(path));
    expect(others.length).toBeGreaterThan(60);
    for (const [method, path] of others) {
      const name = method === 'LIST' ? 'get' : method.toLowerCase();
      const pattern = path.replace(/^auth\/(?:userpass|approle|jwt)\//, 'auth/:/').replaceAll(/:\w+/g, ':');
      expect(known, `${method} ${path}`).toContain(`${name} /${pattern}`);
    }
  });
});

test('no block was passed over', () => {
  const forgotten = blocks.filter((block) => block.language !== 'text' && !ran.has(block));
  expect(forgotten.map(({ page, line }) => `${page}:${line}`)).toEqual([]);
});
