import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hashPassword, isPassword } from '../../packages/http/src/auth/userpass/password-hash.ts';
import { Services } from '../../packages/http/src/services.ts';
import { AuthHarness, errorOf } from './auth-harness.ts';

const WRONG = [400, 'invalid username or password'] as const;
const DENIED = [403, 'permission denied'] as const;
const MINUTE = 60;

let harness: AuthHarness;
/** Iterations of each PBKDF2, in order. Production refuses more than 100,000, so here it does too. */
let derivations: number[];
let whileDeriving: (() => Promise<unknown>) | undefined;

beforeEach(async () => {
  derivations = [];
  whileDeriving = undefined;
  const deriveBits = crypto.subtle.deriveBits.bind(crypto.subtle);
  vi.spyOn(crypto.subtle, 'deriveBits').mockImplementation(async (algorithm, key, length) => {
    if (typeof algorithm === 'object' && algorithm.name === 'PBKDF2') {
      const { iterations } = algorithm as Pbkdf2Params;
      if (iterations > 100_000) throw new DOMException('iteration counts above 100000 are not supported', 'NotSupportedError');
      derivations.push(iterations);
      const act = whileDeriving;
      whileDeriving = undefined;
      await act?.();
    }
    return deriveBits(algorithm, key, length);
  });
  harness = new AuthHarness();
  await harness.enable('userpass');
  await harness.done('POST', 'auth/userpass/users/jo', { password: 'pw', token_policies: ['p'] });
  derivations = [];
});

afterEach(async () => {
  vi.restoreAllMocks();
  await harness.expectSound();
});

const logIn = async (name: string, password: string): Promise<readonly [number, string | undefined]> =>
  errorOf(await harness.logIn(`userpass/login/${name}`, { password }));

describe('a login', () => {
  test('gives a token with what the user says, for a name in any case, whatever token comes with it', async () => {
    await harness.done('POST', 'auth/userpass/users/jo', { token_ttl: '10m', token_max_ttl: '20m', token_num_uses: 3 });
    const { json } = await harness.send('POST', 'auth/userpass/login/JO', { token: 'no such token', body: { password: 'pw' } });
    expect(json.auth).toMatchObject({
      policies: ['default', 'p'],
      metadata: { username: 'jo' },
      lease_duration: 600,
      renewable: true,
      entity_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      orphan: true,
      num_uses: 3,
    });
    const own = await harness.send('GET', 'auth/token/lookup-self', { token: json.auth.client_token });
    expect(own.json.data).toMatchObject({ display_name: 'userpass-jo', path: 'auth/userpass/login/JO', meta: { username: 'jo' } });
  });

  test('of the same user has the same entity, and of another one another', async () => {
    await harness.done('POST', 'auth/userpass/users/al', { password: 'pw' });
    const entity = async (name: string): Promise<string> => (await harness.logIn(`userpass/login/${name}`, { password: 'pw' })).json.auth.entity_id;
    const [first, again, other] = [await entity('jo'), await entity('jo'), await entity('al')];
    expect([first === again, first === other]).toEqual([true, false]);
  });

  test('does not get root, nor what wrapping tokens have', async () => {
    await harness.done('POST', 'auth/userpass/users/jo', { token_policies: [' ROOT '] });
    expect(await logIn('jo', 'pw')).toEqual([400, 'auth methods cannot create root tokens']);
    await harness.done('POST', 'auth/userpass/users/jo', { token_policies: ['Response-Wrapping'] });
    expect(await logIn('jo', 'pw')).toEqual([400, 'cannot assign policy "response-wrapping"']);
  });

  test('needs a password and a path that is one', async () => {
    expect(await logIn('jo', '')).toEqual([400, 'missing password']);
    expect(errorOf(await harness.send('GET', 'auth/userpass/login/jo', { token: null }))).toEqual([405, 'unsupported operation']);
    for (const path of ['userpass/login/jo/x', 'userpass/login', 'userpass/users/jo', 'none/login/jo'])
      expect([path, ...errorOf(await harness.logIn(path, { password: 'pw' }))]).toEqual([path, ...DENIED]);
  });

  test('leaves an audit record with its token, in the transaction that stores it, and a failed one none', async () => {
    await harness.done('POST', 'sys/audit/log', { type: 'store' });
    await logIn('jo', 'no');
    const { json } = await harness.logIn('userpass/login/jo', { password: 'pw' });
    const { body } = await harness.send('GET', 'sys/audit-log/export');
    const records = body.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as { auth: object; request: { path: string } }]));
    const logins = records.filter(({ request }) => request.path === 'auth/userpass/login/jo');
    expect(logins).toHaveLength(1);
    expect(logins[0]).toMatchObject({ auth: { accessor: json.auth.accessor, display_name: 'userpass-jo' }, outcome: { code: 'ok' } });
    expect(body).not.toMatch(/"pw"|"no"/);

    harness.failWrite(2); // the first one ends when it learns that a record is to be made
    expect(errorOf(await harness.logIn('userpass/login/jo', { password: 'pw' }))[0]).toBe(503);
    expect((await harness.send('GET', 'sys/audit-log/export')).body.split('auth/userpass/login/jo')).toHaveLength(2);
  });

  test('can be wrapped', async () => {
    const { json } = await harness.send('POST', 'auth/userpass/login/jo', {
      token: null,
      body: { password: 'pw' },
      headers: { 'x-vault-wrap-ttl': '60' },
    });
    expect(json).toMatchObject({ auth: null, wrap_info: { creation_path: 'auth/userpass/login/jo' } });
    const unwrapped = await harness.send('POST', 'sys/wrapping/unwrap', { token: json.wrap_info.token });
    expect(unwrapped.json.auth.client_token).toMatch(/^s\./);
  });
});

