import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AuthHarness, errorOf } from './auth-harness.ts';

const WRONG = [400, 'invalid role or secret ID'] as const;
const DENIED = [403, 'permission denied'] as const;

let harness: AuthHarness;

beforeEach(async () => {
  harness = new AuthHarness();
  await harness.enable('approle');
  await harness.done('POST', 'auth/approle/role/ci', { role_id: 'the-ci', token_policies: 'p', token_ttl: '10m' });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await harness.expectSound();
});

const logIn = async (secretId: string, roleId = 'the-ci'): Promise<readonly [number, string | undefined]> =>
  errorOf(await harness.logIn('approle/login', { role_id: roleId, secret_id: secretId }));

interface Issued {
  readonly secret_id: string;
  readonly secret_id_accessor: string;
}

const issue = async (body: object = {}, role = 'ci'): Promise<Issued> =>
  (await harness.done('POST', `auth/approle/role/${role}/secret-id`, body)).json.data;

describe('a login', () => {
  test('gives a token with what role and secret id say', async () => {
    const { secret_id } = await issue({ metadata: '{"team":"x","role_name":"not this"}' });
    const { json } = await harness.logIn('approle/login', { role_id: ' the-ci ', secret_id: ` ${secret_id} ` });
    expect(json.auth).toMatchObject({
      policies: ['default', 'p'],
      metadata: { team: 'x', role_name: 'ci' },
      lease_duration: 600,
      token_type: 'service',
    });
    const own = await harness.send('GET', 'auth/token/lookup-self', { token: json.auth.client_token });
    expect(own.json.data).toMatchObject({ display_name: 'approle', path: 'auth/approle/login', orphan: true });
  });

  test('tells nothing of whether there is such a role', async () => {
    const { secret_id } = await issue();
    expect([await logIn('no'), await logIn(''), await logIn('no', 'none'), await logIn('', 'none'), await logIn(secret_id, 'none')]).toEqual(
      Array<unknown>(5).fill(WRONG),
    );
    expect(errorOf(await harness.logIn('approle/login', { secret_id }))).toEqual([400, 'missing role_id']);
  });

  test('takes a secret id of its own role only', async () => {
    await harness.done('POST', 'auth/approle/role/other', { role_id: 'the-other' });
    const { secret_id } = await issue({}, 'other');
    expect([await logIn(secret_id), (await logIn(secret_id, 'the-other'))[0]]).toEqual([WRONG, 200]);
  });

  test('locks a role out like a user', async () => {
    const { secret_id } = await issue();
    for (let i = 0; i < 5; i++) expect(await logIn('no')).toEqual(WRONG);
    expect(await logIn(secret_id)).toEqual(DENIED);
    harness.advance(900);
    expect((await logIn(secret_id))[0]).toBe(200);
  });

  test('can give batch tokens, which end with their time and with the mount', async () => {
    await harness.done('POST', 'auth/approle/role/ci', { token_type: 'batch' });
    const { secret_id } = await issue();
    const { json } = await harness.logIn('approle/login', { role_id: 'the-ci', secret_id });
    expect(json.auth).toMatchObject({ client_token: expect.stringMatching(/^b\./), accessor: '', token_type: 'batch', renewable: false });
    const token = json.auth.client_token as string;
    expect([await harness.isValid(token), await harness.countOf('x/t/h/')]).toEqual([true, 0]);
    harness.advance(599);
    expect(await harness.isValid(token)).toBe(true);
    harness.advance(1);
    expect(await harness.isValid(token)).toBe(false);
    const next = await harness.tokenOf('approle/login', { role_id: 'the-ci', secret_id });
    await harness.done('DELETE', 'sys/auth/approle');
    expect(await harness.isValid(next)).toBe(false);
  });
});

