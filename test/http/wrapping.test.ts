import { expect, test } from 'vitest';
import { Harness } from './harness.ts';

const INVALID = 'wrapping token is not valid or does not exist';
const wrapFor = (ttl: string): { headers: Record<string, string> } => ({ headers: { 'x-vault-wrap-ttl': ttl } });

async function withSecret(): Promise<Harness> {
  const harness = new Harness();
  await harness.send('POST', 'secret/data/a', { body: { data: { pin: 1815 } } });
  return harness;
}

async function wrapped(harness: Harness, ttl = '60'): Promise<string> {
  const { json } = await harness.send('GET', 'secret/data/a', wrapFor(ttl));
  return json.wrap_info.token;
}

async function keysBelow({ memory }: Harness, prefix: string): Promise<readonly string[]> {
  return memory.read((tx) => tx.scanKeys({ from: prefix, to: `${prefix}\u{10ffff}` }));
}

test('an answer is wrapped, and unwrapped once', async () => {
  const harness = await withSecret();
  const { status, json } = await harness.send('GET', 'secret/data/a', wrapFor('1m'));
  expect([status, json]).toEqual([
    200,
    {
      request_id: '',
      lease_id: '',
      renewable: false,
      lease_duration: 0,
      data: null,
      wrap_info: {
        token: expect.stringMatching(/^s\./),
        accessor: expect.any(String),
        ttl: 60,
        creation_time: '2026-11-25T12:00:00Z',
        creation_path: 'secret/data/a',
      },
      warnings: null,
      auth: null,
    },
  ]);
  const { token } = json.wrap_info;
  expect((await harness.send('POST', 'sys/wrapping/lookup', { token: null, body: { token } })).json.data).toEqual({
    creation_path: 'secret/data/a',
    creation_time: '2026-11-25T12:00:00Z',
    creation_ttl: 60,
  });
  const unwrapped = await harness.send('POST', 'sys/wrapping/unwrap', { token });
  expect(unwrapped.json.data.data).toEqual({ pin: 1815 });
  for (const again of [{ token }, { body: { token } }]) {
    const refused = await harness.send('POST', 'sys/wrapping/unwrap', again);
    expect([refused.status, refused.json.errors]).toEqual([400, [INVALID]]);
  }
  expect(await keysBelow(harness, 'x/w/')).toEqual([]);
});

test('what is wrapped lies sealed in the store, and its token only as a hash', async () => {
  const harness = await withSecret();
  const token = await wrapped(harness);
  const entries = await harness.memory.read((tx) => tx.scan({ from: 'x/', to: 'x0' }));
  const everything = entries.map(({ key, value }) => key + new TextDecoder().decode(value)).join('\n');
  expect(entries.map(({ key }) => key.slice(0, 4))).toContain('x/w/');
  expect(everything).not.toContain('1815');
  expect(everything).not.toContain(token.slice(2));
});

test('two that unwrap at the same time: one has the answer', async () => {
  const harness = await withSecret();
  const token = await wrapped(harness);
  const answers = await Promise.all([1, 2, 3].map(() => harness.send('POST', 'sys/wrapping/unwrap', { body: { token } })));
  expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 400, 400]);
});

test('a wrapping token ends with its time, and opens nothing else', async () => {
  const harness = await withSecret();
  const token = await wrapped(harness, '60');
  for (const [method, path] of [
    ['GET', 'secret/data/a'],
    ['GET', 'auth/token/lookup-self'],
    ['POST', 'sys/wrapping/rewrap'],
    ['POST', 'sys/wrapping/wrap'],
  ] as const) {
    expect((await harness.send(method, path, { token, ...wrapFor('60') })).status).toBe(403);
  }
  harness.advance(60);
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { token })).json.errors).toEqual([INVALID]);
  expect((await harness.send('POST', 'sys/wrapping/lookup', { token })).json.errors).toEqual([INVALID]);
});

test.each([
  ['abc', 'error parsing X-Vault-Wrap-TTL header: time: invalid duration "abc"'],
  ['1.5', 'error parsing X-Vault-Wrap-TTL header: time: missing unit in duration "1.5"'],
  ['-5', 'error parsing X-Vault-Wrap-TTL header: requested wrap ttl cannot be negative'],
  ['-1ms', 'error parsing X-Vault-Wrap-TTL header: requested wrap ttl cannot be negative'],
  ['9999999999999', 'error parsing X-Vault-Wrap-TTL header: multiplication of durations resulted in overflow, one operand may be too large'],
])('a wrapping TTL of %s is refused, and nothing is done', async (ttl, message) => {
  const harness = await withSecret();
  const { status, json } = await harness.send('POST', 'secret/data/a', { body: { data: { pin: 2 } }, ...wrapFor(ttl) });
  expect([status, json.errors]).toEqual([400, [message]]);
  expect((await harness.send('GET', 'secret/data/a')).json.data.metadata.version).toBe(1);
});

