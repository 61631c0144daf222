import { checkStore } from '@sealkv/core/check';
import { apiOwners } from '@sealkv/http';
import { afterEach, expect, test } from 'vitest';
import { sweepTokens } from '../../packages/http/src/tokens/housekeeping.ts';
import type { Sent } from './harness.ts';
import { Harness, ROOT } from './harness.ts';

const DAY = 86_400;
const ALL_TOKENS = 'path "auth/token/*" { capabilities = ["create", "read", "update", "list", "delete"] }';
const SUDO = 'path "auth/token/*" { capabilities = ["create", "read", "update", "list", "sudo"] }';
const BAD_TOKEN = { errors: ['permission denied'] };
const DENIED = { errors: ['1 error occurred:\n\t* permission denied\n\n'] };

let harness = new Harness();
afterEach(async () => {
  const { problems } = await checkStore(harness.memory, { owners: apiOwners });
  harness = new Harness();
  expect(problems).toEqual([]);
});

const post = (path: string, body: object = {}, token = ROOT): Promise<Sent> => harness.send('POST', path, { token, body });
const create = (body: object = {}, token = ROOT): Promise<Sent> => post('auth/token/create', body, token);

interface Auth {
  readonly client_token: string;
  readonly accessor: string;
  readonly policies: readonly string[];
  readonly lease_duration: number;
  readonly token_type: string;
}

async function made(body: object = {}, token = ROOT, path = 'auth/token/create'): Promise<Auth> {
  const { status, json } = await post(path, body, token);
  expect([status, json?.errors]).toEqual([200, undefined]);
  return json.auth;
}

const lookup = (token: string): Promise<Sent> => post('auth/token/lookup', { token });
/** Whether a token is one, asked without using it. */
const isValid = async (token: string): Promise<boolean> => (await lookup(token)).status === 200;
const errorOf = ({ status, json }: Sent): unknown => [status, json?.errors?.[0]];

async function sweep(limit = 1000): Promise<boolean> {
  return harness.memory.write(async (tx) => {
    const writes = await sweepTokens(tx, harness.now, limit);
    return { result: writes.length > 0, writes };
  });
}

const recordsLeft = async (): Promise<number> => (await harness.memory.read((tx) => tx.scanKeys({ from: 'x/t/', to: 'x/t0' }))).length;

test('a token gets the default policy, as many seconds as asked, and is a child of whoever made it', async () => {
  const { auth, ...rest } = (await create({ policies: ['b', 'a'], ttl: '1h', display_name: 'me & you', meta: { team: 'x' } })).json;
  expect(rest).toMatchObject({ data: null, warnings: ['Policy "a" does not exist', 'Policy "b" does not exist'] });
  expect(auth).toEqual({
    client_token: expect.stringMatching(/^s\.[\w-]{43}$/),
    accessor: expect.stringMatching(/^[A-Za-z0-9]{24}$/),
    policies: ['a', 'b', 'default'],
    token_policies: ['a', 'b', 'default'],
    metadata: { team: 'x' },
    lease_duration: 3600,
    renewable: true,
    entity_id: '',
    token_type: 'service',
    orphan: false,
    mfa_requirement: null,
    num_uses: 0,
  });
  const own = await harness.send('GET', 'auth/token/lookup-self', { token: auth.client_token });
  expect(own.json.data).toMatchObject({ id: auth.client_token, display_name: 'token-me---you', ttl: 3600, orphan: false, path: 'auth/token/create' });
});

test('what is stored of a token is a hash: its text is nowhere', async () => {
  const { client_token: id } = await made();
  await harness.send('GET', 'auth/token/lookup-self', { token: id });
  const entries = await harness.memory.read((tx) => tx.scan({ from: '', to: '\u{10ffff}' }));
  const texts = entries.map(({ key, value }) => key + new TextDecoder().decode(value)).join();
  expect(texts.length).toBeGreaterThan(100);
  expect(texts).not.toContain(id.slice(2));
});

