import { expect, test } from 'vitest';
import { RateLimiter } from '../../packages/http/src/quotas/rate-limiter.ts';
import { Harness } from './harness.ts';

const READ_ALL = 'path "secret/*" { capabilities = ["read", "list", "create", "update"] }';

async function limited(body: object): Promise<Harness> {
  const harness = new Harness();
  expect((await harness.send('POST', 'sys/quotas/rate-limit/q', { body })).status).toBe(204);
  return harness;
}

async function statuses(harness: Harness, count: number, path = 'secret/data/a', token?: string): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) all.push((await harness.send('GET', path, { token })).status);
  return all;
}

test('a rate limit is shown, listed and removed as OpenBao does', async () => {
  const harness = await limited({ rate: 2.5, path: 'secret' });
  await harness.send('POST', 'sys/quotas/rate-limit/p', { body: { rate: '7', interval: '1m', block_interval: 5, path: 'secret/data/foo/' } });
  expect((await harness.send('GET', 'sys/quotas/rate-limit/q')).json.data).toEqual({
    block_interval: 0,
    inheritable: false,
    interval: 1,
    name: 'q',
    path: 'secret/',
    rate: 2.5,
    role: '',
    type: 'rate-limit',
  });
  expect((await harness.send('GET', 'sys/quotas/rate-limit/p')).json.data).toMatchObject({
    path: 'secret/data/foo',
    interval: 60,
    block_interval: 5,
  });
  expect((await harness.send('LIST', 'sys/quotas/rate-limit')).json.data).toEqual({ keys: ['p', 'q'] });
  for (const name of ['p', 'q', 'q']) expect((await harness.send('DELETE', `sys/quotas/rate-limit/${name}`)).status).toBe(204);
  expect((await harness.send('GET', 'sys/quotas/rate-limit/q')).status).toBe(404);
  expect((await harness.send('LIST', 'sys/quotas/rate-limit')).status).toBe(404);
});

test.each([
  [{}, "'rate' is invalid"],
  [{ rate: 0 }, "'rate' is invalid"],
  [{ rate: -1 }, "'rate' is invalid"],
  [
    { rate: 'x' },
    `Field validation failed: error converting input for field "rate": '' cannot parse value as 'float64': strconv.ParseFloat: invalid syntax`,
  ],
  [{ rate: 2, path: 'nope' }, 'invalid mount path "nope/"'],
  [{ rate: 2, block_interval: -1 }, `Field validation failed: error converting input for field "block_interval": cannot provide negative value '-1'`],
  [{ rate: 2, path: 'secret/' }, 'quota rule with similar properties exists under the name "q"'],
  [{ rate: 2, role: 'r' }, 'rate limits for the logins of a role are not supported'],
])('a rate limit %j is refused', async (body, message) => {
  const harness = await limited({ rate: 1, path: 'secret' });
  const { status, json } = await harness.send('POST', 'sys/quotas/rate-limit/other', { body });
  expect([status, json.errors]).toEqual([400, [message]]);
});

test('more requests than the rate are refused until time has passed, with when to come again', async () => {
  const harness = await limited({ rate: 3, interval: '30s' });
  expect(await statuses(harness, 5)).toEqual([404, 404, 404, 429, 429]);
  const { json, headers } = await harness.send('GET', 'secret/data/a');
  expect(json.errors).toEqual(['request path "secret/data/a": rate limit quota exceeded']);
  expect(headers['Retry-After']).toBe('10');
  harness.advance(10);
  expect(await statuses(harness, 2)).toEqual([404, 429]);
  harness.advance(3600);
  expect(await statuses(harness, 4)).toEqual([404, 404, 404, 429]);
});

test('every token has its own count, and a new one begins anew', async () => {
  const harness = await limited({ rate: 20, path: 'secret/' });
  await harness.send('POST', 'sys/quotas/rate-limit/q', { body: { rate: 2, interval: '1m', path: 'secret/' } });
  const [one, other] = [await harness.tokenWith(READ_ALL), await harness.tokenWith(READ_ALL)];
  expect(await statuses(harness, 3, 'secret/data/a', one)).toEqual([404, 404, 429]);
  expect(await statuses(harness, 3, 'secret/data/a', other)).toEqual([404, 404, 429]);
  expect(await statuses(harness, 3)).toEqual([404, 404, 429]);
});

