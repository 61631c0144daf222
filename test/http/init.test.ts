import { checkStore } from '@sealkv/core/check';
import { apiOwners, Redacted } from '@sealkv/http';
import { afterEach, expect, test } from 'vitest';
import { errorOf } from './auth-harness.ts';
import { Harness } from './harness.ts';

const SECRET = 'the secret of the bootstrap';

let harness: Harness;
afterEach(async () => {
  expect((await checkStore(harness.memory, { owners: apiOwners })).problems).toEqual([]);
});

const recordsLeft = (): Promise<number> => harness.memory.read(async (tx) => (await tx.scanKeys({ from: '', to: '~' })).length);
const initialize = (body: object = { bootstrap_secret: SECRET }): ReturnType<Harness['send']> =>
  harness.send('POST', 'sys/init', { token: null, body });
const uninitialized = (): Harness => new Harness({ rootToken: undefined, bootstrapSecret: new Redacted(SECRET) });

test('without a root token everything but the state of the server is 503', async () => {
  harness = uninitialized();
  expect((await harness.send('GET', 'sys/init', { token: null })).json).toEqual({ initialized: false });
  const health = await harness.send('GET', 'sys/health', { token: null });
  expect([health.status, health.json]).toMatchObject([501, { initialized: false, sealed: true }]);
  expect((await harness.send('GET', 'sys/health?uninitcode=299', { token: null })).status).toBe(299);
  expect((await harness.send('GET', 'sys/seal-status', { token: null })).json).toMatchObject({ initialized: false, sealed: true, t: 0, n: 0 });
  for (const [method, path] of [
    ['GET', 'secret/data/a'],
    ['POST', 'auth/token/create'],
    ['POST', 'auth/userpass/login/jo'],
    ['GET', 'sys/mounts'],
  ] as const)
    expect(errorOf(await harness.send(method, path, { token: SECRET }))).toEqual([503, 'Vault is sealed']);
  expect(await recordsLeft()).toBe(0);
});

test('the bootstrap secret makes a root token, once', async () => {
  harness = uninitialized();
  const { status, json } = await initialize({ bootstrap_secret: SECRET, secret_shares: 5, secret_threshold: 3 });
  expect([status, json]).toEqual([200, { keys: [], keys_base64: [], root_token: expect.stringMatching(/^s\.[\w-]{43}$/) }]);
  const token = json.root_token as string;
  expect((await harness.send('GET', 'auth/token/lookup-self', { token })).json.data).toMatchObject({
    policies: ['root'],
    display_name: 'root',
    path: 'auth/token/root',
    ttl: 0,
    expire_time: null,
    orphan: true,
  });
  expect((await harness.send('POST', 'secret/data/a', { token, body: { data: {} } })).status).toBe(200);
  expect(errorOf(await initialize())).toEqual([400, 'Vault is already initialized']);
  expect((await harness.send('GET', 'sys/health', { token: null })).status).toBe(200);
  expect((await harness.send('GET', 'sys/mounts', { token: SECRET })).status).toBe(403);
});

test('the secret can come in the place of a token', async () => {
  harness = uninitialized();
  expect((await harness.send('PUT', 'sys/init', { token: SECRET, body: {} })).status).toBe(200);
});

test('another secret, or none, makes nothing', async () => {
  harness = uninitialized();
  for (const body of [{}, { bootstrap_secret: '' }, { bootstrap_secret: `${SECRET} ` }, { bootstrap_secret: 'no' }])
    expect(errorOf(await initialize(body))).toEqual([403, 'permission denied']);
  expect(errorOf(await initialize({ bootstrap_secret: SECRET, root_token_pgp_key: 'x' }))[0]).toBe(400);
  expect(await recordsLeft()).toBe(0);
});

test('of many at once one gets a root token', async () => {
  harness = uninitialized();
  const answers = await Promise.all(Array.from({ length: 8 }, () => initialize()));
  expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, ...Array<number>(7).fill(400)]);
});

test('it happened as a whole or not at all', async () => {
  harness = uninitialized();
  harness.failWrite(1);
  expect((await initialize()).status).toBe(503);
  expect([await recordsLeft(), (await harness.send('GET', 'sys/init', { token: null })).json]).toEqual([0, { initialized: false }]);
  expect((await initialize()).status).toBe(200);
});

test('a server that was given a root token has none to make', async () => {
  harness = new Harness({ bootstrapSecret: new Redacted(SECRET) });
  expect((await harness.send('GET', 'sys/init', { token: null })).json).toEqual({ initialized: true });
  expect(errorOf(await initialize())).toEqual([400, 'Vault is already initialized']);
});

test('a server with neither is one that nobody can set up', async () => {
  harness = new Harness({ rootToken: undefined });
  expect(errorOf(await initialize())).toEqual([403, 'permission denied']);
});