test.each<[what: string, body: object, error: string]>([
  ['a number of uses below zero', { num_uses: -1 }, 'number of uses cannot be negative'],
  ['an unknown type', { type: 'odd' }, "invalid 'token_type' value"],
  ['a time that has passed', { ttl: '-1h' }, 'ttl must be positive'],
  ['a period that has passed', { period: '-1h' }, 'period must be positive'],
  ['no duration', { explicit_max_ttl: 'soon' }, "'explicit_max_ttl' value could not be parsed"],
  ['a batch token that counts', { type: 'batch', num_uses: 2 }, 'batch tokens cannot have "num_uses" set'],
  ['a batch token that renews', { type: 'batch', period: '1h' }, 'batch tokens cannot have "period" set'],
  ['a batch token with a last day', { type: 'batch', explicit_max_ttl: '1h' }, 'batch tokens cannot have "explicit_max_ttl" set'],
  ['a root batch token', { type: 'batch' }, 'batch tokens cannot be root tokens'],
  ['the policy of wrapping tokens', { policies: ['Response-Wrapping'] }, 'cannot assign policy "response-wrapping"'],
  ['an alias', { entity_alias: 'ada' }, "'entity_alias' is only allowed in combination with token role"],
  ['an id with the prefix of ours', { id: 's.x' }, "custom token ID cannot have the 's.' prefix"],
  ['an id with a dot', { id: 'b.x' }, "custom token ID cannot have a '.' in the value"],
  ['meta without a name', { meta: ['x'] }, 'Field validation failed: error converting input for field "meta": invalid key pair "x"'],
])('nobody can make %s', async (_, body, error) => {
  expect(errorOf(await create(body))).toEqual([400, error]);
});

test.each([
  ['Root', ' root ', 'ROOT\n', '\troot'],
  ['root', 'other'],
])('however it is spelt, root is root: without root nobody gives it (%j), and it leaves no other policy', async (...spellings) => {
  const holder = await harness.tokenWith(ALL_TOKENS);
  const sudo = await harness.tokenWith(SUDO);
  for (const policies of [spellings, ...spellings.slice(0, 1).map((one) => [one])]) {
    expect(errorOf(await create({ policies }, holder))).toEqual([400, 'child policies must be subset of parent']);
    expect(errorOf(await create({ policies }, sudo))).toEqual([400, 'root tokens may not be created without parent token being root']);
    expect((await made({ policies })).policies).toEqual(['root']);
  }
});

test('without sudo a child has a subset of its parent policies, in any spelling, and default only if the parent has it', async () => {
  await harness.send('POST', 'sys/policies/acl/mk', { body: { policy: ALL_TOKENS } });
  const { client_token: parent } = await made({ policies: ['mk', 'rd'] });
  const { client_token: bare } = await made({ policies: ['mk'], no_default_policy: true });
  expect((await made({}, parent)).policies).toEqual(['default', 'mk', 'rd']);
  expect((await made({ policies: [' RD'] }, parent)).policies).toEqual(['default', 'rd']);
  expect((await made({ policies: ['rd'], no_default_policy: true }, parent)).policies).toEqual(['rd']);
  expect((await made({ policies: ['mk'] }, bare)).policies).toEqual(['mk']);
  expect(errorOf(await create({ policies: ['default'] }, bare))).toEqual([400, 'child policies must be subset of parent']);
  expect(errorOf(await create({ policies: ['mk', 'x'] }, parent))).toEqual([400, 'child policies must be subset of parent']);
});

test.each([
  [{ no_parent: true }, 'root or sudo privileges required to create orphan token'],
  [{ id: 'mine' }, 'root or sudo privileges required to specify token id'],
  [{ period: '1h' }, 'root or sudo privileges required to create periodic token'],
  [{ policies: ['other'] }, 'child policies must be subset of parent'],
])('%j takes sudo on the path', async (body, error) => {
  expect(errorOf(await create(body, await harness.tokenWith(ALL_TOKENS)))).toEqual([400, error]);
  expect((await create(body, await harness.tokenWith(SUDO))).status).toBe(200);
});

test('create-orphan makes orphans for who may call it, and no more than that', async () => {
  const holder = await harness.tokenWith('path "auth/token/create-orphan" { capabilities = ["update"] }');
  const { client_token: orphan } = await made({}, holder, 'auth/token/create-orphan');
  expect((await lookup(orphan)).json.data).toMatchObject({ orphan: true, path: 'auth/token/create-orphan' });
  expect(errorOf(await post('auth/token/create-orphan', { policies: ['x'] }, holder))).toEqual([400, 'child policies must be subset of parent']);
  expect((await create({}, holder)).json).toEqual(DENIED);
  await post('auth/token/revoke', { token: holder });
  expect(await isValid(orphan)).toBe(true);
});