describe('passwords', () => {
  test('are kept as PBKDF2 of as many iterations as production takes, keyed, with a salt each', async () => {
    await harness.done('POST', 'auth/userpass/users/al', { password: 'pw' });
    const entries = await harness.memory.read((tx) => tx.scan({ from: 'x/a/', to: 'x/a0' }));
    const users = entries.map(({ value }) => JSON.parse(new TextDecoder().decode(value)) as { password: Record<string, unknown> });
    expect(users.map(({ password }) => password['iterations'])).toEqual([100_000, 100_000]);
    expect(new Set(users.map(({ password }) => password['salt'])).size).toBe(2);
    expect(new Set(users.map(({ password }) => password['hash'])).size).toBe(2);
    expect(derivations).toEqual([100_000]);
  });

  test('with more iterations are not even tried', async () => {
    const services = new Services({ store: harness.memory, sealKey: new Uint8Array(32), rootToken: undefined });
    const hashed = await hashPassword(services, 'pw');
    expect(await isPassword(services, 'pw', hashed)).toBe(true);
    await expect(isPassword(services, 'pw', { ...hashed, iterations: 100_001 })).rejects.toThrow(RangeError);
  });

  test('can be changed, and the old one is none then', async () => {
    await harness.done('POST', 'auth/userpass/users/jo/password', { password: 'new' });
    expect([await logIn('jo', 'pw'), (await logIn('jo', 'new'))[0]]).toEqual([WRONG, 200]);
  });

  test('that were hashed elsewhere are refused', async () => {
    const hashes = { password_hash: '$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy' };
    expect(errorOf(await harness.send('POST', 'auth/userpass/users/jo/password', { body: hashes }))[0]).toBe(400);
    expect(errorOf(await harness.send('POST', 'auth/userpass/users/al', { body: hashes }))[0]).toBe(400);
    expect(await logIn('jo', 'pw')).toEqual([200, undefined]);
  });

  test('are not hashed for who may not set them', async () => {
    const token = await harness.tokenWith('path "secret/*" { capabilities = ["read"] }');
    expect((await harness.send('POST', 'auth/userpass/users/jo/password', { token, body: { password: 'mine' } })).status).toBe(403);
    expect((await harness.send('POST', 'auth/userpass/users/al', { token, body: { password: 'mine' } })).status).toBe(403);
    expect(derivations).toEqual([]);
  });
});

