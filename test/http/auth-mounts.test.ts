import { readRequest } from '@sealkv/http';
import { startServer } from '@sealkv/server';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { authRoutes, bases } from '../../packages/http/src/routes.ts';
import { AuthHarness, errorOf } from './auth-harness.ts';

let harness: AuthHarness;
beforeEach(() => {
  harness = new AuthHarness();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await harness.expectSound();
});

const NO_HANDLER = (path: string): unknown => [404, `no handler for route "${path}". route entry not found.`];

/** A role at an auth mount, and a token from it. */
async function loggedIn(path = 'approle', more: object = {}): Promise<string> {
  await harness.done('POST', `auth/${path}/role/ci`, { role_id: 'ci', ...more });
  const { json } = await harness.done('POST', `auth/${path}/role/ci/secret-id`);
  return harness.tokenOf(`${path}/login`, { role_id: 'ci', secret_id: json.data.secret_id });
}

describe('auth mounts', () => {
  test('are listed with the one of tokens, which is always there', async () => {
    await harness.enable('approle', 'b/c');
    await harness.enable('jwt', 'a');
    const { json } = await harness.send('GET', 'sys/auth');
    expect(Object.keys(json.data)).toEqual(['a/', 'b/c/', 'token/']);
    expect(json['token/']).toMatchObject({ type: 'token', options: null, description: 'token based credentials' });
    expect((await harness.send('GET', 'sys/auth/token')).json.data).toEqual(json.data['token/']);
    expect(errorOf(await harness.send('DELETE', 'sys/auth/token'))).toEqual([400, 'token credential backend cannot be disabled']);
    expect((await harness.send('POST', 'sys/auth/token/tune', { body: { default_lease_ttl: '1h' } })).status).toBe(400);
  });

  test.each([
    ['approle', 'b', 'path is already in use at b/c/'],
    ['approle', 'b/c/d', 'path is already in use at b/c/'],
    ['approle', 'token/x', 'path is already in use at token/'],
    ['nope', 'x', 'plugin not found in the catalog: nope'],
    ['token', 'x', 'token credential backend cannot be instantiated'],
    ['approle', 'x'.repeat(256), 'the path of a mount can have 255 bytes'],
  ])('a mount of type %s at %s is refused', async (type, path, message) => {
    await harness.enable('approle', 'b/c');
    expect(errorOf(await harness.send('POST', `sys/auth/${path}`, { body: { type } }))).toEqual([400, message]);
  });

  test('keep to themselves what they know', async () => {
    await harness.enable('approle', 'one');
    await harness.enable('approle', 'two');
    await harness.done('POST', 'auth/one/role/ci', { role_id: 'the-ci' });
    await harness.done('POST', 'auth/one/role/ci/custom-secret-id', { secret_id: 'mine' });
    expect((await harness.send('GET', 'auth/two/role/ci')).status).toBe(404);
    expect((await harness.logIn('two/login', { role_id: 'the-ci', secret_id: 'mine' })).status).toBe(400);
    await harness.done('POST', 'auth/two/role/ci', { role_id: 'the-ci' });
    expect((await harness.logIn('two/login', { role_id: 'the-ci', secret_id: 'mine' })).status).toBe(400);
    expect((await harness.logIn('one/login', { role_id: 'the-ci', secret_id: 'mine' })).status).toBe(200);
  });

  test('have paths of any depth, and what is not below one is told from what is not in one', async () => {
    await harness.enable('userpass', 'a/login');
    await harness.done('POST', 'auth/a/login/users/jo', { password: 'pw' });
    expect((await harness.logIn('a/login/login/jo', { password: 'pw' })).json.auth.policies).toEqual(['default']);
    expect(errorOf(await harness.send('GET', 'auth/a/none'))).toEqual(NO_HANDLER('auth/a/none'));
    expect(errorOf(await harness.send('GET', 'auth/a/login/none'))).toEqual([404, '1 error occurred:\n\t* unsupported path\n\n']);
    expect(errorOf(await harness.send('GET', 'auth/none/login', { token: null }))).toEqual([403, 'permission denied']);
    expect(errorOf(await harness.send('GET', 'auth/none/login', { token: 'x' }))).toEqual([403, 'permission denied']);
  });

  test('move in one transaction with all that they keep, and end their tokens, also when they move back', async () => {
    await harness.enable('approle', 'people');
    const token = await loggedIn('people');
    const batch = await loggedIn('people', { token_type: 'batch' });
    const move = (from: string, to: string): ReturnType<typeof harness.send> => harness.send('POST', 'sys/remount', { body: { from, to } });
    const { json } = await move('auth/people', 'auth/team/crowd');
    expect((await harness.send('GET', `sys/remount/status/${json.data.migration_id}`)).json.data.migration_info).toEqual({
      source_mount: 'auth/people/',
      status: 'success',
      target_mount: 'auth/team/crowd/',
    });
    expect(errorOf(await harness.send('GET', 'auth/people/role/ci'))).toEqual(NO_HANDLER('auth/people/role/ci'));
    expect((await harness.send('GET', 'auth/team/crowd/role/ci/role-id')).json.data).toEqual({ role_id: 'ci' });
    for (const old of [token, batch]) expect(await harness.isValid(old)).toBe(false);

    const newer = await loggedIn('team/crowd');
    expect(await harness.isValid(newer)).toBe(true);
    await move('auth/team/crowd', 'auth/people');
    for (const old of [token, batch, newer]) expect(await harness.isValid(old)).toBe(false);
    expect(await harness.isValid(await loggedIn('people'))).toBe(true);
  });

  test.each([
    ['auth/none', 'auth/x', 'no matching mount at "auth/none/"'],
    ['auth/people', 'auth/b', 'path already in use at "auth/b/c/"'],
    ['auth/people', 'auth/people/x', 'path already in use at "auth/people/"'],
    ['auth/people', 'secret', 'cannot remount auth mount to non-auth mount "secret/"'],
    ['auth/token', 'auth/x', 'cannot remount "auth/token/"'],
    ['auth/people', 'auth/token/x', 'cannot remount to destination "auth/token/x/"'],
    ['auth/people', `auth/${'x'.repeat(256)}`, 'the path of a mount can have 255 bytes'],
    ['auth/people', 'auth/x//y', 'the path is not usable: it has an empty segment'],
    ['secret', 'auth/x', 'cannot remount to destination auth/x/'],
  ])('moving %s to %s is refused', async (from, to, message) => {
    await harness.enable('approle', 'people');
    await harness.enable('approle', 'b/c');
    expect(errorOf(await harness.send('POST', 'sys/remount', { body: { from, to } }))).toEqual([400, message]);
    expect((await harness.send('GET', 'sys/auth/people')).status).toBe(200);
  });

  test('are for whom policies let in, with sudo', async () => {
    const token = await harness.tokenWith('path "sys/auth*" { capabilities = ["create", "read", "update", "delete"] }');
    expect((await harness.send('GET', 'sys/auth', { token })).status).toBe(200);
    expect((await harness.send('POST', 'sys/auth/x', { token, body: { type: 'jwt' } })).status).toBe(403);
    const sudo = await harness.tokenWith('path "sys/auth*" { capabilities = ["create", "update", "sudo"] }');
    expect((await harness.send('POST', 'sys/auth/x', { token: sudo, body: { type: 'jwt' } })).status).toBe(204);
  });

  test('are shown on a page for logging in if they are to be', async () => {
    await harness.enable('jwt');
    await harness.enable('userpass', 'people', { listing_visibility: 'unauth' });
    const { json } = await harness.send('GET', 'sys/internal/ui/mounts', { token: null });
    expect(json.data.auth).toEqual({ 'people/': { description: '', options: {}, type: 'userpass' } });
    expect(Object.keys((await harness.send('GET', 'sys/internal/ui/mounts')).json.data.auth)).toEqual(['jwt/', 'people/', 'token/']);
  });

  test('can be tuned where the command line does it', async () => {
    await harness.enable('approle');
    await harness.done('POST', 'sys/mounts/auth/approle/tune', {
      default_lease_ttl: '1h',
      max_lease_ttl: '2h',
      description: 'd',
      options: { a: 'b' },
    });
    const expected = { default_lease_ttl: 3600, max_lease_ttl: 7200, description: 'd', token_type: 'default-service', options: { a: 'b' } };
    for (const path of ['sys/auth/approle/tune', 'sys/mounts/auth/approle/tune'])
      expect((await harness.send('GET', path)).json.data).toMatchObject(expected);
  });
});