test('an id of your own works once, is warned of, and is never that of the deployment', async () => {
  const { json } = await create({ id: 'my own', policies: ['default'] });
  expect([json.auth.client_token, json.warnings]).toEqual(['my own', ['An id of your own is as hard to guess as you made it.']]);
  expect((await harness.send('GET', 'auth/token/lookup-self', { token: 'my own' })).json.data).toMatchObject({ id: 'my own', policies: ['default'] });
  const duplicate = [400, 'cannot create a token with a duplicate ID'];
  expect(errorOf(await create({ id: 'my own' }))).toEqual(duplicate);
  expect(errorOf(await create({ id: ROOT, policies: ['default'] }))).toEqual(duplicate);
});

test('an id of your own can be used again when its token is gone, and gets none of the children', async () => {
  const { client_token: first } = await made({ id: 'again', ttl: '1h' });
  const { client_token: child } = await made({ policies: ['default'], ttl: '10h' }, first);
  const { client_token: batch } = await made({ policies: ['default'], type: 'batch', ttl: '10h' }, first);
  harness.advance(3600);
  // Expired, but not removed yet.
  expect(errorOf(await create({ id: 'again' }))).toEqual([400, 'cannot create a token with a duplicate ID']);
  await sweep();
  await made({ id: 'again' });
  for (const token of [child, batch]) expect(await isValid(token)).toBe(false);
});

test('root tokens need no end; one that ends makes none that does not', async () => {
  expect(await made()).toMatchObject({ policies: ['root'], lease_duration: 0, renewable: false });
  const { client_token: ending } = await made({ ttl: '1h' });
  expect(errorOf(await create({}, ending))).toEqual([400, 'expiring root tokens cannot create non-expiring root tokens']);
  expect(await made({ ttl: '2h' }, ending)).toMatchObject({ policies: ['root'], lease_duration: 7200 });
  expect(await made({ explicit_max_ttl: '2h' })).toMatchObject({ policies: ['root'], lease_duration: 7200, renewable: true });
});

test.each([
  [{}, 32 * DAY, null],
  [{ ttl: 90 }, 90, null],
  [{ lease: '90s' }, 90, null],
  [{ ttl: '1000h' }, 32 * DAY, ['TTL of "1000h" exceeded the effective max_ttl of "768h"; TTL value is capped accordingly']],
  [{ ttl: '2h', explicit_max_ttl: '1h30m' }, 5400, ['TTL of "2h" exceeded the effective max_ttl of "1h30m"; TTL value is capped accordingly']],
  [{ period: '1h', ttl: '2h' }, 3600, null],
  [{ period: '1000h' }, 32 * DAY, ['period of "1000h" exceeded the effective max_ttl of "768h"; period value is capped accordingly']],
])('of %j the lifetime is %d seconds', async (body, seconds, warnings) => {
  const { json } = await create({ policies: ['default'], ...body });
  expect([json.auth.lease_duration, json.warnings]).toEqual([seconds, warnings]);
});

test('a token ends on the second, and a renewal moves its end', async () => {
  const { client_token: token } = await made({ policies: ['default'], ttl: 100 });
  harness.advance(60);
  const { auth } = (await post('auth/token/renew-self', { increment: 200 }, token)).json;
  expect(auth).toMatchObject({ client_token: token, lease_duration: 200 });
  expect((await lookup(token)).json.data).toMatchObject({ ttl: 200, creation_ttl: 100, last_renewal: '2026-11-25T12:01:00Z' });
  harness.advance(199);
  // Without an increment it gets what it got the last time.
  expect((await post('auth/token/renew-self', {}, token)).json.auth.lease_duration).toBe(200);
  harness.advance(199.999);
  expect(await isValid(token)).toBe(true);
  harness.advance(0.001);
  expect((await harness.send('GET', 'auth/token/lookup-self', { token })).json).toEqual(BAD_TOKEN);
  expect(errorOf(await lookup(token))).toEqual([403, 'bad token']);
});

test('renewals end where the token says it must end, except for a period', async () => {
  const capped = await made({ policies: ['default'], ttl: '1h', explicit_max_ttl: '2h' });
  const periodic = await made({ policies: ['default'], period: '2h' });
  harness.advance(3599);
  const { json } = await post('auth/token/renew', { token: capped.client_token });
  expect([json.auth.lease_duration, json.warnings]).toEqual([3600, null]);
  harness.advance(1);
  const last = (await post('auth/token/renew-accessor', { accessor: capped.accessor })).json;
  expect([last.auth.client_token, last.auth.lease_duration]).toEqual(['', 3600]);
  expect(last.warnings).toBe(null);
  // Longer than any token lives without a period.
  for (let hours = 0; hours < 33 * 24; hours += 2) {
    await post('auth/token/renew', { token: periodic.client_token, increment: '9h' });
    harness.advance(7199);
  }
  expect(await isValid(periodic.client_token)).toBe(true);
  expect(await isValid(capped.client_token)).toBe(false);
});

