import { checkStore } from '@sealkv/core/check';
import { apiOwners } from '@sealkv/http';
import { describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';

async function problems({ memory }: Harness): Promise<readonly unknown[]> {
  return (await checkStore(memory, { owners: apiOwners })).problems;
}

/** With an API of its own. The harness looks through what is left in its store. */
const fresh = (run: (harness: Harness) => Promise<void>): Promise<void> => run(new Harness());

async function newToken(harness: Harness, more: object = {}, by?: string): Promise<string> {
  const { json } = await harness.send('POST', 'auth/token/create', { token: by, body: { policies: ['default'], ...more } });
  return json.auth.client_token;
}

const recordsBelow = ({ memory }: Harness, prefix: string): Promise<number> =>
  memory.read(async (tx) => (await tx.scanKeys({ from: prefix, to: `${prefix.slice(0, -1)}0` })).length);
const cubbyholes = (harness: Harness): Promise<number> => recordsBelow(harness, 'x/y/s/');

describe('a cubbyhole', () => {
  test('keeps what its token writes, exactly, and lists it', () =>
    fresh(async (harness) => {
      const token = await newToken(harness);
      const send = (method: string, path: string, body?: unknown): ReturnType<Harness['send']> =>
        harness.send(method, `cubbyhole/${path}`, { token, body });
      expect((await send('POST', 'a', '{"10":1.0,"n":12345678901234567890,"a":null}')).status).toBe(204);
      expect((await send('PUT', 'a/b', { path: 'own', ttl: '1h' })).status).toBe(204);
      await send('POST', 'a/c/d', { n: 1 });
      const read = await send('GET', 'a');
      expect(read.body).toContain('"data":{"10":1.0,"n":12345678901234567890,"a":null}');
      expect(read.json).toMatchObject({ lease_duration: 0, warnings: null });
      expect((await send('GET', 'a/b')).json.data).toEqual({ path: 'own', ttl: '1h' });
      expect((await send('LIST', '')).json.data).toEqual({ keys: ['a', 'a/'] });
      expect((await harness.send('GET', 'cubbyhole?list=true', { token })).json.data).toEqual({ keys: ['a', 'a/'] });
      expect((await send('LIST', 'a')).json.data).toEqual({ keys: ['b', 'c/'] });
      await send('POST', 'a', { n: 2 });
      expect((await send('GET', 'a')).json.data).toEqual({ n: 2 });
      for (const path of ['a', 'none', 'a/']) expect((await send('DELETE', path)).status).toBe(204);
      expect((await send('GET', 'a')).status).toBe(404);
      expect((await send('LIST', '')).json.data).toEqual({ keys: ['a/'] });
    }));

  test('is of its token alone: root does not see it, and has one of its own', () =>
    fresh(async (harness) => {
      const [one, two] = [await newToken(harness), await newToken(harness)];
      for (const token of [one, undefined]) await harness.send('POST', 'cubbyhole/a', { token, body: { by: token ?? 'root' } });
      expect((await harness.send('GET', 'cubbyhole/a', { token: one })).json.data).toEqual({ by: one });
      expect((await harness.send('GET', 'cubbyhole/a')).json.data).toEqual({ by: 'root' });
      expect((await harness.send('GET', 'cubbyhole/a', { token: two })).status).toBe(404);
      expect((await harness.send('LIST', 'cubbyhole', { token: two })).status).toBe(404);
    }));

  test.for([
    ['POST', 'cubbyhole/a', {}, 400, 'missing data fields'],
    ['POST', 'cubbyhole/a', undefined, 400, 'missing data fields'],
    ['POST', 'cubbyhole/', { n: 1 }, 400, "cannot write to a path ending in '/'"],
    ['POST', 'cubbyhole', { n: 1 }, 400, 'missing path'],
    ['GET', 'cubbyhole', undefined, 400, 'missing path'],
    ['GET', 'cubbyhole/', undefined, 400, 'missing path'],
    ['GET', 'cubbyhole/none', undefined, 404, undefined],
    ['GET', 'cubbyhole/none/', undefined, 404, undefined],
    ['DELETE', 'cubbyhole', undefined, 204, undefined],
    ['SCAN', 'cubbyhole', undefined, 405, '1 error occurred:\n\t* unsupported operation\n\n'],
  ] as const)('%s %s %j: %i', ([method, path, body, status, error]) =>
    fresh(async (harness) => {
      const answer = await harness.send(method, path, { body });
      expect([answer.status, answer.json?.errors?.[0]]).toEqual([status, error]);
    }),
  );

  test('is not for batch tokens', () =>
    fresh(async (harness) => {
      const token = await newToken(harness, { type: 'batch' });
      const error = "cubbyhole operations are only supported by 'service' type tokens";
      for (const [method, path] of [
        ['POST', 'cubbyhole/a'],
        ['GET', 'cubbyhole/a'],
        ['LIST', 'cubbyhole'],
        ['DELETE', 'cubbyhole/a'],
      ] as const) {
        const { status, json } = await harness.send(method, path, { token, body: method === 'POST' ? { n: 1 } : undefined });
        expect([method, status, json]).toEqual([method, 400, { errors: [error] }]);
      }
    }));

  test('tells create from update', () =>
    fresh(async (harness) => {
      const token = await harness.tokenWith('path "cubbyhole/*" { capabilities = ["create"] }', { no_default_policy: true });
      const write = (): ReturnType<Harness['send']> => harness.send('POST', 'cubbyhole/a', { token, body: { n: 1 } });
      expect((await write()).status).toBe(204);
      expect((await write()).status).toBe(403);
    }));

  test('is sealed, and a row that was moved to another token or path does not open', async () => {
    const harness = new Harness();
    const [one, two] = [await newToken(harness), await newToken(harness)];
    for (const [token, text] of [
      [one, 'canary of one'],
      [two, 'canary of two'],
    ] as const)
      await harness.send('POST', 'cubbyhole/a', { token, body: { text } });
    const rows = await harness.memory.read((tx) => tx.scan({ from: 'x/y/s/', to: 'x/y/s0' }));
    expect(rows).toHaveLength(2);
    for (const { key, value } of rows) expect(key + new TextDecoder().decode(value)).not.toContain('canary');
    const [first, second] = rows;
    await harness.memory.write(async () => ({
      result: undefined,
      writes: [
        { kind: 'put', key: first!.key, value: second!.value },
        { kind: 'put', key: second!.key, value: first!.value },
        { kind: 'put', key: `${first!.key}/other`, value: first!.value },
      ],
    }));
    for (const token of [one, two]) {
      const { status, body } = await harness.send('GET', 'cubbyhole/a', { token });
      expect([status, body]).toEqual([500, expect.not.stringContaining('canary')]);
    }
  });
});

describe('with its token ends', () => {
  const fill = async (harness: Harness, token: string, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await harness.send('POST', `cubbyhole/${i}`, { token, body: { i } });
  };

  test.for([
    ['revoked by itself', async (harness: Harness, token: string) => harness.send('POST', 'auth/token/revoke-self', { token })],
    ['revoked by another', async (harness: Harness, token: string) => harness.send('POST', 'auth/token/revoke', { body: { token } })],
    [
      'revoked without its children',
      async (harness: Harness, token: string) => harness.send('POST', 'auth/token/revoke-orphan', { body: { token } }),
    ],
  ] as const)('its cubbyhole, in the same transaction: %s', ([, end]) =>
    fresh(async (harness) => {
      const token = await newToken(harness);
      await fill(harness, token, 3);
      harness.failWrite(1);
      expect((await end(harness, token)).status).toBe(503);
      expect(await cubbyholes(harness)).toBe(3);
      await end(harness, token);
      expect(await cubbyholes(harness)).toBe(0);
      expect(await harness.api.nextDue()).toBeUndefined();
    }),
  );

  test('the cubbyholes of the tokens below it', () =>
    fresh(async (harness) => {
      const parent = await newToken(harness, { policies: ['root'] });
      const child = await newToken(harness, {}, parent);
      const grandchild = await newToken(harness, {}, parent);
      for (const token of [parent, child, grandchild]) await fill(harness, token, 2);
      await harness.send('POST', 'auth/token/revoke', { body: { token: parent } });
      expect(await cubbyholes(harness)).toBe(0);
    }));

  test('its cubbyhole with its last use, which can still read it and writes nothing that stays', () =>
    fresh(async (harness) => {
      const reader = await newToken(harness, { num_uses: 2 });
      await fill(harness, reader, 1);
      expect((await harness.send('GET', 'cubbyhole/0', { token: reader })).json.data).toEqual({ i: 0 });
      expect(await cubbyholes(harness)).toBe(0);
      const writer = await newToken(harness, { num_uses: 2 });
      await fill(harness, writer, 2);
      expect(await cubbyholes(harness)).toBe(0);
    }));

  test('its cubbyhole when it has expired and is swept', () =>
    fresh(async (harness) => {
      const token = await newToken(harness, { ttl: '90s' });
      await fill(harness, token, 3);
      expect(await harness.api.nextDue()).toBe(harness.now + 120_000); // at the end of the minute
      harness.advance(90);
      expect((await harness.send('GET', 'cubbyhole/0', { token })).status).toBe(403);
      expect(await harness.api.housekeeping()).toEqual({ nextDue: harness.now + 30_000 });
      expect(await cubbyholes(harness)).toBe(3);
      harness.advance(30);
      expect(await harness.api.housekeeping()).toEqual({ nextDue: undefined });
      expect([await cubbyholes(harness), await recordsBelow(harness, 'x/t/')]).toEqual([0, 0]);
    }));

  test('a large cubbyhole too, whose records are removed later; a token of the same name has nothing to do with them', () =>
    fresh(async (harness) => {
      const id = 'an-id-of-my-own';
      const token = await newToken(harness, { id });
      expect(token).toBe(id);
      await fill(harness, token, 1);
      // 2,500 more, written below the interface, or this would take its time.
      const [key] = await harness.memory.read((tx) => tx.scanKeys({ from: 'x/y/s/', to: 'x/y/s0' }));
      const value = (await harness.memory.read((tx) => tx.get(key!)))!;
      const more = Array.from({ length: 2500 }, (_, i) => ({ kind: 'put' as const, key: `${key}/${i}`, value }));
      await harness.memory.write(async () => ({ result: undefined, writes: more }));

      const dues: number[] = [];
      const watched = new Harness({ store: harness.memory, onDue: (at) => dues.push(at), clock: () => harness.now });
      await watched.send('POST', 'auth/token/revoke', { body: { token } });
      expect(dues).toEqual([0]);
      expect(await cubbyholes(harness)).toBe(2501);
      expect(await problems(harness)).toEqual([]);
      expect(await newToken(harness, { id })).toBe(id);
      expect((await harness.send('LIST', 'cubbyhole', { token: id })).status).toBe(404);
      await harness.send('POST', 'cubbyhole/new', { token: id, body: { n: 1 } });
      await harness.api.housekeeping();
      expect((await harness.send('LIST', 'cubbyhole', { token: id })).json.data).toEqual({ keys: ['new'] });
      expect(await cubbyholes(harness)).toBe(1);
    }));
});

test('checkStore tells a cubbyhole without a token, one that is to be removed but has a token, and a list of nothing', async () => {
  const harness = new Harness();
  const token = await newToken(harness);
  await harness.send('POST', 'cubbyhole/a', { token, body: { n: 1 } });
  const [own] = await harness.memory.read((tx) => tx.scanKeys({ from: 'x/y/s/', to: 'x/y/s0' }));
  const accessor = own!.split('/')[3]!;
  const keys = ['x/y/s/nobody/a', `x/y/e/${accessor}`, 'x/y/e/nothing', 'x/y/odd', 'x/odd'];
  const value = new Uint8Array([1]);
  await harness.memory.write(async () => ({ result: undefined, writes: keys.map((key) => ({ kind: 'put', key, value })) }));
  const { problems: found } = await checkStore(harness.memory, { owners: apiOwners });
  expect(found.map(({ kind, key }) => `${kind} ${key}`).toSorted()).toEqual(
    [`inconsistent ${own}`, 'orphan x/odd', 'orphan x/y/e/nothing', 'orphan x/y/odd', 'orphan x/y/s/nobody/a'].toSorted(),
  );
  await harness.memory.write(async () => ({ result: undefined, writes: keys.map((key) => ({ kind: 'delete', key })) }));
});