describe('guessing', () => {
  test('costs the same work for a user who does not exist', async () => {
    await logIn('jo', 'no');
    const known = derivations.splice(0);
    await logIn('nobody', 'no');
    const unknown = derivations.splice(0);
    await logIn('jo', 'pw');
    expect([unknown, derivations]).toEqual([known, known]);
    expect(known).toEqual([100_000]);
  });

  test('five wrong passwords lock a user out for a quarter of an hour since the last one, the right password too', async () => {
    for (let i = 0; i < 5; i++) expect(await logIn('jo', 'no')).toEqual(WRONG);
    expect([await logIn('jo', 'pw'), await logIn('jo', 'no')]).toEqual([DENIED, DENIED]);
    expect(derivations).toHaveLength(5);
    harness.advance(15 * MINUTE - 1);
    expect(await logIn('jo', 'pw')).toEqual(DENIED);
    harness.advance(1);
    expect(await logIn('jo', 'pw')).toEqual([200, undefined]);
  });

  test('who is locked out is listed, and can be let in again', async () => {
    for (let i = 0; i < 5; i++) await logIn('jo', 'no');
    const { accessor } = (await harness.send('GET', 'sys/auth/userpass')).json.data;
    const list = async (): Promise<unknown> => (await harness.send('GET', `sys/locked-users?mount_accessor=${accessor}`)).json.data;
    const locked = [{ mount_accessor: accessor, counts: 1, alias_identifiers: ['jo'] }];
    expect(await list()).toEqual({ by_namespace: [{ namespace_id: 'root', namespace_path: '', counts: 1, mount_accessors: locked }], total: 1 });
    await harness.done('POST', `sys/locked-users/${accessor}/unlock/jo`);
    expect([await list(), (await logIn('jo', 'pw'))[0]]).toMatchObject([{ total: 0 }, 200]);
  });

  test('a name that nobody has is locked out in the same way, and nothing is stored for it', async () => {
    const before = await harness.countOf('x/');
    for (let i = 0; i < 5; i++) expect(await logIn('nobody', 'no')).toEqual(WRONG);
    expect(await logIn('nobody', 'no')).toEqual(DENIED);
    expect(await harness.countOf('x/')).toBe(before);
  });

  test('case and spaces do not make another user of it', async () => {
    for (const name of ['jo', 'JO', 'Jo', 'jO', 'jo']) expect(await logIn(name, 'no')).toEqual(WRONG);
    expect(await logIn('jo', 'pw')).toEqual(DENIED);
    expect((await harness.logIn('userpass/login/%20jo', { password: 'pw' })).status).toBe(403);
  });

  test('many guesses at once are counted like guesses one by one', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => logIn('jo', i === 11 ? 'pw' : `guess ${i}`)));
    expect(answers.map(([status]) => status)).toEqual([...Array<number>(5).fill(400), ...Array<number>(7).fill(403)]);
    expect(derivations).toHaveLength(5);
  });

  test('a success forgets the failures before it, and so does time', async () => {
    for (let i = 0; i < 4; i++) await logIn('jo', 'no');
    expect((await logIn('jo', 'pw'))[0]).toBe(200);
    for (let i = 0; i < 4; i++) expect(await logIn('jo', 'no')).toEqual(WRONG);
    harness.advance(15 * MINUTE + 1);
    expect(await logIn('jo', 'no')).toEqual(WRONG);
    expect((await logIn('jo', 'pw'))[0]).toBe(200);
  });

  test('tuning says how many, how long, and whether at all', async () => {
    const tune = (config: object): Promise<unknown> => harness.done('POST', 'sys/auth/userpass/tune', { user_lockout_config: config });
    await tune({ lockout_threshold: '2', lockout_duration: '1m', lockout_counter_reset_duration: '30s' });
    expect([await logIn('jo', 'no'), await logIn('jo', 'no'), await logIn('jo', 'pw')]).toEqual([WRONG, WRONG, DENIED]);
    harness.advance(61);
    expect([await logIn('jo', 'no'), (await logIn('jo', 'pw'))[0]]).toEqual([WRONG, 200]);
    await tune({ lockout_disable: true });
    for (let i = 0; i < 6; i++) expect(await logIn('jo', 'no')).toEqual(WRONG);
    expect((await logIn('jo', 'pw'))[0]).toBe(200);
  });

  test('there is a limit before the hash, per name and for the mount, and it is the same for names that nobody has', async () => {
    await harness.done('POST', 'sys/auth/userpass/tune', { user_lockout_config: { lockout_disable: true } });
    // The hash itself is not what this is about.
    vi.mocked(crypto.subtle.deriveBits).mockImplementation(async () => (derivations.push(0), new ArrayBuffer(32)));
    const statuses = async (name: string): Promise<number[]> => {
      const all: number[] = [];
      for (let i = 0; i < 61; i++) all.push((await logIn(name, 'no'))[0]);
      return all;
    };
    const expected = [...Array<number>(60).fill(400), 429];
    expect([await statuses('jo'), await statuses('nobody')]).toEqual([expected, expected]);
    expect(derivations).toHaveLength(120);
    harness.advance(1);
    expect([(await logIn('jo', 'no'))[0], (await logIn('jo', 'no'))[0]]).toEqual([400, 429]);

    // What is left of the mount's 200, and five more for the second that has passed.
    const others = await Promise.all(Array.from({ length: 100 }, (_, i) => logIn(`nobody-${i}`, 'no')));
    expect(others.filter(([status]) => status === 400)).toHaveLength(84);
    expect(others.at(-1)).toEqual([429, 'request path "auth/userpass/login/nobody-99": rate limit quota exceeded']);
  });
});