describe('a secret id', () => {
  test('is kept as a keyed hash only', async () => {
    const { secret_id } = await issue();
    const custom = 'a secret id of my own';
    await harness.done('POST', 'auth/approle/role/ci/custom-secret-id', { secret_id: custom });
    const entries = await harness.memory.read((tx) => tx.scan({ from: 'x/', to: 'x0' }));
    const all = entries.map(({ key, value }) => key + new TextDecoder().decode(value)).join('\n');
    expect([all.includes(secret_id), all.includes(custom)]).toEqual([false, false]);
  });

  test('with so many uses is good for so many logins, and all at once', async () => {
    await harness.done('POST', 'auth/approle/role/ci', { secret_id_num_uses: 20 });
    const { secret_id } = await issue();
    const answers = await Promise.all(Array.from({ length: 24 }, () => logIn(secret_id)));
    expect(answers.filter(([status]) => status === 200)).toHaveLength(20);
    expect(answers.filter(([status]) => status === 400)).toHaveLength(4);
    expect(await harness.countOf('x/t/h/')).toBe(20);
  });

  test('lives as long as the role or the request says, at most as long as the role and the mount allow', async () => {
    await harness.done('POST', 'auth/approle/role/ci', { secret_id_ttl: '5m', secret_id_num_uses: 3 });
    const { secret_id } = await issue({ ttl: '1m' });
    const usual = await issue();
    expect(usual).toMatchObject({ secret_id_ttl: 300, secret_id_num_uses: 3 });
    const refused = async (body: object): Promise<unknown> => errorOf(await harness.send('POST', 'auth/approle/role/ci/secret-id', { body }))[1];
    expect([await refused({ ttl: '6m' }), await refused({ ttl: 0 })]).toEqual(
      Array<unknown>(2).fill("ttl cannot be longer than the role's secret_id_ttl"),
    );
    expect(await refused({ num_uses: 4 })).toBe("num_uses cannot be higher than the role's secret_id_num_uses");
    expect(await refused({ num_uses: -1 })).toBe('num_uses cannot be negative');

    harness.advance(60);
    expect([await logIn(secret_id), (await logIn(usual.secret_id))[0]]).toEqual([WRONG, 200]);
    harness.advance(240);
    expect(await logIn(usual.secret_id)).toEqual(WRONG);

    await harness.done('POST', 'sys/auth/approle/tune', { max_lease_ttl: '2m' });
    await harness.done('POST', 'auth/approle/role/ci', { secret_id_ttl: '1h' });
    expect(await issue()).toMatchObject({ secret_id_ttl: 120 });
  });

  test('that has expired is removed by housekeeping, and its text can be used again', async () => {
    const path = 'auth/approle/role/ci/custom-secret-id';
    const first = await harness.done('POST', path, { secret_id: 'mine', ttl: '90s' });
    expect(errorOf(await harness.send('POST', path, { body: { secret_id: 'mine' } }))[1]).toBe(
      'failed to store secret_id: SecretID is already registered',
    );
    expect(await harness.api.nextDue()).toBe(harness.now + 120_000);
    harness.advance(100);
    const second = await harness.done('POST', path, { secret_id: 'mine', ttl: '1h' });
    await harness.expectSound();
    const lookup = (accessor: string): Promise<readonly unknown[]> =>
      harness.send('POST', 'auth/approle/role/ci/secret-id-accessor/lookup', { body: { secret_id_accessor: accessor } }).then(errorOf);
    expect((await lookup(first.json.data.secret_id_accessor))[0]).toBe(404);
    expect((await lookup(second.json.data.secret_id_accessor))[0]).toBe(200);
    harness.advance(20);
    await harness.api.housekeeping();
    expect((await logIn('mine'))[0]).toBe(200);
    harness.advance(3700);
    await harness.api.housekeeping();
    expect([await harness.countOf('x/a/'), await harness.api.nextDue()]).toEqual([2, undefined]);
  });

  test('can be looked up and ended, by itself and by its accessor', async () => {
    const { secret_id, secret_id_accessor } = await issue({ metadata: 'a=b, c=d' });
    const other = await issue();
    const ask = async (path: string, body: object): Promise<unknown> =>
      (await harness.send('POST', `auth/approle/role/ci/${path}`, { body })).json?.data;
    const known = {
      secret_id_accessor,
      metadata: { a: 'b', c: 'd' },
      creation_time: '2026-11-25T12:00:00Z',
      expiration_time: '0001-01-01T00:00:00Z',
    };
    expect(await ask('secret-id/lookup', { secret_id })).toMatchObject(known);
    expect(await ask('secret-id-accessor/lookup', { secret_id_accessor })).toMatchObject(known);
    const accessors = (await harness.send('LIST', 'auth/approle/role/ci/secret-id')).json.data.keys as string[];
    expect(accessors).toEqual([secret_id_accessor, other.secret_id_accessor].sort());

    await harness.done('DELETE', `auth/approle/role/ci/secret-id/destroy?secret_id=${secret_id}`);
    await harness.done('POST', 'auth/approle/role/ci/secret-id-accessor/destroy', { secret_id_accessor: other.secret_id_accessor });
    expect([await logIn(secret_id), await logIn(other.secret_id)]).toEqual([WRONG, WRONG]);
    expect((await harness.send('LIST', 'auth/approle/role/ci/secret-id')).status).toBe(404);
  });

  test('is not for addresses, and metadata is texts', async () => {
    for (const body of [
      { cidr_list: '10.0.0.0/8' },
      { token_bound_cidrs: '10.0.0.0/8' },
      { metadata: 'x' },
      { metadata: '{"a":1}' },
      { metadata: '{' },
    ])
      expect((await harness.send('POST', 'auth/approle/role/ci/secret-id', { body })).status).toBe(400);
  });
});

