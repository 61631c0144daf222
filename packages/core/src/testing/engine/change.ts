import { rawJson } from '../../json-input.ts';
import type { JsonObject } from '../../json-text.ts';
import { deepEqual, equal, rejectsWith } from '../assert.ts';
import type { EngineCase } from './bench.ts';
import { HOUR, putVersions, refuses, rule, SECOND, START, untouched } from './bench.ts';

/** RFC 7396, with what Vault does to nulls: target, patch, result. */
const MERGES: readonly [target: string, patch: string, result: string][] = [
  ['{"a":1}', '{}', '{"a":1}'],
  ['{"a":1}', '{"b":2}', '{"a":1,"b":2}'],
  ['{"a":1,"b":2}', '{"a":null}', '{"b":2}'],
  ['{"a":1}', '{"x":null}', '{"a":1}'],
  ['{"a":{"b":1,"c":2}}', '{"a":{"c":null,"d":3}}', '{"a":{"b":1,"d":3}}'],
  ['{"a":[1,2]}', '{"a":[3]}', '{"a":[3]}'],
  ['{"a":{"b":1}}', '{"a":7}', '{"a":7}'],
  ['{"a":7}', '{"a":{"b":null,"c":{"d":null}}}', '{"a":{"c":{}}}'],
  ['{}', '{"new":{"x":null,"y":[null,{"z":null,"w":1}]}}', '{"new":{"y":[null,{"w":1}]}}'],
  ['null', '{"a":1}', '{"a":1}'],
  ['{"a":1}', 'null', 'null'],
  ['{"big":12345678901234567890,"f":1.0}', '{"more":1e400}', '{"big":12345678901234567890,"f":1.0,"more":1e400}'],
  ['{"b":1,"10":2,"a":3}', '{"10":4,"9":5}', '{"b":1,"10":4,"a":3,"9":5}'],
  ['{"__proto__":{"a":1}}', '{"__proto__":{"b":2}}', '{"__proto__":{"a":1,"b":2}}'],
];