test.each([
  ['the root token', () => Promise.resolve(ROOT), 'lease is not renewable'],
  ['one that was made so', async () => (await made({ policies: ['default'], renewable: false })).client_token, 'lease is not renewable'],
  ['a batch token', async () => (await made({ policies: ['default'], type: 'batch' })).client_token, 'batch tokens cannot be renewed'],
  ['one that is none', () => Promise.resolve('nope'), 'token not found'],
])('%s cannot be renewed', async (_, token, error) => {
  expect(errorOf(await post('auth/token/renew', { token: await token() }))).toEqual([400, error]);
});

test('uses fall on reads, on changes and on refusals, the last one shows -1, and then there is no token', async () => {
  const policy = 'path "secret/data/a" { capabilities = ["create", "update", "read"] }';
  const token = await harness.tokenWith(policy, { num_uses: 5 });
  const uses = async (): Promise<number> => (await lookup(token)).json.data.num_uses;
  expect((await harness.send('GET', 'secret/data/a', { token })).status).toBe(404);
  expect(await uses()).toBe(4);
  expect((await harness.send('GET', 'secret/data/b', { token })).json).toEqual(DENIED);
  expect(await uses()).toBe(3);
  expect((await post('secret/data/a', { data: { n: 1 } }, token)).status).toBe(200);
  expect(await uses()).toBe(2);
  expect((await post('secret/data/a', { data: 'no object' }, token)).status).toBe(400);
  expect(await uses()).toBe(1);
  expect((await harness.send('GET', 'auth/token/lookup-self', { token })).json.data).toMatchObject({ num_uses: -1 });
  expect((await harness.send('GET', 'secret/data/a', { token })).json).toEqual(BAD_TOKEN);
});

test.each([1, 2])('a token with %d uses left makes no other, and the attempt is a use', async (uses) => {
  const token = await harness.tokenWith(ALL_TOKENS, { num_uses: uses });
  expect(errorOf(await create({}, token))).toEqual([400, 'restricted use token cannot generate child tokens']);
  expect(await isValid(token)).toBe(uses > 1);
});

test('of many requests that come at once no more get through than a token has uses', async () => {
  const token = await harness.tokenWith('path "secret/data/a" { capabilities = ["create", "update"] }', { num_uses: 5 });
  const sent = await Promise.all(Array.from({ length: 20 }, (_, n) => post('secret/data/a', { data: { n } }, token)));
  expect(sent.filter(({ status }) => status === 200)).toHaveLength(5);
  expect((await harness.send('GET', 'secret/data/a')).json.data.metadata.version).toBe(5);
});

test('the last use ends the token also where it was to be renewed with it', async () => {
  const token = await harness.tokenWith(ALL_TOKENS, { num_uses: 2, ttl: '1h' });
  expect((await post('auth/token/renew-self', {}, token)).json.auth.num_uses).toBe(1);
  expect((await lookup(token)).json.data.num_uses).toBe(1);
  expect(errorOf(await post('auth/token/renew', { token }, token))).toEqual([400, 'token not found']);
  expect(await isValid(token)).toBe(false);
});

test('the last use is good for all that one request does', async () => {
  await post('secret/data/a', { data: { n: 1 } });
  await harness.send('DELETE', 'secret/data/a');
  const token = await harness.tokenWith('path "secret/data/a" { capabilities = ["patch"] }', { num_uses: 1 });
  const headers = { 'content-type': 'application/merge-patch+json' };
  const { status, json } = await harness.send('PATCH', 'secret/data/a', { token, headers, body: { data: { m: 2 } } });
  expect([status, json.data?.version]).toEqual([404, 1]);
});