describe('a role', () => {
  test('takes its secret ids along when it is removed, and one of the same name has none', async () => {
    const { secret_id } = await issue();
    await logIn('no');
    await harness.done('DELETE', 'auth/approle/role/CI');
    expect([await logIn(secret_id), await harness.countOf('x/a/')]).toEqual([WRONG, 0]);
    await harness.done('POST', 'auth/approle/role/ci', { role_id: 'the-ci' });
    expect(await logIn(secret_id)).toEqual(WRONG);
  });

  test('has a role id of its own, which can be changed and not be that of another one', async () => {
    await harness.done('POST', 'auth/approle/role/other', {});
    expect(errorOf(await harness.send('POST', 'auth/approle/role/other/role-id', { body: { role_id: 'the-ci' } }))).toEqual([
      400,
      'role_id already in use',
    ]);
    expect(errorOf(await harness.send('POST', 'auth/approle/role/other', { body: { role_id: 'the-ci' } }))).toEqual([400, 'role_id already in use']);
    const { secret_id } = await issue();
    await harness.done('POST', 'auth/approle/role/ci/role-id', { role_id: 'renamed' });
    expect([await logIn(secret_id), (await logIn(secret_id, 'renamed'))[0]]).toEqual([WRONG, 200]);
    await harness.done('POST', 'auth/approle/role/other/role-id', { role_id: 'the-ci' });
  });

  test('cannot do without secret ids', async () => {
    const refusal = [400, 'at least one constraint should be enabled on the role'];
    expect(errorOf(await harness.send('POST', 'auth/approle/role/ci', { body: { bind_secret_id: false } }))).toEqual(refusal);
    expect(errorOf(await harness.send('POST', 'auth/approle/role/ci/bind-secret-id', { body: { bind_secret_id: false } }))).toEqual(refusal);
  });

  test.each([
    ['policies', { token_policies: 'x,y' }, { token_policies: ['x', 'y'] }, { token_policies: [] }],
    ['secret-id-num-uses', { secret_id_num_uses: 7 }, { secret_id_num_uses: 7 }, { secret_id_num_uses: 0 }],
    ['secret-id-ttl', { secret_id_ttl: '1h' }, { secret_id_ttl: 3600 }, { secret_id_ttl: 0 }],
    ['period', { token_period: '1h' }, { token_period: 3600 }, { token_period: 0 }],
    ['token-num-uses', { token_num_uses: 7 }, { token_num_uses: 7 }, { token_num_uses: 0 }],
    ['token-ttl', { token_ttl: '1m' }, { token_ttl: 60 }, { token_ttl: 0 }],
    ['token-max-ttl', { token_max_ttl: '1h' }, { token_max_ttl: 3600 }, { token_max_ttl: 0 }],
    ['bind-secret-id', { bind_secret_id: true }, { bind_secret_id: true }, { bind_secret_id: true }],
  ])('has %s at an endpoint of its own', async (segment, given, shown, initial) => {
    const path = `auth/approle/role/ci/${segment}`;
    await harness.done('POST', path, given);
    expect((await harness.send('GET', path)).json.data).toEqual(shown);
    expect((await harness.send('GET', 'auth/approle/role/ci')).json.data).toMatchObject(shown);
    await harness.done('DELETE', path);
    expect((await harness.send('GET', path)).json.data).toEqual(initial);
    expect((await harness.send('POST', path, { body: {} })).status).toBe(400);
    expect((await harness.send('POST', path.replace('ci', 'none'), { body: given })).status).toBe(404);
    expect([
      (await harness.send('GET', path.replace('ci', 'none'))).status,
      (await harness.send('DELETE', path.replace('ci', 'none'))).status,
    ]).toEqual([404, 204]);
  });

  test('is created or updated as policies tell these apart', async () => {
    const token = await harness.tokenWith('path "auth/approle/role/*" { capabilities = ["create"] }');
    const write = async (name: string): Promise<number> => (await harness.send('POST', `auth/approle/role/${name}`, { token, body: {} })).status;
    expect([await write('new'), await write('new'), await write('ci')]).toEqual([204, 403, 403]);
  });
});