describe('tokens', () => {
  beforeEach(() => harness.enable('approle'));

  test('live as long as the mount says where the role says nothing', async () => {
    await harness.done('POST', 'sys/auth/approle/tune', { default_lease_ttl: '1h', max_lease_ttl: '2h' });
    const ttl = async (more: object): Promise<number> => {
      const token = await loggedIn('approle', more);
      return (await harness.send('GET', 'auth/token/lookup-self', { token })).json.data.ttl;
    };
    expect([await ttl({}), await ttl({ token_ttl: '90m' }), await ttl({ token_ttl: '3h' })]).toEqual([3600, 5400, 7200]);
  });

  test.each([
    ['default-service', 'default', 's'],
    ['default-service', 'batch', 'b'],
    ['default-batch', 'default', 'b'],
    ['default-batch', 'service', 's'],
    ['service', 'batch', 's'],
    ['batch', 'service', 'b'],
  ])('of a mount with %s and a role with %s begin with %s.', async (ofMount, ofRole, first) => {
    await harness.done('POST', 'sys/auth/approle/tune', { token_type: ofMount });
    expect((await loggedIn('approle', { token_type: ofRole }))[0]).toBe(first);
  });

  test('end with their auth mount, on the very next request, and what descends from them too', async () => {
    await harness.done('POST', 'sys/policies/acl/maker', { policy: 'path "auth/token/create" { capabilities = ["update"] }' });
    const token = await loggedIn('approle', { token_policies: 'maker' });
    const child = (await harness.send('POST', 'auth/token/create', { token, body: {} })).json.auth.client_token as string;
    const others = [await harness.tokenWith('path "x" { capabilities = ["read"] }'), child, token];
    expect(await Promise.all(others.map((each) => harness.isValid(each)))).toEqual([true, true, true]);
    await harness.done('DELETE', 'sys/auth/approle');
    expect(await Promise.all(others.map((each) => harness.isValid(each)))).toEqual([true, false, false]);
    expect((await harness.send('POST', 'auth/token/lookup', { body: { token } })).status).toBe(403);
    // Another mount at the same path is another mount.
    await harness.enable('approle');
    expect([await harness.isValid(token), await harness.isValid(child)]).toEqual([false, false]);
  });

  test('renew by the terms of the mount and the role, and not past them', async () => {
    const token = await loggedIn('approle', { token_ttl: '10m' });
    await harness.done('POST', 'sys/auth/approle/tune', { max_lease_ttl: '15m' });
    harness.advance(300);
    const renewed = await harness.send('POST', 'auth/token/renew-self', { token });
    expect(renewed.json.auth).toMatchObject({ lease_duration: 600, renewable: true });
    harness.advance(599);
    expect((await harness.send('POST', 'auth/token/renew-self', { token })).json.auth.lease_duration).toBe(1);
  });

  test('with a period renew for ever', async () => {
    const token = await loggedIn('approle', { token_period: '1h' });
    for (let i = 0; i < 1000; i++) {
      harness.advance(3599);
      expect((await harness.send('POST', 'auth/token/renew-self', { token })).json.auth.lease_duration).toBe(3600);
    }
  });
});