test('a TTL of 0 is none; one of less than a second is one', async () => {
  const harness = await withSecret();
  expect((await harness.send('GET', 'secret/data/a', wrapFor('0'))).json.data.data).toEqual({ pin: 1815 });
  expect((await harness.send('GET', 'secret/data/a', wrapFor('10ms'))).json).toMatchObject({ data: null, wrap_info: { ttl: 1 } });
});

test('wrapping tokens as JWTs are refused in so many words', async () => {
  const harness = await withSecret();
  const { status, json } = await harness.send('GET', 'secret/data/a', { headers: { 'x-vault-wrap-ttl': '60', 'x-vault-wrap-format': 'jwt' } });
  expect([status, json.errors]).toEqual([400, ['wrapping tokens are not made as JWTs: leave out X-Vault-Wrap-Format']]);
});

test('errors, answers without a body and lists of nothing are not wrapped', async () => {
  const harness = await withSecret();
  const statuses = [];
  for (const [method, path, body] of [
    ['GET', 'secret/data/nope', undefined],
    ['LIST', 'secret/metadata/nope', undefined],
    ['DELETE', 'secret/data/a', undefined],
    ['POST', 'secret/data/a', {}],
    ['GET', 'sys/health', undefined],
  ] as const) {
    const { status, json } = await harness.send(method, path, { body, ...wrapFor('60') });
    expect(json?.wrap_info).toBeFalsy();
    statuses.push(status);
  }
  expect(statuses).toEqual([404, 404, 204, 400, 200]);
  expect(await keysBelow(harness, 'x/w/')).toEqual([]);
});

test('a rewrapped answer has a new token, that of the old time or less; the old one is gone', async () => {
  const harness = await withSecret();
  const first = await wrapped(harness, '60');
  harness.advance(30);
  const second = (await harness.send('POST', 'sys/wrapping/rewrap', { body: { token: first }, ...wrapFor('500') })).json;
  expect(second).toMatchObject({ request_id: '', wrap_info: { ttl: 60, creation_path: 'secret/data/a', creation_time: '2026-11-25T12:00:30Z' } });
  const third = (await harness.send('POST', 'sys/wrapping/rewrap', { body: { token: second.wrap_info.token }, ...wrapFor('5') })).json;
  expect(third.wrap_info.ttl).toBe(5);
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { token: first })).status).toBe(400);
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { token: third.wrap_info.token })).json.data.data).toEqual({ pin: 1815 });
});

test('an unwrapped answer can be wrapped again on its way', async () => {
  const harness = await withSecret();
  const { json } = await harness.send('POST', 'sys/wrapping/unwrap', { token: await wrapped(harness), ...wrapFor('60') });
  expect(json).toMatchObject({ data: null, wrap_info: { creation_path: 'sys/wrapping/unwrap' } });
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { token: json.wrap_info.token })).json.data.data).toEqual({ pin: 1815 });
});

test('who may unwrap for others is up to the policies', async () => {
  const harness = await withSecret();
  const token = await wrapped(harness);
  const nobody = await harness.tokenWith('path "secret/*" { capabilities = ["read"] }', { no_default_policy: true });
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { token: nobody, body: { token } })).status).toBe(403);
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { token: 'not a token', body: { token } })).status).toBe(403);
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { token: null, body: { token } })).status).toBe(403);
  const somebody = await harness.tokenWith('path "sys/wrapping/unwrap" { capabilities = ["update"] }');
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { token: somebody, body: { token } })).status).toBe(200);
});

test('a policy can ask for a wrapping TTL, and then nothing is read without one', async () => {
  const harness = await withSecret();
  const policy = 'path "secret/data/*" { capabilities = ["read"] min_wrapping_ttl = "10s" max_wrapping_ttl = "1m" }';
  const token = await harness.tokenWith(policy);
  const statuses = [];
  for (const headers of [{}, ...['0', '9', '10', '60', '61'].map((ttl) => ({ 'x-vault-wrap-ttl': ttl }))])
    statuses.push((await harness.send('GET', 'secret/data/a', { token, headers })).status);
  expect(statuses).toEqual([403, 403, 403, 200, 200, 403]);
});

