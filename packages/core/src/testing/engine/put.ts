import { rawJson } from '../../json-input.ts';
import type { JsonObject } from '../../json-text.ts';
import { plaintextSealer } from '../../sealer.ts';
import { deepEqual, equal } from '../assert.ts';
import type { EngineCase } from './bench.ts';
import { date, HOUR, putVersions, refuses, rule, SECOND, START, untouched } from './bench.ts';

export const putCases: readonly EngineCase[] = [
  rule('put writes version 1, then 2; get reads the current one, or the one asked for', async ({ secrets }) => {
    equal((await secrets.put('app/login', { user: 'ada' })).version, 1);
    equal((await secrets.put('app/login', { user: 'bob', pin: 1815 })).version, 2);
    deepEqual((await secrets.get('app/login'))?.data, { user: 'bob', pin: 1815 });
    deepEqual((await secrets.get('app/login', { version: 1 }))?.data, { user: 'ada' });
    equal((await secrets.get('app/login', { version: 1 }))?.version, 1);
    deepEqual((await secrets.get('app/login', { version: 2 }))?.data, { user: 'bob', pin: 1815 });
  }),

  rule('get of what is not there is undefined: no mount, no secret, no version, a version not yet written', async ({ secrets }) => {
    equal(await secrets.get('a'), undefined);
    await secrets.put('other', {});
    equal(await secrets.get('a'), undefined);
    equal(await secrets.get('other/a'), undefined);
    equal(await secrets.get('other', { version: 2 }), undefined);
    await secrets.putMetadata('bare', { maxVersions: 3 });
    equal(await secrets.get('bare'), undefined);
    equal(await secrets.get('bare', { version: 1 }), undefined);
  }),

  rule('a version of 0 or less asks for the current one; one that is not a whole number is refused', async ({ secrets }) => {
    await putVersions(secrets, 'a', 3);
    for (const version of [0, -1, -7]) equal((await secrets.get('a', { version }))?.version, 3);
    const problem = 'it must be a whole number';
    for (const version of [1.5, NaN, Infinity])
      await refuses(secrets.get('a', { version }), 'INVALID_OPTION', { field: 'version', problem }, { path: 'a' });
  }),

  rule('the answer to a put tells the version, its time, the incarnation and the custom metadata', async ({ secrets, clock }) => {
    const first = await secrets.put('a', { n: 1 });
    deepEqual(first, {
      version: 1,
      state: 'live',
      createdAt: date(START),
      deletionAt: undefined,
      destroyed: false,
      incarnation: first.incarnation,
      customMetadata: undefined,
    });
    equal(/^[0-9a-v]{26}$/.test(first.incarnation), true, 'an incarnation of 26 characters');
    await secrets.putMetadata('a', { customMetadata: { owner: 'ada' }, deleteVersionAfterMs: HOUR });
    clock.now += SECOND;
    deepEqual(await secrets.put('a', { n: 2 }), {
      version: 2,
      state: 'live',
      createdAt: date(START + SECOND),
      deletionAt: date(START + SECOND + HOUR),
      destroyed: false,
      incarnation: first.incarnation,
      customMetadata: { owner: 'ada' },
    });
  }),

  rule('get tells the facts of the version read and the custom metadata of today', async ({ secrets, clock }) => {
    const { incarnation } = await secrets.put('a', { n: 1 });
    clock.now += SECOND;
    await secrets.put('a', { n: 2 });
    await secrets.putMetadata('a', { customMetadata: { owner: 'ada' } });
    deepEqual(await secrets.get('a', { version: 1 }), {
      version: 1,
      state: 'live',
      createdAt: date(START),
      deletionAt: undefined,
      destroyed: false,
      data: { n: 1 },
      text: '{"n":1}',
      incarnation,
      customMetadata: { owner: 'ada' },
    });
  }),

  rule('null and the empty object are values; a member named text is an ordinary one', async ({ secrets }) => {
    const values: (JsonObject | null)[] = [null, {}, { text: '{"a":1}' }];
    for (const data of values) {
      await secrets.put('a', data);
      deepEqual((await secrets.get('a'))?.data, data);
      equal((await secrets.get('a'))?.text, JSON.stringify(data));
    }
  }),

  rule('what the caller does to an object after put does not change what is stored', async ({ secrets }) => {
    const data = { list: [1, 2], inner: { a: 1 } };
    const written = secrets.put('a', data);
    data.list.push(3);
    data.inner.a = 2;
    await written;
    deepEqual((await secrets.get('a'))?.data, { list: [1, 2], inner: { a: 1 } });
  }),

  rule('values are not in the store in the clear, and no record tells a value under another sealer than plaintext', async (bench) => {
    const marker = 'correct-horse-battery-staple';
    const found = async (): Promise<boolean> =>
      (await bench.records()).some(({ value }) =>
        Array.from(value, (byte) => String.fromCharCode(byte))
          .join('')
          .includes(marker),
      );
    await bench.secrets.put('a', { [marker]: marker });
    await bench.secrets.putMetadata('a', { customMetadata: { [marker]: marker } });
    equal(await found(), false, 'the value can be found in the store');
    await bench.engine({ mount: 'plain', sealer: plaintextSealer() }).put('a', { [marker]: marker });
    equal(await found(), true, 'the search finds what is not sealed');
  }),

  // Check-and-set

  rule('cas lets a write through only on the current version; else it is refused with both numbers and nothing is written', async (bench) => {
    const { secrets } = bench;
    await putVersions(secrets, 'a', 2);
    await untouched(bench, async () => {
      for (const cas of [0, 1, 3, -1, 2.5, NaN])
        await refuses(secrets.put('a', {}, { cas }), 'CAS_MISMATCH', { expectedVersion: cas, currentVersion: 2 }, { path: 'a' });
    });
    equal((await secrets.put('a', {}, { cas: 2 })).version, 3);
    await refuses(secrets.put('a', {}, { cas: 2 }), 'CAS_MISMATCH', { expectedVersion: 2, currentVersion: 3 });
  }),

  rule('cas 0 means that no version was ever written: no mount, no secret, or metadata alone', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, () => refuses(secrets.put('a', {}, { cas: 1 }), 'CAS_MISMATCH', { expectedVersion: 1, currentVersion: 0 }));
    equal((await secrets.put('a', {}, { cas: 0 })).version, 1);
    equal((await secrets.put('b', {}, { cas: 0 })).version, 1);
    await secrets.putMetadata('c', { maxVersions: 1 });
    equal((await secrets.put('c', {}, { cas: 0 })).version, 1);
    await secrets.put('c', {}, { cas: 1 });
    await refuses(secrets.put('c', {}, { cas: 0 }), 'CAS_MISMATCH', { expectedVersion: 0, currentVersion: 2 });
  }),

  rule('a deleted, expired or destroyed current version still counts for cas', async ({ secrets, clock }) => {
    await putVersions(secrets, 'deleted', 2);
    await secrets.delete('deleted');
    await putVersions(secrets, 'destroyed', 2);
    await secrets.destroy('destroyed', [2]);
    await secrets.putMetadata('expired', { deleteVersionAfterMs: SECOND });
    await putVersions(secrets, 'expired', 2);
    clock.now += HOUR;
    for (const path of ['deleted', 'destroyed', 'expired']) {
      equal((await secrets.get(path))?.data, undefined);
      await refuses(secrets.put(path, {}, { cas: 0 }), 'CAS_MISMATCH', { expectedVersion: 0, currentVersion: 2 }, { path });
      await refuses(secrets.put(path, {}, { cas: 1 }), 'CAS_MISMATCH', { expectedVersion: 1, currentVersion: 2 }, { path });
      equal((await secrets.put(path, {}, { cas: 2 })).version, 3);
    }
  }),

  rule('the message of a refusal says where, what was expected and what was met, and no name of a member', async ({ secrets }) => {
    await secrets.put('a', {});
    const messageOf = async (refused: Promise<unknown>): Promise<string> => refused.then(String, (error: Error) => error.message);
    equal(await messageOf(secrets.put('a', {}, { cas: 2 })), 'CAS_MISMATCH: path a, expectedVersion 2, currentVersion 1');
    equal(await messageOf(secrets.patch('b', {})), 'NOT_FOUND: path b');
    equal((await messageOf(secrets.put('a', rawJson('{"hunter2":1,"hunter2":2}')))).includes('hunter2'), false);
  }),

  rule(
    'numbering starts again after metadata delete: a number alone matches the new secret, a version with its incarnation does not',
    async (bench) => {
      const { secrets } = bench;
      const old = await secrets.put('a', { n: 1 });
      await secrets.deleteMetadata('a');
      const fresh = await secrets.put('a', { n: 1 }, { cas: 0 });
      equal(fresh.version, 1);
      equal(fresh.incarnation === old.incarnation, false, 'the new secret has the incarnation of the old one');
      await untouched(bench, () => refuses(secrets.put('a', {}, { cas: old }), 'CAS_MISMATCH', { expectedVersion: 1, currentVersion: 1 }));
      equal((await secrets.put('a', {}, { cas: { version: 1, incarnation: fresh.incarnation } })).version, 2);
      equal((await secrets.put('a', {}, { cas: 2 })).version, 3, 'the number alone');
    },
  ),

  rule('a secret as read serves as cas; one that is not there any more, or has moved on, does not match', async ({ secrets }) => {
    await secrets.put('a', { n: 1 });
    const read = (await secrets.get('a'))!;
    equal((await secrets.put('a', {}, { cas: read })).version, 2);
    await refuses(secrets.put('a', {}, { cas: read }), 'CAS_MISMATCH', { expectedVersion: 1, currentVersion: 2 });
    const now = (await secrets.get('a'))!;
    await secrets.deleteMetadata('a');
    await refuses(secrets.put('a', {}, { cas: now }), 'CAS_MISMATCH', { expectedVersion: 2, currentVersion: 0 });
    await refuses(secrets.put('a', {}, { cas: { version: 0, incarnation: now.incarnation } }), 'CAS_MISMATCH', {
      expectedVersion: 0,
      currentVersion: 0,
    });
  }),

  rule('where the mount demands check-and-set a put without it is refused, also the first one', async (bench) => {
    const { secrets } = bench;
    await secrets.put('old', {});
    await secrets.putConfig({ casRequired: true });
    await untouched(bench, async () => {
      await refuses(secrets.put('old', {}), 'CAS_REQUIRED', { currentVersion: 1 }, { path: 'old' });
      await refuses(secrets.put('new', {}), 'CAS_REQUIRED', { currentVersion: 0 }, { path: 'new' });
      await refuses(secrets.patch('old', {}), 'CAS_REQUIRED', { currentVersion: 1 }, { path: 'old' });
      await refuses(secrets.put('old', {}, { cas: 0 }), 'CAS_MISMATCH', { expectedVersion: 0, currentVersion: 1 });
    });
    equal((await secrets.put('old', {}, { cas: 1 })).version, 2);
    equal((await secrets.put('new', {}, { cas: 0 })).version, 1);
    await secrets.putConfig({ casRequired: false });
    equal((await secrets.put('old', {})).version, 3);
  }),

  rule('where the secret demands check-and-set only its own puts need it; its false does not relax the mount', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('a', { casRequired: true });
    await untouched(bench, () => refuses(secrets.put('a', {}), 'CAS_REQUIRED', { currentVersion: 0 }, { path: 'a' }));
    equal((await secrets.put('a', {}, { cas: 0 })).version, 1);
    equal((await secrets.put('b', {})).version, 1);
    await secrets.putConfig({ casRequired: true });
    await secrets.putMetadata('a', { casRequired: false });
    await refuses(secrets.put('a', {}), 'CAS_REQUIRED', { currentVersion: 1 }, { path: 'a' });
    await secrets.putConfig({ casRequired: false });
    equal((await secrets.put('a', {})).version, 2);
  }),

  rule('of twenty puts at once with the same cas one wins', async ({ secrets }) => {
    await secrets.put('a', {});
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => secrets.put('a', { n }, { cas: 1 })));
    equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1, 'winners');
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') await refuses(Promise.reject(outcome.reason), 'CAS_MISMATCH', { expectedVersion: 1, currentVersion: 2 });
    equal((await secrets.get('a'))?.version, 2);
  }),

  rule('puts at once without cas each get a version of their own', async ({ secrets }) => {
    const written = await Promise.all(Array.from({ length: 20 }, (_, n) => secrets.put('a', { n })));
    deepEqual(
      written.map(({ version }) => version).sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    for (const [n, { version }] of written.entries()) {
      const read = await secrets.get('a', { version });
      if (read !== undefined) deepEqual(read.data, { n });
    }
  }),
];
