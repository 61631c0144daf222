import { allRecords, sameRecords } from '@sealkv/core/testing';
import { describe, expect, test } from 'vitest';
import type { Section } from '../../packages/http/src/openapi.ts';
import type { Operation } from '../../packages/http/src/request.ts';
import type { Route } from '../../packages/http/src/route.ts';
// The very rows that `createApi` runs.
import { sections } from '../../packages/http/dist/routes.js';
import { AuthHarness } from '../http/auth-harness.ts';
import type { Sent } from '../http/harness.ts';

interface Placed {
  readonly row: Route;
  /** As in the OpenAPI document. */
  readonly name: string;
  /** One that a request can have. */
  readonly path: string;
}

const MOUNTS: Readonly<Record<string, string>> = {
  kv_v2_mount_path: 'secret',
  kv_v1_mount_path: 'kv1',
  approle_mount_path: 'approle',
  jwt_mount_path: 'jwt',
  userpass_mount_path: 'userpass',
};

const table: readonly Placed[] = (sections() as readonly Section[]).flatMap(({ base, routes }) =>
  routes.map((row): Placed => {
    const pattern = row.pattern.replace(/\/\?$/, '');
    const own = base.replace(/\{(\w+)\}/g, (_, name: string) => MOUNTS[name]!);
    return { row: row as Route, name: `${base}${pattern}`, path: `${own}${pattern.replace(/:(\w+)[+*=]?/g, 'jo')}` };
  }),
);

const METHODS: Readonly<Record<Operation, string>> = {
  read: 'GET',
  list: 'LIST',
  scan: 'SCAN',
  head: 'HEAD',
  update: 'POST',
  patch: 'PATCH',
  delete: 'DELETE',
};
const PATCH = { 'content-type': 'application/merge-patch+json' };

// Nothing, what could be meant, what is guessed, and what can't be read.
const BODIES = [
  undefined,
  { type: 'kv', data: { a: 1 }, path: 'secret', policies: ['root'], id: 's.chosen', ttl: '1h', versions: [1], options: {} },
  { password: 'guess', role_id: 'guess', secret_id: 'guess', jwt: 'a.b.c', role: 'jo', bootstrap_secret: 'guess', token: 'guess' },
  '{"password":',
] as const;

async function started(): Promise<AuthHarness> {
  const harness = new AuthHarness();
  await harness.done('POST', 'sys/mounts/kv1', { type: 'kv' });
  for (const type of ['approle', 'jwt', 'userpass']) await harness.enable(type);
  await harness.done('POST', 'auth/userpass/users/jo', { password: 'right' });
  await harness.done('POST', 'auth/approle/role/jo', { policies: 'default' });
  await harness.done('POST', 'secret/data/jo', { data: { a: 1 } });
  return harness;
}

test('CVE-2026-5807: what is open to who has no token is this, and of it only logins and sys/init can change something', () => {
  const open = table.filter(({ row }) => row.open);
  expect(open.map(({ name, row }) => `${name} (${row.operations.join(', ')})`).toSorted()).toEqual([
    'auth/{approle_mount_path}/login (update)',
    'auth/{jwt_mount_path}/login (update)',
    'auth/{userpass_mount_path}/login/:username= (update)',
    'sys/health (read, head)',
    'sys/init (read, update)',
    'sys/internal/specs/openapi (read)',
    'sys/internal/ui/mounts (read)',
    'sys/leader (read)',
    'sys/seal-status (read)',
    'sys/wrapping/lookup (read, update)',
  ]);
  expect(Object.fromEntries(open.flatMap(({ name, row }) => (row.writesAfter === undefined ? [] : [[name, row.writesAfter]])))).toEqual({
    'auth/{approle_mount_path}/login': 'login',
    'auth/{jwt_mount_path}/login': 'login',
    'auth/{userpass_mount_path}/login/:username=': 'login',
    'sys/init': 'bootstrap',
  });
  // Nothing else claims to need no more than a proof.
  expect(table.filter(({ row }) => row.writesAfter !== undefined && !row.open)).toEqual([]);
});

describe('CVE-2026-5807: without a token', () => {
  test('an open route writes nothing, whatever is sent to it, except that a wrong password for somebody who exists is counted', async () => {
    const harness = await started();
    const counters = async (): Promise<number> => (await allRecords(harness.memory)).filter(({ key }) => key.endsWith('/l/jo')).length;
    for (const { row, path, name } of table.filter((placed) => placed.row.open)) {
      for (const method of Object.values(METHODS)) {
        for (const body of BODIES) {
          const before = await allRecords(harness.memory);
          await harness.send(method, path, { token: null, body, headers: method === 'PATCH' ? PATCH : {} });
          const after = await allRecords(harness.memory);
          if (row.writesAfter === 'login' && !sameRecords(before, after)) {
            expect([name, after.length - before.length <= 1, await counters()]).toEqual([name, true, 1]);
          } else expect([name, method, sameRecords(before, after)]).toEqual([name, method, true]);
        }
      }
    }
    expect(await counters()).toBe(1);
  });

  test('every other route is refused by every method before its handler runs, and no transaction that could write begins', async () => {
    const harness = await started();
    const handled: string[] = [];
    const undo = table.map(({ row, name }) => {
      const target = row as { run: (...given: unknown[]) => unknown };
      const { run } = target;
      target.run = (...given) => {
        handled.push(name);
        return run(...given);
      };
      return () => (target.run = run);
    });
    const before = harness.writes;
    const refused = new Set<number>();
    for (const { path } of table.filter(({ row }) => !row.open)) {
      for (const method of Object.values(METHODS)) {
        for (const body of BODIES) {
          const { status } = await harness.send(method, path, { token: null, body, headers: method === 'PATCH' ? PATCH : {} });
          refused.add(status);
        }
      }
    }
    expect([handled, harness.writes - before, [...refused]]).toEqual([[], 0, [403]]);
    // With a token they run.
    await harness.send('GET', 'secret/data/jo');
    expect(handled).toEqual(['{kv_v2_mount_path}/data/:path*']);
    undo.forEach((back) => back());
  });

  test('of many attempts only a bounded number of counters is left: one for each user or role that exists', async () => {
    const harness = await started();
    await harness.logIn('userpass/login/jo', { password: 'wrong' });
    const before = (await allRecords(harness.memory)).length;
    const attempts = Array.from({ length: 20 }, (_, i) => harness.logIn(`userpass/login/nobody-${i}`, { password: 'wrong' }));
    const statuses = (await Promise.all([...attempts, harness.logIn('userpass/login/jo', { password: 'wrong' })])).map(({ status }: Sent) => status);
    expect(new Set(statuses)).toEqual(new Set([400]));
    expect((await allRecords(harness.memory)).length).toBe(before);
  });
});