describe('removing', () => {
  beforeEach(() => harness.enable('userpass'));

  /** So many users, written below the API: hashing their passwords would take its time. */
  async function addUsers(count: number): Promise<void> {
    await harness.done('POST', 'auth/userpass/users/a', { password: 'pw' });
    const [entry] = await harness.memory.read((tx) => tx.scan({ from: 'x/a/', to: 'x/a0' }));
    const puts = Array.from({ length: count - 1 }, (_, i) => ({ kind: 'put' as const, key: `${entry!.key}${i}`, value: entry!.value }));
    await harness.memory.write(async () => ({ result: undefined, writes: puts }));
  }

  test('a mount takes along what it keeps, with its entry, in one transaction', async () => {
    await addUsers(1000);
    harness.failWrite(1);
    expect((await harness.send('DELETE', 'sys/auth/userpass')).status).toBe(503);
    expect((await harness.logIn('userpass/login/a', { password: 'pw' })).status).toBe(200);
    await harness.done('DELETE', 'sys/auth/userpass');
    expect([await harness.countOf('x/a/'), await harness.countOf('x/u/')]).toEqual([0, 0]);
  });

  test('a large one is unreachable at once, and removed bit by bit', async () => {
    await addUsers(2500);
    await harness.done('DELETE', 'sys/auth/userpass');
    expect((await harness.logIn('userpass/login/a', { password: 'pw' })).status).toBe(403);
    await harness.enable('userpass');
    expect((await harness.send('GET', 'auth/userpass/users/a')).status).toBe(404);
    expect(await harness.countOf('x/a/')).toBe(2500);
    await harness.expectSound();
    harness.failWrite(2); // the second thousand
    await expect(harness.api.housekeeping()).rejects.toThrow();
    expect(await harness.countOf('x/a/')).toBe(1500);
    await harness.expectSound();
    await harness.api.housekeeping();
    expect([await harness.countOf('x/a/'), await harness.countOf('x/u/')]).toEqual([0, 0]);
  });

  test('nothing is written below a mount that is gone', async () => {
    // While the password is hashed, between the transaction that admits and the one that writes.
    const deriveBits = crypto.subtle.deriveBits.bind(crypto.subtle);
    vi.spyOn(crypto.subtle, 'deriveBits').mockImplementationOnce(async (...parameters) => {
      await harness.done('DELETE', 'sys/auth/userpass');
      return deriveBits(...parameters);
    });
    const written = await harness.send('POST', 'auth/userpass/users/jo', { body: { password: 'pw' } });
    expect(errorOf(written)).toEqual(NO_HANDLER('auth/userpass/'));
    expect(await harness.countOf('x/a/')).toBe(0);
  });
});

