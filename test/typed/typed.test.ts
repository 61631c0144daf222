import { aesGcmSealer, isSealKvError, SecretEngine } from '@sealkv/core';
import { memoryStore } from '@sealkv/core/memory';
import type { StandardSchema } from '@sealkv/core/typed';
import { typed } from '@sealkv/core/typed';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const engine = (): SecretEngine => new SecretEngine({ store: memoryStore(), sealer: aesGcmSealer(new Uint8Array(32)) });

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.then(
    () => 'nothing was refused',
    (reason: unknown) => reason,
  );
  if (!isSealKvError(error, 'SCHEMA_MISMATCH')) throw error;
  return { path: error.path, issues: error.issues };
}

// The same shape in two libraries: what counts is what they have in common.
const schemas = {
  zod: z.object({ user: z.string(), port: z.number().default(5432), hosts: z.array(z.object({ name: z.string() })).optional() }),
  valibot: v.object({ user: v.string(), port: v.optional(v.number(), 5432), hosts: v.optional(v.array(v.object({ name: v.string() }))) }),
};

describe.for(Object.entries(schemas))('a secret typed by %s', ([, schema]) => {
  test('is checked when written, stored as given, and read as the schema makes it', async () => {
    const secrets = engine();
    const login = typed(secrets, 'app/login', schema);
    expect(await login.get()).toBeUndefined();
    expect(await login.put({ user: 'ada' })).toMatchObject({ version: 1 });
    expect(await login.get()).toMatchObject({ version: 1, state: 'live', data: { user: 'ada', port: 5432 }, text: '{"user":"ada"}' });
  });

  test('refuses what does not fit, says where, and writes nothing', async () => {
    const secrets = engine();
    const login = typed(secrets, 'app/login', schema);
    // @ts-expect-error -- does not compile either
    expect(await refusal(login.put({ user: 'ada', hosts: [{ name: 'a' }, { name: 7 }] }))).toEqual({
      path: 'app/login',
      issues: [{ member: '$.hosts[1].name', problem: expect.stringContaining('string') }],
    });
    expect(await secrets.get('app/login')).toBeUndefined();
  });

  test('refuses to read what was stored otherwise, which the engine still shows', async () => {
    const secrets = engine();
    await secrets.put('app/login', { user: 1815 });
    const login = typed(secrets, 'app/login', schema);
    expect(await refusal(login.get())).toEqual({ path: 'app/login', issues: [{ member: '$.user', problem: expect.any(String) }] });
    expect(await refusal(login.update(() => ({ user: 'ada' })))).toMatchObject({ path: 'app/login' });
    expect((await secrets.get('app/login'))?.text).toBe('{"user":1815}');
  });

  test('is updated from what the schema reads to what the schema takes', async () => {
    const secrets = engine();
    const login = typed(secrets, 'app/login', schema);
    await login.update((data) => ({ user: data?.user ?? 'nobody yet' }));
    await login.update((data) => ({ user: data!.user, port: data!.port + 1 }));
    expect((await login.get())?.data).toEqual({ user: 'nobody yet', port: 5433 });
    // @ts-expect-error -- a port is a number
    await refusal(login.update((data) => ({ user: data!.user, port: 'none' })));
    expect(await login.get()).toMatchObject({ version: 2 });
  });
});

test('all secrets below a folder can be of one type', async () => {
  const secrets = engine();
  const users = typed(secrets, 'users/', schemas.zod);
  await users.put('ada', { user: 'ada' }, { cas: 0 });
  await users.update('team/bob', () => ({ user: 'bob', port: 1 }));
  expect((await users.get('ada'))?.data?.port).toBe(5432);
  expect((await secrets.get('users/team/bob'))?.data).toEqual({ user: 'bob', port: 1 });
  await expect(users.put('ada', { user: 'eve' }, { cas: 0 })).rejects.toSatisfy((error) => isSealKvError(error, 'CAS_MISMATCH'));
  // @ts-expect-error -- does not compile either
  expect(await refusal(users.put('eve', { user: null }))).toMatchObject({ path: 'users/eve' });
  expect(await users.get('eve')).toBeUndefined();
});

test('a version that is not live has no data to check', async () => {
  const secrets = engine();
  const login = typed(secrets, 'app/login', schemas.zod);
  await login.put({ user: 'ada' });
  await login.put({ user: 'bob' });
  await secrets.delete('app/login');
  expect(await login.get()).toMatchObject({ state: 'deleted', data: undefined });
  expect(await login.get({ version: 1 })).toMatchObject({ state: 'live', data: { user: 'ada', port: 5432 } });
  await login.update((data) => {
    expect(data).toBeUndefined();
    return { user: 'carol' };
  });
  expect(await login.get()).toMatchObject({ version: 3, data: { user: 'carol' } });
});

test('null, asynchronous schemas and ones that make other types are read as the schema says', async () => {
  const secrets = engine();
  const due = typed(secrets, 'due', z.object({ on: z.string().transform(async (text) => new Date(text)) }).nullable());
  await due.put(null);
  expect((await due.get())?.data).toBeNull();
  await due.put({ on: '2026-11-25T00:00:00Z' });
  expect((await due.get())?.data).toEqual({ on: new Date('2026-11-25T00:00:00Z') });
  await due.update((data) => ({ on: new Date(data!.on.getTime() + 1000).toISOString() }));
  expect((await secrets.get('due'))?.text).toBe('{"on":"2026-11-25T00:00:01.000Z"}');
});

test("a schema's own problems are told as they are, and the message quotes no value", async () => {
  const secrets = engine();
  const boom = new Error('schema broken');
  const broken: StandardSchema<{ a: string }> = { '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(boom) } };
  await expect(typed(secrets, 'a', broken).put({ a: 'x' })).rejects.toBe(boom);

  const quoting: StandardSchema<{ a: string }> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => ({ issues: [{ message: JSON.stringify(value), path: [{ key: 'a' }, Symbol('s'), 0] }] }),
    },
  };
  const error: unknown = await typed(secrets, 'a', quoting)
    .put({ a: 'hunter2' })
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'SCHEMA_MISMATCH', issues: [{ member: '$.a.Symbol(s)[0]', problem: '{"a":"hunter2"}' }] });
  expect(String(error)).not.toContain('hunter2');
});