describe('what happens while the password is checked', () => {
  test('a user who is removed meanwhile does not get in', async () => {
    whileDeriving = () => harness.done('DELETE', 'auth/userpass/users/jo');
    expect(await logIn('jo', 'pw')).toEqual(WRONG);
    expect(derivations).toHaveLength(2);
    expect(await harness.countOf('x/t/h/')).toBe(0);
  });

  test('a password that is changed meanwhile counts', async () => {
    whileDeriving = () => harness.done('POST', 'auth/userpass/users/jo/password', { password: 'new' });
    expect(await logIn('jo', 'pw')).toEqual(WRONG);
  });

  test('policies that are changed meanwhile are those of the token', async () => {
    whileDeriving = () => harness.done('POST', 'auth/userpass/users/jo/policies', { token_policies: 'q' });
    const { json } = await harness.logIn('userpass/login/jo', { password: 'pw' });
    expect(json.auth.policies).toEqual(['default', 'q']);
  });

  test('a mount that is removed meanwhile issues nothing, and one at the same path is another', async () => {
    whileDeriving = async () => {
      await harness.done('DELETE', 'sys/auth/userpass');
      await harness.enable('userpass');
    };
    expect(await logIn('jo', 'pw')).toEqual(DENIED);
    expect(await harness.countOf('x/t/h/')).toBe(0);
  });

  test('a failure of a user who is removed meanwhile is not stored', async () => {
    whileDeriving = () => harness.done('DELETE', 'auth/userpass/users/jo');
    expect(await logIn('jo', 'no')).toEqual(WRONG);
    expect(await harness.countOf('x/a/')).toBe(0);
  });

  test('what keeps changing ends the attempt, with nothing done', async () => {
    const change = async (): Promise<void> => {
      await harness.done('POST', 'auth/userpass/users/jo', { token_ttl: derivations.length });
      whileDeriving = change;
    };
    whileDeriving = change;
    expect((await logIn('jo', 'pw'))[0]).toBe(409);
    whileDeriving = undefined;
    expect([derivations.length, await harness.countOf('x/t/h/')]).toEqual([5, 0]);
  });
});

describe('users', () => {
  test('are known by the old names of their settings as long as these are used', async () => {
    const read = async (): Promise<unknown> => (await harness.send('GET', 'auth/userpass/users/jo')).json.data;
    await harness.done('POST', 'auth/userpass/users/jo', { policies: 'a,b', ttl: '1h', max_ttl: '2h' });
    expect(await read()).toMatchObject({ policies: ['a', 'b'], token_policies: ['a', 'b'], ttl: 3600, token_ttl: 3600, max_ttl: 7200 });
    await harness.done('POST', 'auth/userpass/users/jo', { token_policies: 'c', token_ttl: 5 });
    const after = await read();
    expect(after).toMatchObject({ token_policies: ['c'], token_ttl: 5, max_ttl: 7200 });
    expect(after).not.toHaveProperty('ttl');
    expect(after).not.toHaveProperty('policies');
  });

  test('are not bound to addresses, and nobody is told they were', async () => {
    for (const body of [{ token_bound_cidrs: '10.0.0.0/8' }, { bound_cidrs: ['10.0.0.0/8'] }, { token_strictly_bind_ip: true }])
      expect((await harness.send('POST', 'auth/userpass/users/jo', { body })).status).toBe(400);
  });

  test('renew their tokens by what they are set to now, and not once they are gone or have other policies', async () => {
    await harness.done('POST', 'auth/userpass/users/jo', { token_ttl: '10m', token_max_ttl: '1h' });
    const token = await harness.tokenOf('userpass/login/jo', { password: 'pw' });
    const renew = async (): Promise<readonly unknown[]> => {
      const { status, json } = await harness.send('POST', 'auth/token/renew-self', { token });
      return [status, json.errors?.[0] ?? json.auth.lease_duration];
    };
    await harness.done('POST', 'auth/userpass/users/jo', { token_ttl: '20m' });
    expect(await renew()).toEqual([200, 1200]);
    harness.advance(15 * MINUTE);
    await harness.done('POST', 'auth/userpass/users/jo', { token_max_ttl: '25m' });
    expect(await renew()).toEqual([200, 600]);
    await harness.done('POST', 'auth/userpass/users/jo/policies', { token_policies: 'q' });
    expect(await renew()).toEqual([400, 'policies have changed, not renewing']);
    await harness.done('DELETE', 'auth/userpass/users/jo');
    expect(await renew()).toEqual([400, 'the user or role "jo" is gone, not renewing']);
    expect(await harness.isValid(token)).toBe(true);
  });
});
