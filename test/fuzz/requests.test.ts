import { checkStore } from '@sealkv/core/check';
import type { ApiRequest } from '@sealkv/http';
import { apiOwners } from '@sealkv/http';
import { expect, test } from 'vitest';
import type { Operation } from '../../packages/http/src/request.ts';
// The very rows that `createApi` runs.
import { sections } from '../../packages/http/dist/routes.js';
import { Harness, ROOT } from '../http/harness.ts';
import { Random } from './random.ts';
import type { Row } from './requests.ts';
import { mutated, validRequest } from './requests.ts';

const REQUESTS = 100_000;
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_125);

/** A request to be shown with the seed that made it. */
function shown({ method, target, headers, body }: ApiRequest): string {
  const text = body === 'too large' ? body : new TextDecoder().decode(body);
  return JSON.stringify({ method, target, headers, body: text }).slice(0, 2000);
}

test(
  `${REQUESTS.toLocaleString('en')} requests made by changing valid ones: no answer is a 5xx, every refusal is JSON, the store stays in order`,
  { timeout: 600_000 },
  async () => {
    const random = new Random(SEED);
    let harness = new Harness();
    const must = async (method: string, path: string, body: object): Promise<void> => {
      const { status, body: text } = await harness.send(method, path, { body });
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    };
    const liftLimits = async (): Promise<void> => {
      const { json } = await harness.send('LIST', 'sys/quotas/rate-limit');
      for (const name of json?.data?.keys ?? []) await harness.send('DELETE', `sys/quotas/rate-limit/${encodeURIComponent(name)}`);
    };
    const setUp = async (): Promise<void> => {
      await liftLimits();
      for (const [path, type] of [
        ['secret', 'kv-v2'],
        ['team/two', 'kv-v2'],
        ['kv1', 'kv'],
      ] as const) {
        await harness.send('DELETE', `sys/mounts/${path}`);
        await must('POST', `sys/mounts/${path}`, { type });
      }
      for (const type of ['approle', 'jwt', 'userpass']) {
        await harness.send('DELETE', `sys/auth/${type}`);
        await must('POST', `sys/auth/${type}`, { type });
      }
      for (const name of ['r', 'a']) await must('POST', `auth/approle/role/${name}`, { policies: 'default' });
      await harness.send('DELETE', 'sys/config/cors');
    };
    let tokens: readonly string[] = [];
    const newToken = async (): Promise<void> => {
      await liftLimits();
      const everything = await harness.tokenWith(
        'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"] }',
      );
      tokens = [ROOT, ROOT, ROOT, everything];
    };
    await setUp();
    await newToken();

    // The table's rows are counted as they run.
    const table = sections();
    const runs = new Map<Row, number>();
    let handled = 0;
    const unpatch: (() => void)[] = [];
    for (const row of table.flatMap(({ routes }) => routes)) {
      const target = row as Row & { run: (...given: unknown[]) => unknown };
      const { run } = target;
      target.run = (...given) => {
        handled++;
        runs.set(row, (runs.get(row) ?? 0) + 1);
        return run(...given);
      };
      unpatch.push(() => (target.run = run));
    }
    const rows = table.flatMap((section) =>
      section.routes.flatMap((row) => row.operations.map((operation): [typeof section, Row, Operation] => [section, row, operation])),
    );

    // Logins cost a hundred thousand hashes each, as they should: most of those that are drawn are drawn again.
    const drawn = (): (typeof rows)[number] => {
      const [section, row, operation] = random.of(rows);
      const isSlow = section.tag === 'userpass' && row.pattern.startsWith('login');
      return isSlow && random.chance(0.95) ? drawn() : [section, row, operation];
    };

    const statuses = new Map<number, number>();
    const failures: string[] = [];
    for (let i = 0; i < REQUESTS; i++) {
      const [section, row, operation] = rows[i] ?? drawn();
      const valid = validRequest(random, section, row, operation, tokens);
      const request = i < rows.length || random.chance(0.4) ? valid : mutated(random, valid);
      const { status, headers, body } = await harness.api.handle(request);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const complain = (what: string): number => failures.push(`request ${i}: ${what}: ${status} ${body.slice(0, 300)} for ${shown(request)}`);
      if (status >= 500) complain('a 5xx');
      if (headers['Cache-Control'] !== 'no-store' || headers['X-Content-Type-Options'] !== 'nosniff') complain('headers');
      if (body !== '' && !isJson(body, headers['Content-Type'])) complain('no JSON');
      if (status >= 400 && body === '' && status !== 404) complain('no error body');
      harness.advance(1);
      // It may have been told to end itself.
      if (status === 403 && request.headers.some(([, value]) => value === tokens[3])) await newToken();
      if (i % 1000 === 999) {
        const { problems } = await checkStore(harness.memory, { owners: apiOwners });
        if (problems.length > 0) failures.push(`after request ${i}: ${JSON.stringify(problems.slice(0, 3))}`);
        // A new store now and then: what piles up in one makes checking it slow.
        if (i % 5000 === 4999) harness = new Harness();
        await setUp();
        await newToken();
      }
      if (failures.length > 10) break;
    }
    unpatch.forEach((undo) => undo());
    const answered = [...statuses.values()].reduce((sum, n) => sum + n, 0);
    const distribution = [...statuses].sort(([a], [b]) => a - b).map(([status, n]) => `${status}: ${n}`);
    console.log(
      `FIGURE fuzz requests: ${answered} (seed ${SEED}), ${handled} reached a handler; ${distribution.join(', ')}; 5xx: ${failures.filter((text) => text.includes('a 5xx')).length}`,
    );
    expect(failures).toEqual([]);
    expect(answered).toBe(REQUESTS);
    expect(handled).toBeGreaterThan(answered / 2);
    const never = table.flatMap(({ base, routes }) => routes.filter((row) => !runs.has(row)).map(({ pattern }) => base + pattern));
    expect(never).toEqual([]);
  },
);

function isJson(body: string, type: string | undefined): boolean {
  try {
    for (const part of type === 'application/x-ndjson' ? body.trim().split('\n') : [body]) JSON.parse(part);
    return true;
  } catch {
    return false;
  }
}