describe('what happens between reading and committing', () => {
  /** Does something once a login has read what it rests on: it hashes the two ids before that, and then the new token. */
  function afterReading(act: () => Promise<unknown>): void {
    const sign = crypto.subtle.sign.bind(crypto.subtle);
    let calls = 0;
    vi.spyOn(crypto.subtle, 'sign').mockImplementation(async (...parameters) => {
      if (++calls === 3) await act();
      return sign(...parameters);
    });
  }

  test('a role that is removed meanwhile gives no token', async () => {
    const { secret_id } = await issue();
    afterReading(() => harness.done('DELETE', 'auth/approle/role/ci'));
    expect([await logIn(secret_id), await harness.countOf('x/t/h/')]).toEqual([WRONG, 0]);
  });

  test('a secret id that is ended meanwhile gives no token', async () => {
    const { secret_id } = await issue();
    afterReading(() => harness.done('POST', 'auth/approle/role/ci/secret-id/destroy', { secret_id }));
    expect([await logIn(secret_id), await harness.countOf('x/t/h/')]).toEqual([WRONG, 0]);
  });

  test('the last use of a secret id is used once', async () => {
    const { secret_id } = await issue({ num_uses: 1 });
    let other: Promise<readonly unknown[]> | undefined;
    // A client of another role id is not in the same queue.
    await harness.done('POST', 'auth/approle/role/ci/role-id', { role_id: 'renamed' });
    afterReading(async () => {
      await harness.done('POST', 'auth/approle/role/ci/role-id', { role_id: 'renamed again' });
      other = logIn(secret_id, 'renamed again');
      await other;
    });
    const first = await logIn(secret_id, 'renamed');
    expect([first, (await other)?.[0], await harness.countOf('x/t/h/')]).toEqual([WRONG, 200, 1]);
  });

  test('the use and the token are one transaction', async () => {
    const { secret_id } = await issue({ num_uses: 1 });
    harness.failWrite(1);
    expect((await logIn(secret_id))[0]).toBe(503);
    expect(await harness.countOf('x/t/h/')).toBe(0);
    expect((await logIn(secret_id))[0]).toBe(200);
  });
});