test.each(['FAILED', 'COMMIT_UNKNOWN'] as const)(
  'if the answer of a change can’t be wrapped (%s), the change stands and the error says so',
  async (how) => {
    const harness = await withSecret();
    harness.failWrite(2, how);
    const { status, json } = await harness.send('POST', 'secret/data/a', { body: { data: { pin: 2 } }, ...wrapFor('60') });
    expect([status, json.errors]).toEqual([503, ['the request was carried out, but its answer could not be wrapped and is lost']]);
    expect((await harness.send('GET', 'secret/data/a')).json.data).toMatchObject({ data: { pin: 2 }, metadata: { version: 2 } });
  },
);

test('if the change itself fails, nothing is wrapped', async () => {
  const harness = await withSecret();
  harness.failWrite(1);
  expect((await harness.send('POST', 'secret/data/a', { body: { data: { pin: 2 } }, ...wrapFor('60') })).json.errors).toEqual([
    'the storage failed; nothing was done',
  ]);
  expect(await keysBelow(harness, 'x/w/')).toEqual([]);
});

test('if unwrapping fails, the answer is still there', async () => {
  const harness = await withSecret();
  const token = await wrapped(harness);
  harness.failWrite(1);
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { body: { token } })).status).toBe(503);
  expect((await harness.send('POST', 'sys/wrapping/unwrap', { body: { token } })).json.data.data).toEqual({ pin: 1815 });
});

test('a wrapped answer that was altered, or swapped with another, does not open; it is gone, and the error says so', async () => {
  const harness = await withSecret();
  await harness.send('POST', 'secret/data/b', { body: { data: { pin: 2 } } });
  const tokens = [await wrapped(harness), (await harness.send('GET', 'secret/data/b', wrapFor('60'))).json.wrap_info.token as string];
  await harness.memory.write(async (tx) => {
    const [one, other] = await tx.scan({ from: 'x/w/', to: 'x/w0' });
    return {
      result: undefined,
      writes: [
        { kind: 'put', key: one!.key, value: other!.value },
        { kind: 'put', key: other!.key, value: one!.value },
      ],
    };
  });
  for (const token of tokens) {
    const { status, json } = await harness.send('POST', 'sys/wrapping/unwrap', { token });
    expect([status, json.errors]).toEqual([
      500,
      ['the wrapped answer does not open: it was altered in the storage. It is gone, and so is its token'],
    ]);
  }
  expect(await keysBelow(harness, 'x/w/')).toEqual([]);
});

test('a wrapped token tells its accessor outside, and works once it is unwrapped', async () => {
  const harness = new Harness();
  const { json } = await harness.send('POST', 'auth/token/create', { body: { policies: ['default'], ttl: '1h' }, ...wrapFor('60') });
  const { auth } = (await harness.send('POST', 'sys/wrapping/unwrap', { token: json.wrap_info.token })).json;
  expect(json.wrap_info.wrapped_accessor).toBe(auth.accessor);
  expect((await harness.send('GET', 'auth/token/lookup-self', { token: auth.client_token })).status).toBe(200);
});

test('revoking the wrapping token by its accessor removes the answer', async () => {
  const harness = await withSecret();
  const { accessor } = (await harness.send('GET', 'secret/data/a', wrapFor('60'))).json.wrap_info;
  expect((await harness.send('POST', 'auth/token/revoke-accessor', { body: { accessor } })).status).toBe(204);
  expect(await keysBelow(harness, 'x/w/')).toEqual([]);
});

test('numbers of what is wrapped come back digit by digit', async () => {
  const harness = new Harness();
  const { json } = await harness.send('POST', 'sys/wrapping/wrap', { body: '{"n":12345678901234567890,"x":1.0,"10":1,"2":2}', ...wrapFor('60') });
  expect(json.wrap_info.creation_path).toBe('sys/wrapping/wrap');
  const { body } = await harness.send('POST', 'sys/wrapping/unwrap', { token: json.wrap_info.token });
  expect(body).toContain('"data":{"n":12345678901234567890,"x":1.0,"10":1,"2":2},"wrap_info":null,"warnings":null');
});

test('sys/wrapping/wrap asks for a TTL', async () => {
  const { status, json } = await new Harness().send('POST', 'sys/wrapping/wrap', { body: { a: 1 } });
  expect([status, json.errors]).toEqual([400, ['endpoint requires response wrapping to be used']]);
});