test('a revoked token is refused by the very next request, and so are its children and theirs', async () => {
  const { client_token: parent } = await made();
  const { client_token: child } = await made({}, parent);
  const { client_token: grandchild } = await made({}, child);
  const { client_token: batch } = await made({ policies: ['default'], type: 'batch' }, grandchild);
  const { client_token: orphan } = await made({ policies: ['default'], no_parent: true }, child);
  expect((await post('auth/token/revoke', { token: parent })).status).toBe(204);
  for (const token of [parent, child, grandchild, batch]) {
    expect((await harness.send('GET', 'auth/token/lookup-self', { token })).json).toEqual(BAD_TOKEN);
  }
  expect(await isValid(orphan)).toBe(true);
});

test('a token may end itself, and whoever made it', async () => {
  const { client_token: parent } = await made();
  const { client_token: child } = await made({}, parent);
  const { client_token: other } = await made({}, parent);
  expect((await post('auth/token/revoke-self', {}, child)).status).toBe(204);
  expect([await isValid(child), await isValid(parent)]).toEqual([false, true]);
  expect((await post('auth/token/revoke', { token: parent }, other)).status).toBe(204);
  expect([await isValid(other), await isValid(parent)]).toEqual([false, false]);
});

test('an end by accessor; one that is none is a warning', async () => {
  const { client_token: token, accessor } = await made();
  expect((await post('auth/token/revoke-accessor', { accessor })).status).toBe(204);
  expect(await isValid(token)).toBe(false);
  const again = await post('auth/token/revoke-accessor', { accessor });
  expect([again.status, again.json.warnings]).toEqual([200, ['No token found with this accessor']]);
  expect(errorOf(await post('auth/token/revoke-accessor'))).toEqual([400, '1 error occurred:\n\t* missing accessor\n\n']);
});

test('revoke-orphan takes sudo, ends one token and leaves its children as orphans', async () => {
  const { client_token: parent } = await made();
  const { client_token: child } = await made({}, parent);
  const { client_token: grandchild } = await made({}, child);
  const error = [400, 'root or sudo privileges required to revoke and orphan'];
  expect(errorOf(await post('auth/token/revoke-orphan', { token: parent }, await harness.tokenWith(ALL_TOKENS)))).toEqual(error);
  expect((await post('auth/token/revoke-orphan', { token: parent }, await harness.tokenWith(SUDO))).status).toBe(204);
  expect(await isValid(parent)).toBe(false);
  expect((await lookup(child)).json.data.orphan).toBe(true);
  expect((await lookup(grandchild)).json.data.orphan).toBe(false);
  expect(errorOf(await post('auth/token/revoke-orphan', { token: parent }))).toEqual([400, 'token to revoke not found']);
});

test.each(['revoke', 'revoke-orphan'])('%s: the root token of the deployment and batch tokens have no record to remove', async (verb) => {
  const { client_token: batch } = await made({ policies: ['default'], type: 'batch' });
  expect((await post(`auth/token/${verb}`, { token: ROOT })).status).toBe(400);
  expect(errorOf(await post(`auth/token/${verb}`, { token: batch }))).toEqual([400, 'batch tokens cannot be revoked']);
  expect(errorOf(await post(`auth/token/${verb}`))).toEqual([400, 'missing token ID']);
});

test('whatever is made while its parent ends is never valid afterwards', async () => {
  const { client_token: parent } = await made();
  const making = Array.from({ length: 30 }, (_, i) => create({ policies: ['default'], type: i % 3 === 0 ? 'batch' : 'service' }, parent));
  const ending = post('auth/token/revoke', { token: parent });
  making.push(...Array.from({ length: 30 }, () => create({ policies: ['default'] }, parent)));
  await ending;
  const sent = await Promise.all(making);
  const born = sent.flatMap(({ status, json }) => (status === 200 ? [json.auth.client_token as string] : []));
  expect(born.length).toBeGreaterThan(0);
  for (const token of born) expect(await isValid(token)).toBe(false);
});

test('a family that is too large for one transaction is dead with its head, and housekeeping removes it bit by bit', async () => {
  const { client_token: head } = await made();
  const { client_token: middle } = await made({}, head);
  const tokens = [head, middle];
  for (let i = 0; i < 1500; i++) tokens.push((await made({ policies: ['default'] }, i % 2 === 0 ? head : middle)).client_token);
  await post('auth/token/revoke', { token: head });
  for (const token of tokens.filter((_, i) => i % 50 === 0)) expect(await isValid(token)).toBe(false);
  expect(await recordsLeft()).toBeGreaterThan(0);
  expect((await checkStore(harness.memory, { owners: apiOwners })).problems).toEqual([]);
  let rounds = 0;
  while (await sweep(100)) rounds++;
  expect(rounds).toBeGreaterThan(4);
  expect(await recordsLeft()).toBe(0);
});