test('the limit with the longest path counts, and only that; whole segments are compared', async () => {
  const harness = await limited({ rate: 1, interval: '1h', path: 'secret/data/a' });
  await harness.send('POST', 'sys/quotas/rate-limit/wide', { body: { rate: 2, interval: '1h', path: 'secret' } });
  expect(await statuses(harness, 2, 'secret/data/a')).toEqual([404, 429]);
  expect(await statuses(harness, 2, 'secret/data/a/b')).toEqual([429, 429]);
  expect(await statuses(harness, 3, 'secret/data/ab')).toEqual([404, 404, 429]);
  expect(await statuses(harness, 3, 'sys/mounts')).toEqual([200, 200, 200]);
});

test('who has reached a limit with a block interval is refused for that long', async () => {
  const harness = await limited({ rate: 1, interval: '1s', block_interval: '1m' });
  expect(await statuses(harness, 2)).toEqual([404, 429]);
  harness.advance(59);
  expect(await statuses(harness, 1)).toEqual([429]);
  harness.advance(1);
  expect(await statuses(harness, 1)).toEqual([404]);
});

test('a change acts on the next request, and a limit keeps nobody from mending it', async () => {
  const harness = await limited({ rate: 0.01 });
  expect(await statuses(harness, 2)).toEqual([404, 429]);
  expect((await harness.send('POST', 'sys/quotas/rate-limit/q', { body: { rate: 100 } })).status).toBe(204);
  expect(await statuses(harness, 2)).toEqual([404, 404]);
  await harness.send('POST', 'sys/quotas/rate-limit/q', { body: { rate: 0.01 } });
  expect(await statuses(harness, 2)).toEqual([404, 429]);
  expect((await harness.send('DELETE', 'sys/quotas/rate-limit/q')).status).toBe(204);
  expect(await statuses(harness, 2)).toEqual([404, 404]);
});

test('a request over the limit is refused before its body is looked at, and does nothing', async () => {
  const harness = await limited({ rate: 1, interval: '1h', path: 'secret' });
  await harness.send('GET', 'secret/data/a');
  for (const body of ['{"data":', { data: { a: 1 } }]) expect((await harness.send('POST', 'secret/data/a', { body })).status).toBe(429);
  await harness.send('DELETE', 'sys/quotas/rate-limit/q');
  expect((await harness.send('GET', 'secret/data/a')).status).toBe(404);
});

test('who has no valid token is told that, and counts nowhere', async () => {
  const harness = await limited({ rate: 1, interval: '1h' });
  for (let i = 0; i < 3; i++) expect((await harness.send('GET', 'secret/data/a', { token: 'nonsense' })).status).toBe(403);
  expect((await harness.send('GET', 'secret/data/a')).status).toBe(404);
});

test('of refusals in a row the first is recorded and costs a use, and the others make no transaction', async () => {
  const harness = await limited({ rate: 1, interval: '1m', path: 'secret' });
  await harness.send('POST', 'sys/audit/log', { body: { type: 'store' } });
  const token = await harness.tokenWith(READ_ALL, { num_uses: 3 });
  const writes: number[] = [];
  for (let i = 0; i < 4; i++) {
    const before = harness.writes;
    await harness.send('GET', 'secret/data/a', { token });
    writes.push(harness.writes - before);
  }
  expect(writes).toEqual([1, 1, 0, 0]);
  harness.advance(60);
  expect((await harness.send('GET', 'secret/data/a', { token })).status).toBe(404);
  const { body } = await harness.send('GET', 'sys/audit-log/export');
  const codes = body.split('\n').flatMap((line) => (line.includes('secret/data/a') ? [JSON.parse(line).outcome.code] : []));
  expect(codes).toEqual(['missing', 'RATE_LIMITED', 'missing']);
});

test('a clock that steps back gives nothing away and blocks nobody for longer', () => {
  const limiter = new RateLimiter();
  const limit = { name: 'q', path: '', rate: 2, intervalSeconds: 10, blockSeconds: 0, inheritable: true };
  const take = (now: number): boolean => limiter.take(limit, 'ada', now).allowed;
  expect([take(100_000), take(50_000), take(40_000), take(40_000), take(45_000), take(45_000)]).toEqual([true, true, false, false, true, false]);
});

test('however many tokens there are, only the latest ten thousand are remembered', () => {
  const limiter = new RateLimiter();
  const limit = { name: 'q', path: '', rate: 1, intervalSeconds: 1e9, blockSeconds: 0, inheritable: true };
  for (let i = 0; i < 10_001; i++) limiter.take(limit, `token ${i}`, 0);
  expect(limiter.take(limit, 'token 10000', 0).allowed).toBe(false);
  expect(limiter.take(limit, 'token 0', 0).allowed).toBe(true);
});