export const changeCases: readonly EngineCase[] = [
  // Patch

  rule('patch merges into the current version and writes the result as a new one, exactly', async ({ secrets }) => {
    for (const [i, [target, patch, result]] of MERGES.entries()) {
      await secrets.put(`a${i}`, rawJson(target));
      equal((await secrets.patch(`a${i}`, rawJson(patch))).version, 2);
      equal((await secrets.get(`a${i}`))?.text, result, `${target} patched with ${patch}`);
      equal((await secrets.get(`a${i}`, { version: 1 }))?.text, target);
    }
  }),

  rule('patch of a secret without a version is refused with NOT_FOUND and writes nothing', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, () => refuses(secrets.patch('a', { b: 1 }), 'NOT_FOUND', {}, { path: 'a' }), 'a patch on an empty store');
    await secrets.putMetadata('bare', { maxVersions: 1 });
    await untouched(bench, async () => {
      await refuses(secrets.patch('bare', { b: 1 }), 'NOT_FOUND', {}, { path: 'bare' });
      await refuses(secrets.patch('a', { b: 1 }, { cas: 0 }), 'NOT_FOUND', {}, { path: 'a' });
    });
  }),

  rule('patch of a deleted, expired or destroyed current version is refused with its facts, also where an older one lives', async (bench) => {
    const { secrets, clock } = bench;
    const current = { version: 2, createdAt: START, deletionAt: undefined, destroyed: false };
    await secrets.putMetadata('expired', { deleteVersionAfterMs: HOUR });
    for (const path of ['deleted', 'destroyed', 'expired']) await putVersions(secrets, path, 2);
    clock.now += SECOND;
    await secrets.delete('deleted');
    await secrets.destroy('destroyed', [2]);
    clock.now += HOUR;
    await untouched(bench, async () => {
      await refuses(
        secrets.patch('deleted', {}),
        'NOT_LIVE',
        { current: { ...current, deletionAt: START + SECOND, state: 'deleted' } },
        { path: 'deleted' },
      );
      await refuses(secrets.patch('destroyed', {}), 'NOT_LIVE', { current: { ...current, destroyed: true, state: 'destroyed' } });
      await refuses(secrets.patch('expired', {}), 'NOT_LIVE', { current: { ...current, deletionAt: START + HOUR, state: 'deleted' } });
    });
  }),

  rule('patch checks cas before it looks whether the version lives', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 2);
    await untouched(bench, () =>
      refuses(secrets.patch('a', {}, { cas: 1 }), 'CAS_MISMATCH', { expectedVersion: 1, currentVersion: 2 }, { path: 'a' }),
    );
    equal((await secrets.patch('a', { more: 1 }, { cas: 2 })).version, 3);
    deepEqual((await secrets.get('a'))?.data, { n: 2, more: 1 });
    await secrets.delete('a');
    await refuses(secrets.patch('a', {}, { cas: 1 }), 'CAS_MISMATCH', { expectedVersion: 1, currentVersion: 3 });
    const read = (await secrets.get('a'))!;
    await secrets.undelete('a', [3]);
    equal((await secrets.patch('a', {}, { cas: read })).version, 4);
  }),

  rule('a patch whose result is too large or too deep is refused, and says so as a put would', async (bench) => {
    const secrets = bench.engine({ limits: { maxBytes: 50, maxDepth: 3 } });
    await secrets.put('a', { text: 'x'.repeat(20), deep: {} });
    await untouched(bench, async () => {
      await refuses(secrets.patch('a', { more: 'y'.repeat(20) }), 'VALUE_TOO_LARGE', { maxBytes: 50 }, { path: 'a' });
      await refuses(secrets.patch('a', { a: { b: { c: {} } } }), 'VALUE_TOO_DEEP', { maxDepth: 3, member: '$.a.b.c' }, { path: 'a' });
    });
  }),

  rule('patches at once are all applied', async ({ secrets }) => {
    await secrets.put('a', {});
    await Promise.all(Array.from({ length: 20 }, (_, i) => secrets.patch('a', { [`m${i}`]: i })));
    equal((await secrets.get('a'))?.version, 21);
    equal(Object.keys((await secrets.get('a'))!.data!).length, 20);
  }),

  // Update

  rule('update sees undefined where there is nothing live, else the data, and writes what the function answers', async ({ secrets }) => {
    const seen: unknown[] = [];
    const add = (data: JsonObject | null | undefined): { n: number } => {
      seen.push(data);
      return { n: Number(data?.['n'] ?? 0) + 1 };
    };
    equal((await secrets.update('a', add)).version, 1);
    equal((await secrets.update('a', async (data) => add(data))).version, 2);
    await secrets.delete('a');
    equal((await secrets.update('a', add)).version, 3);
    await secrets.destroy('a', [3]);
    equal((await secrets.update('a', add)).version, 4);
    await secrets.putMetadata('bare', { maxVersions: 1 });
    equal((await secrets.update('bare', add)).version, 1);
    deepEqual(seen, [undefined, { n: 1 }, undefined, undefined, undefined]);
    await secrets.put('a', null);
    await secrets.update('a', add);
    equal(seen.at(-1), null);
  }),

  rule('where check-and-set is demanded, an update needs none of the caller: it is one', async ({ secrets }) => {
    await secrets.putConfig({ casRequired: true });
    await secrets.putMetadata('b', { casRequired: true });
    for (const path of ['a', 'b']) {
      equal((await secrets.update(path, () => ({ n: 1 }))).version, 1);
      equal((await secrets.update(path, (data) => ({ ...data, more: 2 }))).version, 2);
      await refuses(secrets.put(path, {}), 'CAS_REQUIRED', { currentVersion: 2 }, { path });
    }
  }),

  rule('twenty updates at once in one engine are twenty increments', async ({ secrets }) => {
    let calls = 0;
    await Promise.all(
      Array.from({ length: 20 }, () =>
        secrets.update('a', (data) => {
          calls++;
          return { n: Number(data?.['n'] ?? 0) + 1 };
        }),
      ),
    );
    deepEqual((await secrets.get('a'))?.data, { n: 20 });
    equal(calls, 20, 'calls of the function: updates of one engine take turns');
  }),

  rule('twenty updates each of two engines on two handles of one database are forty increments', async ({ secrets, engine, openStore }) => {
    const other = engine({ store: await openStore() });
    const increment = (data: JsonObject | null | undefined): { n: number } => ({ n: Number(data?.['n'] ?? 0) + 1 });
    await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? secrets : other).update('a', increment)));
    deepEqual((await secrets.get('a'))?.data, { n: 40 });
    equal((await other.get('a'))?.version, 40);
  }),

  rule('updates of different secrets do not wait for one another', async ({ secrets }) => {
    let finish: (value: unknown) => void = () => undefined;
    const gate = new Promise((resolve) => (finish = resolve));
    const slow = secrets.update('slow', async () => {
      await gate;
      return { done: true };
    });
    equal((await secrets.update('quick', () => ({ done: true }))).version, 1);
    finish(undefined);
    equal((await slow).version, 1);
  }),

  rule('an update runs again where somebody else changed the secret meanwhile: put, delete, or metadata delete and a new secret', async (bench) => {
    const { secrets } = bench;
    const other = bench.engine();
    const meanwhile = async (change: () => Promise<unknown>): Promise<unknown[]> => {
      const seen: unknown[] = [];
      await secrets.update('a', async (data) => {
        seen.push(data);
        if (seen.length === 1) await change();
        return { made: 'of', what: data ?? null };
      });
      return seen;
    };
    await secrets.put('a', { n: 1 });
    deepEqual(await meanwhile(() => other.put('a', { n: 2 })), [{ n: 1 }, { n: 2 }]);
    await secrets.put('a', { n: 3 });
    deepEqual(await meanwhile(() => other.delete('a')), [{ n: 3 }, undefined]);
    await secrets.deleteMetadata('a');
    deepEqual(await meanwhile(() => other.put('a', { n: 1 })), [undefined, { n: 1 }]);
    await secrets.deleteMetadata('a');
    await secrets.put('a', { n: 'old' });
    const replaced = async (): Promise<void> => {
      await other.deleteMetadata('a');
      await other.put('a', { n: 'new' });
    };
    deepEqual(await meanwhile(replaced), [{ n: 'old' }, { n: 'new' }]);
    equal((await secrets.get('a'))?.version, 2);
  }),

  rule('a change of metadata or of an older version meanwhile does not disturb an update', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 2);
    let calls = 0;
    const { version } = await secrets.update('a', async () => {
      calls++;
      await bench.engine().putMetadata('a', { customMetadata: { owner: 'ada' } });
      await bench.engine().destroy('a', [1]);
      return { n: 3 };
    });
    equal(version, 3);
    equal(calls, 1);
  }),

  rule('an update that others keep overtaking gives up with CONFLICT after a bounded number of attempts', async (bench) => {
    const { secrets } = bench;
    let calls = 0;
    await refuses(
      secrets.update('a', async () => {
        calls++;
        await bench.engine().put('a', { by: 'somebody else' });
        return { by: 'me' };
      }),
      'CONFLICT',
      { attempts: 100 },
      { path: 'a' },
    );
    equal(calls, 100);
    deepEqual((await secrets.get('a'))?.data, { by: 'somebody else' });
  }),

  rule('an update whose function throws or rejects, or answers what is no value, writes nothing', async (bench) => {
    const { secrets } = bench;
    await secrets.put('a', { n: 1 });
    const reason = new Error('of the caller');
    await untouched(bench, async () => {
      await rejectsWith(
        secrets.update('a', () => {
          throw reason;
        }),
        reason,
      );
      await rejectsWith(
        secrets.update('a', async () => Promise.reject(reason)),
        reason,
      );
      await refuses(
        secrets.update('a', () => ({ at: NaN })),
        'INVALID_VALUE',
        { member: '$.at', problem: "NaN can't be stored as JSON" },
        { path: 'a' },
      );
    });
    equal((await secrets.update('a', () => ({ n: 2 }))).version, 2, 'the next one in the queue');
  }),
];