test('an id of your own is taken as long as anything is left of its family, and is nobody of it then', async () => {
  const { client_token: head } = await made({ id: 'head' });
  const children: string[] = [];
  for (let i = 0; i < 1100; i++) children.push((await made({ policies: ['default'] }, head)).client_token);
  await post('auth/token/revoke', { token: head });
  expect(errorOf(await create({ id: 'head' }))).toEqual([400, 'cannot create a token with a duplicate ID']);
  while (await sweep(1));
  await made({ id: 'head' });
  for (const child of children.filter((_, i) => i % 50 === 0)) expect(await isValid(child)).toBe(false);
});

test('housekeeping removes what has expired with its family, in bounded steps, and nothing else', async () => {
  const { client_token: parent } = await made({ ttl: '1h' });
  for (let i = 0; i < 30; i++) await made({ policies: ['default'], ttl: '10h' }, parent);
  for (let i = 0; i < 30; i++) await made({ policies: ['default'], ttl: '1h' });
  const { client_token: stays } = await made({ policies: ['default'], ttl: '2h' });
  harness.advance(3599);
  expect(await sweep()).toBe(false);
  harness.advance(1);
  const before = await recordsLeft();
  await sweep(10);
  // A token is at most five records, and one is put on the list.
  expect(before - (await recordsLeft())).toBeLessThanOrEqual(50);
  while (await sweep(10));
  expect(await isValid(stays)).toBe(true);
  expect(await recordsLeft()).toBe(4);
});

test('a chain of tokens has an end, since each request looks at all of it', async () => {
  let token = ROOT;
  for (let i = 0; i <= 100; i++) token = (await made({}, token)).client_token;
  expect(errorOf(await create({}, token))).toEqual([400, 'a token can descend from at most 100 others; make an orphan']);
  expect((await create({ no_parent: true }, token)).status).toBe(200);
});

test('a batch token is not stored, acts as any other, and ends with its time or its parent', async () => {
  const before = await recordsLeft();
  const { client_token: token, ...auth } = await made({ policies: ['default'], type: 'batch', ttl: '1h', renewable: true });
  expect(auth).toMatchObject({ accessor: '', renewable: false, token_type: 'batch', lease_duration: 3600 });
  expect(await recordsLeft()).toBe(before);
  expect((await harness.send('GET', 'auth/token/lookup-self', { token })).json.data).toMatchObject({ type: 'batch', accessor: '', ttl: 3600 });
  expect((await harness.send('GET', 'secret/data/a', { token })).json).toEqual(DENIED);
  expect((await harness.send('GET', 'secret/data/a', { token: `${token.slice(0, -2)}AA` })).json).toEqual(BAD_TOKEN);
  harness.advance(3600);
  expect((await harness.send('GET', 'auth/token/lookup-self', { token })).json).toEqual(BAD_TOKEN);
});

test('a batch token makes no others', async () => {
  const { client_token: token } = await made({ policies: ['mk'], type: 'batch' });
  await post('sys/policies/acl/mk', { policy: SUDO });
  expect(errorOf(await create({}, token))).toEqual([400, 'batch tokens cannot create more tokens']);
});

test('a batch token that would be too long to be sent back is refused', async () => {
  expect((await create({ policies: ['default'], type: 'batch', meta: { a: 'x'.repeat(10_000) } })).status).toBe(400);
});

test('accessors are listed for sudo only, and only those of valid tokens; by one a token is looked up without being told', async () => {
  const { accessor: gone } = await made({ policies: ['default'], ttl: 1 });
  const { client_token: token, accessor } = await made({ policies: ['default'], ttl: '1h' });
  harness.advance(1);
  const keys = (await harness.send('LIST', 'auth/token/accessors')).json.data.keys;
  expect(keys).toContain(accessor);
  expect(keys).not.toContain(gone);
  expect((await harness.send('LIST', 'auth/token/accessors', { token: await harness.tokenWith(ALL_TOKENS) })).json).toEqual(DENIED);
  expect((await harness.send('LIST', 'auth/token/accessors', { token: await harness.tokenWith(SUDO) })).status).toBe(200);
  const { json } = await post('auth/token/lookup-accessor', { accessor });
  expect(json.data).toMatchObject({ accessor, id: '', policies: ['default'] });
  expect(JSON.stringify(json)).not.toContain(token);
  expect(errorOf(await post('auth/token/lookup-accessor', { accessor: gone }))).toEqual([400, '1 error occurred:\n\t* invalid accessor\n\n']);
});