describe('what needs no token', () => {
  test('and can change something is sys/init and the logins', () => {
    const all = [
      ...bases.flatMap(({ prefix, routes }) => routes.map((route) => [prefix, route] as const)),
      ...Object.entries(authRoutes).flatMap(([type, routes]) => routes.map((route) => [`auth/<${type}>/`, route] as const)),
    ];
    const open = all.filter(([, { open: isOpen }]) => isOpen !== undefined);
    expect(
      open.filter(([, route]) => route.writesAfter !== undefined).map(([prefix, { pattern, writesAfter }]) => `${prefix}${pattern} ${writesAfter}`),
    ).toEqual(['sys/init bootstrap', 'auth/<approle>/login login', 'auth/<jwt>/login login', 'auth/<userpass>/login/:username= login']);
    expect(all.filter(([, { open: isOpen, writesAfter }]) => writesAfter !== undefined && isOpen !== true)).toEqual([]);
  });

  test('writes nothing, whatever is sent to it', async () => {
    await harness.enable('userpass');
    await harness.enable('approle');
    await harness.enable('jwt');
    const before = harness.writes;
    const records = await harness.countOf('x/');
    const logins = ['auth/userpass/login/jo', 'auth/approle/login', 'auth/jwt/login', 'auth/none/login', 'sys/init'];
    const open = bases.flatMap(({ prefix, routes }) => routes.filter((route) => route.open).map(({ pattern }) => prefix + pattern.replace('/?', '')));
    for (const path of new Set([...logins, ...open]))
      for (const method of ['GET', 'LIST', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'])
        await harness.send(method, path, { token: null, body: { password: 'x', role_id: 'x', secret_id: 'x', role: 'x', jwt: 'x', token: 'x' } });
    expect([harness.writes - before, await harness.countOf('x/')]).toEqual([0, records]);
  });

  test.each([
    ['auth/userpass/login/jo', 100, 100],
    ['auth/a/b/login', 100, 100],
    ['red/auth/approle/login', 100, 100],
    ['sys/init', 100, 100],
    ['auth/approle/login', 65_537, 'too large'],
    ['auth/userpass/users/jo', 100, 0],
    ['auth/token/create', 100, 0],
    ['secret/data/auth/x/login', 100, 0],
  ])('is read by the Worker: of %s with %i bytes', async (path, bytes, read) => {
    const { body } = await readRequest(new Request(`https://vault.example/v1/${path}`, { method: 'POST', body: 'x'.repeat(bytes) }));
    expect(body === 'too large' ? body : body.length).toBe(read);
  });

  test('takes a small body only', async () => {
    await harness.enable('userpass');
    const body = { password: 'x'.repeat(70_000) };
    expect((await harness.logIn('userpass/login/jo', body)).status).toBe(413);
    expect((await harness.send('POST', 'auth/userpass/login/jo', { body })).status).toBe(413);
  });
});

test('a login to a namespace is named by the header or by the path, and gives a token of that namespace', async () => {
  await using server = await startServer();
  const send = async (method: string, path: string, body: object, headers: Record<string, string>): Promise<Response> =>
    fetch(`${server.url}/v1/${path}`, { method, headers, body: JSON.stringify(body) });
  const root = { 'X-Vault-Token': server.rootToken };
  const within = { ...root, 'X-Vault-Namespace': 'red' };
  expect((await send('POST', 'sys/namespaces/red', {}, root)).status).toBe(200);
  expect((await send('POST', 'sys/auth/userpass', { type: 'userpass' }, within)).status).toBe(204);
  expect((await send('POST', 'auth/userpass/users/jo', { password: 'pw' }, within)).status).toBe(204);

  const body = { password: 'pw' };
  const byHeader = await send('POST', 'auth/userpass/login/jo', body, { 'X-Vault-Namespace': 'red' });
  const byPath = await send('POST', 'red/auth/userpass/login/jo', body, {});
  for (const answer of [byHeader, byPath]) {
    const { auth } = (await answer.json()) as { auth: { client_token: string } };
    expect([answer.status, auth.client_token]).toEqual([200, expect.stringMatching(/^s\.[\w-]{43}\.[0-9a-f]{64}$/)]);
  }
  expect((await send('POST', 'auth/userpass/login/jo', body, {})).status).toBe(403);
  expect((await send('POST', 'blue/auth/userpass/login/jo', body, {})).status).toBe(403);
  expect((await send('POST', 'secret/data/auth/x/login', { data: {} }, {})).status).toBe(403);
});