test.each(['GET', 'POST'])('lookup and lookup-self by %s', async (method) => {
  const { client_token: token } = await made();
  const own = { token, ...(method === 'POST' && { body: { token: 'not looked at' } }) };
  expect((await harness.send(method, 'auth/token/lookup-self', own)).json.data.id).toBe(token);
  const query = method === 'GET' ? `?token=${token}` : '';
  expect((await harness.send(method, `auth/token/lookup${query}`, method === 'GET' ? {} : { body: { token } })).json.data.id).toBe(token);
  expect((await harness.send(method, 'auth/token/lookup')).json.data).toMatchObject({
    id: ROOT,
    orphan: true,
    policies: ['root'],
    expire_time: null,
  });
});

const role = (name: string, body: object): Promise<Sent> => post(`auth/token/roles/${name}`, body);

test('a role is made, told, changed in part, listed and removed', async () => {
  expect((await role('r1', { allowed_policies: 'B, a', token_period: '1h', path_suffix: 'xyz', orphan: true })).status).toBe(204);
  expect((await role('r1', { token_num_uses: 3, period: 7200 })).status).toBe(204);
  expect((await harness.send('GET', 'auth/token/roles/r1')).json.data).toEqual({
    allowed_entity_aliases: null,
    allowed_policies: ['a', 'b'],
    allowed_policies_glob: [],
    disallowed_policies: [],
    disallowed_policies_glob: [],
    explicit_max_ttl: 0,
    name: 'r1',
    orphan: true,
    path_suffix: 'xyz',
    period: 7200,
    renewable: true,
    token_explicit_max_ttl: 0,
    token_no_default_policy: false,
    token_num_uses: 3,
    token_period: 7200,
    token_type: 'default-service',
  });
  await role('r2', {});
  expect((await harness.send('LIST', 'auth/token/roles')).json.data).toEqual({ keys: ['r1', 'r2'] });
  expect((await harness.send('DELETE', 'auth/token/roles/r1')).status).toBe(204);
  expect((await harness.send('GET', 'auth/token/roles/r1')).status).toBe(404);
  expect(errorOf(await post('auth/token/create/r1'))).toEqual([400, 'unknown role r1']);
});

test.each<[body: object, error: string]>([
  [{ token_type: 'odd' }, `invalid 'token_type' value "odd"`],
  [{ token_type: null }, "Invalid 'token_type' value: null"],
  [{ token_type: 'batch' }, "'token_type' cannot be 'batch' when role is set to generate non-orphan tokens"],
  [{ token_type: 'batch', orphan: true }, "'token_type' cannot be 'batch' when role is set to generate renewable tokens"],
  [{ token_num_uses: -1 }, "error parsing role fields: 'token_num_uses' cannot be negative"],
  [{ path_suffix: 'a' }, String.raw`given role path suffix contains invalid characters; must match \w[\w-.]+\w`],
  [{ path_suffix: 'a..b' }, 'error registering path suffix: path cannot contain parent references'],
  [{ token_bound_cidrs: ['10.0.0.0/8'] }, 'bound CIDRs are not supported: a token must not look safer than it is'],
])('a role of %j is refused', async (body, error) => {
  expect(errorOf(await role('r', body))).toEqual([400, error]);
});

test('the name of a role is one word', async () => {
  for (const name of ['a%20b', 'a/b', '-a', 'a@b']) {
    expect((await role(name, {})).json).toEqual({ errors: ['1 error occurred:\n\t* unsupported path\n\n'] });
  }
});

test('a role decides which policies there are, whatever those of the caller', async () => {
  await role('r', { allowed_policies: ['rd', 'wr'], disallowed_policies: ['wr'] });
  await role('g', { allowed_policies_glob: ['dev-*'], disallowed_policies_glob: ['*-x', 'def*'] });
  const caller = await harness.tokenWith(ALL_TOKENS);
  expect((await made({ policies: ['RD'] }, caller, 'auth/token/create/r')).policies).toEqual(['default', 'rd']);
  expect((await made({ policies: ['dev-a'] }, caller, 'auth/token/create/g')).policies).toEqual(['dev-a']);
  const refused = async (path: string, policies: readonly string[]): Promise<unknown> => errorOf(await post(path, { policies }, caller));
  expect(await refused('auth/token/create/r', ['admin'])).toEqual([
    400,
    'token policies (["admin" "default"]) must be subset of the role\'s allowed policies (["default" "rd" "wr"]) or glob policies ([])',
  ]);
  expect(await refused('auth/token/create/r', ['wr'])).toEqual([400, 'token policy "wr" is disallowed by this role']);
  expect(await refused('auth/token/create/r', [])).toEqual([400, 'token policy "wr" is disallowed by this role']);
  expect(await refused('auth/token/create/g', ['dev-x'])).toEqual([400, 'token policy "dev-x" is disallowed by this role']);
});

test('a role gives root to nobody who is not root', async () => {
  await role('r', { allowed_policies: [' Root'] });
  const caller = await harness.tokenWith(SUDO);
  expect(errorOf(await post('auth/token/create/r', {}, caller))).toEqual([400, 'root tokens may not be created without parent token being root']);
});

test('of what a role and a request say, the lesser counts; what the role says at the time of a renewal counts then', async () => {
  await role('r', {
    allowed_policies: ['rd'],
    token_period: '1h',
    token_explicit_max_ttl: '10h',
    token_num_uses: 50,
    path_suffix: 'v10',
    orphan: true,
  });
  const { json } = await post('auth/token/create/r', { period: '30m', explicit_max_ttl: '2h', num_uses: 60 });
  expect(json.auth).toMatchObject({ lease_duration: 1800, num_uses: 50, orphan: true });
  expect(json.warnings).toEqual([
    'Explicit max TTL specified both during creation call and in role; using the lesser value of 7200 seconds',
    'Period specified both during creation call and in role; using the lesser value of 1800 seconds',
    'Policy "rd" does not exist',
  ]);
  const token = json.auth.client_token as string;
  expect((await lookup(token)).json.data).toMatchObject({ path: 'auth/token/create/r/v10', role: 'r', period: 1800, explicit_max_ttl: 7200 });
  const { client_token: other } = await made({}, ROOT, 'auth/token/create/r');
  expect((await lookup(other)).json.data).not.toHaveProperty('period');
  await role('r', { token_period: '10m' });
  for (const one of [token, other]) expect((await post('auth/token/renew', { token: one })).json.auth.lease_duration).toBe(600);
  await harness.send('DELETE', 'auth/token/roles/r');
  expect(errorOf(await post('auth/token/renew', { token: other }))).toEqual([400, 'original token role "r" could not be found, not renewing']);
});

test.each([
  ['service', 'batch', 'service'],
  ['batch', 'service', 'batch'],
  ['default-service', '', 'service'],
  ['default-service', 'batch', 'batch'],
  ['default-batch', '', 'batch'],
  ['default-batch', 'service', 'service'],
])('of a role with type %s a request for %j gets %s', async (ofRole, asked, type) => {
  await role('r', { token_type: ofRole, orphan: true, renewable: false });
  expect((await made({ policies: ['default'], type: asked }, ROOT, 'auth/token/create/r')).token_type).toBe(type);
});

test('a role counts as created or updated for the policy', async () => {
  const caller = await harness.tokenWith('path "auth/token/roles/*" { capabilities = ["create"] }');
  expect((await post('auth/token/roles/r', {}, caller)).status).toBe(204);
  expect((await post('auth/token/roles/r', {}, caller)).json).toEqual(DENIED);
});

test('a full store takes no more tokens, and still ends them', async () => {
  const { client_token: token } = await made();
  harness.isFull = true;
  expect((await create()).status).toBe(507);
  expect((await post('auth/token/revoke', { token })).status).toBe(204);
});

test('of an end whose outcome is unknown the token is gone or it is not, with all that is its', async () => {
  const { client_token: parent } = await made();
  const { client_token: child } = await made({}, parent);
  harness.failWrite(1, 'FAILED');
  expect((await post('auth/token/revoke', { token: parent })).status).toBe(503);
  expect([await isValid(parent), await isValid(child)]).toEqual([true, true]);
  harness.failWrite(1, 'COMMIT_UNKNOWN');
  expect((await post('auth/token/revoke', { token: parent })).status).toBe(503);
  expect([await isValid(parent), await isValid(child)]).toEqual([false, false]);
});

test('tidy has nothing to do', async () => {
  const { status, json } = await post('auth/token/tidy');
  expect([status, json.warnings.length]).toEqual([202, 1]);
});
