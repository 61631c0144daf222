import type { CustomMetadataProblem } from '../../errors.ts';
import type { CustomMetadata } from '../../kv2/custom-metadata.ts';
import { MAX_PERIOD_MS } from '../../kv2/settings.ts';
import { deepEqual, equal, rejects } from '../assert.ts';
import type { EngineCase } from './bench.ts';
import { date, HOUR, putVersions, refuses, rule, SECOND, START, untouched, versionsOf } from './bench.ts';

const EURO = '€'; // three bytes of UTF-8

/** Custom metadata that Vault refuses, and what it says about them. */
const UNUSABLE: readonly [CustomMetadata, readonly CustomMetadataProblem[]][] = [
  [{ '': 'v' }, [{ kind: 'key-length', key: '', bytes: 0 }]],
  [{ ['k'.repeat(129)]: 'v' }, [{ kind: 'key-length', key: 'k'.repeat(129), bytes: 129 }]],
  [{ [EURO.repeat(43)]: 'v' }, [{ kind: 'key-length', key: EURO.repeat(43), bytes: 129 }]],
  [{ k: '' }, [{ kind: 'value-length', key: 'k', bytes: 0 }]],
  [{ k: 'v'.repeat(513) }, [{ kind: 'value-length', key: 'k', bytes: 513 }]],
  [{ k: EURO.repeat(171) }, [{ kind: 'value-length', key: 'k', bytes: 513 }]],
  [{ 'a\tb': 'v' }, [{ kind: 'key-unprintable', key: 'a\tb' }]],
  [{ 'a\0': 'v' }, [{ kind: 'key-unprintable', key: 'a\0' }]],
  [{ k: 'two\nlines' }, [{ kind: 'value-unprintable', key: 'k' }]],
  [{ k: 'nbsp\u00a0' }, [{ kind: 'value-unprintable', key: 'k' }]],
  [{ k: '\u200b' }, [{ kind: 'value-unprintable', key: 'k' }]],
  [{ k: '\ud800' }, [{ kind: 'value-unprintable', key: 'k' }]],
  [
    { fine: 'v', '\x7f': '' },
    [
      { kind: 'value-length', key: '\x7f', bytes: 0 },
      { kind: 'key-unprintable', key: '\x7f' },
    ],
  ],
  [
    { a: '', b: '' },
    [
      { kind: 'value-length', key: 'a', bytes: 0 },
      { kind: 'value-length', key: 'b', bytes: 0 },
    ],
  ],
  // Too many is told alone, whatever else is wrong.
  [manyKeys(65, ''), [{ kind: 'too-many-keys', keys: 65 }]],
];

function manyKeys(count: number, value = 'v', first = 0): CustomMetadata {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${first + i}`, value]));
}

export const metadataCases: readonly EngineCase[] = [
  // Read and put

  rule('metadata put makes the secret, without a version, and get still finds none', async ({ secrets, clock }) => {
    equal(await secrets.getMetadata('a'), undefined);
    deepEqual(await secrets.putMetadata('a', { maxVersions: 3 }), { ignoredSettings: [] });
    const metadata = (await secrets.getMetadata('a'))!;
    deepEqual(metadata, {
      incarnation: metadata.incarnation,
      createdAt: date(START),
      updatedAt: date(START),
      currentVersion: 0,
      oldestVersion: 0,
      metadataVersion: 1,
      maxVersions: 3,
      casRequired: false,
      metadataCasRequired: false,
      deleteVersionAfterMs: 0,
      versions: new Map(),
      customMetadata: undefined,
    });
    deepEqual(await secrets.list(), ['a']);
    clock.now += SECOND;
    equal((await secrets.put('a', {})).incarnation, metadata.incarnation);
  }),

  rule('metadata tell settings, times and every version with its state', async ({ secrets, clock }) => {
    const { incarnation } = await secrets.put('a', { n: 1 });
    clock.now += SECOND;
    await secrets.put('a', { n: 2 });
    await secrets.delete('a');
    clock.now += SECOND;
    await secrets.destroy('a', [1]);
    clock.now += SECOND;
    await secrets.putMetadata('a', {
      maxVersions: 5,
      casRequired: true,
      metadataCasRequired: true,
      deleteVersionAfterMs: HOUR,
      customMetadata: { b: '2', a: '1' },
    });
    const metadata = await secrets.getMetadata('a');
    const version = { deletionAt: undefined, destroyed: false };
    deepEqual(metadata, {
      incarnation,
      createdAt: date(START),
      updatedAt: date(START + 3 * SECOND),
      currentVersion: 2,
      oldestVersion: 0,
      metadataVersion: 1,
      maxVersions: 5,
      casRequired: true,
      metadataCasRequired: true,
      deleteVersionAfterMs: HOUR,
      versions: new Map([
        [1, { ...version, version: 1, state: 'destroyed', createdAt: date(START), destroyed: true }],
        [2, { ...version, version: 2, state: 'deleted', createdAt: date(START + SECOND), deletionAt: date(START + SECOND) }],
      ]),
      customMetadata: { a: '1', b: '2' },
    });
    deepEqual(Object.keys(metadata!.customMetadata!), ['b', 'a'], 'the order of custom metadata');
  }),

  rule('versions come oldest first, over all pages', async ({ secrets }) => {
    await secrets.putMetadata('a', { maxVersions: 300 });
    await putVersions(secrets, 'a', 140);
    deepEqual(
      await versionsOf(secrets, 'a'),
      Array.from({ length: 140 }, (_, i) => i + 1),
    );
  }),

  rule('metadata put changes what is given and keeps the rest; custom metadata are replaced whole', async ({ secrets }) => {
    await secrets.putMetadata('a', { maxVersions: 5, casRequired: true, customMetadata: { a: '1', b: '2' } });
    await secrets.putMetadata('a', { deleteVersionAfterMs: HOUR, maxVersions: undefined });
    await secrets.putMetadata('a', { customMetadata: { c: '3' } });
    const { maxVersions, casRequired, deleteVersionAfterMs, customMetadata, metadataVersion } = (await secrets.getMetadata('a'))!;
    deepEqual(
      { maxVersions, casRequired, deleteVersionAfterMs, customMetadata, metadataVersion },
      { maxVersions: 5, casRequired: true, deleteVersionAfterMs: HOUR, customMetadata: { c: '3' }, metadataVersion: 3 },
    );
  }),

  rule('custom metadata are cleared by null and by {}', async ({ secrets }) => {
    for (const nothing of [null, {}]) {
      await secrets.putMetadata('a', { customMetadata: { a: '1' } });
      await secrets.putMetadata('a', { customMetadata: nothing });
      equal((await secrets.getMetadata('a'))?.customMetadata, undefined);
    }
    equal((await secrets.getMetadata('a'))?.metadataVersion, 4);
  }),

  rule('a metadata put with nothing in it does nothing: no secret is made, no check-and-set is looked at', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, () => secrets.putMetadata('a', {}), 'the first call on an empty store');
    await secrets.put('a', {});
    await untouched(bench, async () => {
      deepEqual(await secrets.putMetadata('a', {}, { metadataCas: 77 }), { ignoredSettings: [] });
      deepEqual(await secrets.putMetadata('new', { maxVersions: undefined, customMetadata: undefined }), { ignoredSettings: [] });
      deepEqual(await secrets.patchMetadata('new', {}), { ignoredSettings: [] });
    });
  }),

  rule('metadata as read can be put back or put elsewhere: only settings and custom metadata count', async ({ secrets }) => {
    await secrets.putMetadata('a', { maxVersions: 5, customMetadata: { owner: 'ada' } });
    await putVersions(secrets, 'a', 3);
    const read = (await secrets.getMetadata('a'))!;
    await secrets.put('a', { n: 4 });
    await secrets.putMetadata('a', { ...read, maxVersions: 6 });
    await secrets.putMetadata('b', { ...read });
    await secrets.patchMetadata('b', { ...read, maxVersions: 7 });
    deepEqual((await secrets.get('a'))?.data, { n: 4 });
    deepEqual(await versionsOf(secrets, 'a'), [1, 2, 3, 4]);
    const b = (await secrets.getMetadata('b'))!;
    equal(b.incarnation === read.incarnation, false, 'the incarnation was taken over');
    deepEqual([b.currentVersion, b.maxVersions, b.customMetadata], [0, 7, { owner: 'ada' }]);
    await secrets.putConfig({ ...read, deleteVersionAfterMs: 0 } as object);
    deepEqual(Object.keys(await secrets.getConfig()).sort(), ['casRequired', 'deleteVersionAfterMs', 'maxVersions', 'metadataCasRequired']);
  }),

  rule('numbers out of range are refused by name and write nothing', async (bench) => {
    const { secrets } = bench;
    await secrets.put('a', {});
    await untouched(bench, async () => {
      const whole = (max: number): string => `it must be a whole number from 0 to ${max}`;
      for (const maxVersions of [-1, 1.5, NaN, 2 ** 32]) {
        const details = { field: 'maxVersions', problem: whole(0xffff_ffff) };
        await refuses(secrets.putMetadata('a', { maxVersions }), 'INVALID_OPTION', details);
        await refuses(secrets.patchMetadata('a', { maxVersions }), 'INVALID_OPTION', details);
        await refuses(secrets.putConfig({ maxVersions }), 'INVALID_OPTION', details);
      }
      for (const deleteVersionAfterMs of [-1, 0.5, MAX_PERIOD_MS + 1, Infinity]) {
        const details = { field: 'deleteVersionAfterMs', problem: whole(MAX_PERIOD_MS) };
        await refuses(secrets.putMetadata('a', { deleteVersionAfterMs }), 'INVALID_OPTION', details);
        await refuses(secrets.patchMetadata('a', { deleteVersionAfterMs }), 'INVALID_OPTION', details);
        await refuses(secrets.putConfig({ deleteVersionAfterMs }), 'INVALID_OPTION', details);
      }
    });
    await secrets.putMetadata('a', { maxVersions: 0xffff_ffff, deleteVersionAfterMs: MAX_PERIOD_MS });
    equal((await secrets.getMetadata('a'))?.maxVersions, 0xffff_ffff);
    deepEqual((await secrets.put('a', {})).deletionAt, date(START + MAX_PERIOD_MS));
  }),

  rule('settings and custom metadata of another type are refused, where no compiler did so; nothing is written', async (bench) => {
    const { secrets } = bench;
    await secrets.put('a', {});
    await untouched(bench, async () => {
      for (const field of ['casRequired', 'metadataCasRequired']) {
        const details = { field, problem: 'it must be true or false' };
        await refuses(secrets.putMetadata('a', { [field]: 'false' }), 'INVALID_OPTION', details);
        await refuses(secrets.patchMetadata('a', { [field]: 0 }), 'INVALID_OPTION', details);
        await refuses(secrets.putConfig({ [field]: 1 }), 'INVALID_OPTION', details);
      }
      const details = { field: 'deleteVersionAfterMs', problem: `it must be a whole number from 0 to ${MAX_PERIOD_MS}` };
      await refuses(secrets.putMetadata('a', { deleteVersionAfterMs: 'disabled' } as object), 'INVALID_OPTION', details);
      for (const customMetadata of [{ n: 5 }, { n: undefined }, { n: ['x'] }, ['x'], 'owner']) {
        const error = await rejects(secrets.putMetadata('a', { customMetadata } as object));
        equal(error instanceof TypeError, true, 'a TypeError');
      }
    });
  }),

  rule('a setting that the mount overrules is stored and named as ignored', async ({ secrets }) => {
    await secrets.putConfig({ casRequired: true });
    deepEqual(await secrets.putMetadata('a', { casRequired: false, metadataCasRequired: false }), { ignoredSettings: ['casRequired'] });
    deepEqual(await secrets.putMetadata('a', { casRequired: true }), { ignoredSettings: [] });
    await secrets.putConfig({ metadataCasRequired: true });
    deepEqual(await secrets.putMetadata('a', { casRequired: false, metadataCasRequired: false }, { metadataCas: 2 }), {
      ignoredSettings: ['casRequired', 'metadataCasRequired'],
    });
    deepEqual(await secrets.patchMetadata('a', { metadataCasRequired: false }, { metadataCas: 3 }), { ignoredSettings: ['metadataCasRequired'] });
    equal((await secrets.getMetadata('a'))?.casRequired, false);
    await secrets.putConfig({ casRequired: false, metadataCasRequired: false });
    equal((await secrets.put('a', {})).version, 1);
  }),

  // Metadata check-and-set

  rule(
    'the metadata version is 0 for a secret made by put, 1 for one made by metadata put, and counts metadata writes alone',
    async ({ secrets }) => {
      const version = async (path: string): Promise<number | undefined> => (await secrets.getMetadata(path))?.metadataVersion;
      await secrets.put('data', {});
      equal(await version('data'), 0);
      await secrets.putMetadata('meta', { maxVersions: 2 });
      equal(await version('meta'), 1);
      await secrets.put('meta', {});
      await secrets.delete('meta');
      await secrets.destroy('meta', [1]);
      equal(await version('meta'), 1);
      await secrets.putMetadata('meta', { maxVersions: 2 });
      equal(await version('meta'), 2);
      await secrets.patchMetadata('meta', { customMetadata: { a: '1' } });
      equal(await version('meta'), 3);
    },
  ),

  rule('metadataCas lets a metadata write through only on the current metadata version', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, async () => {
      const details = { expectedVersion: 1, currentVersion: undefined };
      await refuses(secrets.putMetadata('a', { maxVersions: 1 }, { metadataCas: 1 }), 'METADATA_CAS_MISMATCH', details, { path: 'a' });
    });
    await secrets.putMetadata('a', { maxVersions: 1 }, { metadataCas: 0 });
    await untouched(bench, async () => {
      const details = { expectedVersion: 0, currentVersion: 1 };
      await refuses(secrets.putMetadata('a', { maxVersions: 2 }, { metadataCas: 0 }), 'METADATA_CAS_MISMATCH', details, { path: 'a' });
      await refuses(secrets.patchMetadata('a', { maxVersions: 2 }, { metadataCas: 0 }), 'METADATA_CAS_MISMATCH', details, { path: 'a' });
    });
    await secrets.putMetadata('a', { maxVersions: 2 }, { metadataCas: 1 });
    await secrets.patchMetadata('a', { maxVersions: 3 }, { metadataCas: 2 });
    equal((await secrets.getMetadata('a'))?.metadataVersion, 3);
    await secrets.put('b', {});
    await secrets.putMetadata('b', { maxVersions: 2 }, { metadataCas: 0 });
    equal((await secrets.getMetadata('b'))?.metadataVersion, 1);
  }),

  rule('where mount or secret demands metadata check-and-set, a metadata write without it is refused; data are not concerned', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('own', { metadataCasRequired: true });
    const required = (currentVersion: number | undefined) => [{ currentVersion }] as const;
    await untouched(bench, async () => {
      await refuses(secrets.putMetadata('own', { maxVersions: 1 }), 'METADATA_CAS_REQUIRED', ...required(1), { path: 'own' });
      await refuses(secrets.patchMetadata('own', { maxVersions: 1 }), 'METADATA_CAS_REQUIRED', ...required(1), { path: 'own' });
    });
    await secrets.put('own', {});
    await secrets.putMetadata('other', { maxVersions: 1 });
    await secrets.putConfig({ metadataCasRequired: true });
    await untouched(bench, async () => {
      await refuses(secrets.putMetadata('other', { maxVersions: 1 }), 'METADATA_CAS_REQUIRED', ...required(1), { path: 'other' });
      await refuses(secrets.putMetadata('new', { maxVersions: 1 }), 'METADATA_CAS_REQUIRED', ...required(undefined), { path: 'new' });
    });
    await secrets.putMetadata('new', { maxVersions: 1 }, { metadataCas: 0 });
    await secrets.putMetadata('own', { metadataCasRequired: false }, { metadataCas: 1 });
    await secrets.deleteMetadata('own');
    equal(await secrets.getMetadata('own'), undefined);
  }),

  // Custom metadata

  rule('custom metadata are refused beyond their limits, with every problem told', async (bench) => {
    const { secrets } = bench;
    await secrets.put('a', {});
    await untouched(bench, async () => {
      for (const [customMetadata, problems] of UNUSABLE) {
        await refuses(secrets.putMetadata('a', { customMetadata }), 'INVALID_CUSTOM_METADATA', { problems }, { path: 'a' });
        await refuses(secrets.patchMetadata('a', { customMetadata }), 'INVALID_CUSTOM_METADATA', { problems }, { path: 'a' });
      }
    });
  }),

  rule('custom metadata at their limits are kept exactly: lengths in bytes, printable Unicode, 64 of them', async ({ secrets }) => {
    const limits: readonly CustomMetadata[] = [
      { ['k'.repeat(128)]: 'v'.repeat(512) },
      { [EURO.repeat(42)]: EURO.repeat(170) },
      { ' ': ' ', 'é\u0301': '😀 ½ №', '"': '\\', '10': 'x', a: 'y' },
      manyKeys(64, '😀'.repeat(128)),
    ];
    for (const customMetadata of limits) {
      await secrets.putMetadata('a', { customMetadata });
      deepEqual((await secrets.getMetadata('a'))?.customMetadata, customMetadata);
      deepEqual((await secrets.put('a', {})).customMetadata, customMetadata);
      deepEqual((await secrets.get('a'))?.customMetadata, customMetadata);
    }
  }),

  rule('__proto__ is an ordinary name of custom metadata', async ({ secrets }) => {
    const customMetadata: CustomMetadata = Object.fromEntries([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
    await secrets.putMetadata('a', { customMetadata });
    const read = (await secrets.getMetadata('a'))!.customMetadata!;
    deepEqual(Object.entries(read), [
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
    await secrets.patchMetadata('a', { customMetadata: { other: 'o' } });
    deepEqual(Object.keys((await secrets.getMetadata('a'))!.customMetadata!), ['__proto__', 'constructor', 'other']);
    await secrets.patchMetadata('a', { customMetadata: Object.fromEntries([['__proto__', null]]) });
    deepEqual(Object.keys((await secrets.getMetadata('a'))!.customMetadata!), ['constructor', 'other']);
  }),

  // Patch

  rule('metadata patch merges custom metadata, null removes a member, and null puts a setting back', async ({ secrets, clock }) => {
    await secrets.putMetadata('a', {
      maxVersions: 5,
      casRequired: true,
      metadataCasRequired: true,
      deleteVersionAfterMs: HOUR,
      customMetadata: { a: '1', b: '2' },
    });
    clock.now += SECOND;
    await secrets.patchMetadata('a', { customMetadata: { a: null, c: '3', nothing: null } }, { metadataCas: 1 });
    const patched = (await secrets.getMetadata('a'))!;
    deepEqual(patched.customMetadata, { b: '2', c: '3' });
    deepEqual([patched.maxVersions, patched.casRequired, patched.deleteVersionAfterMs], [5, true, HOUR]);
    deepEqual(patched.updatedAt, date(START + SECOND));
    await secrets.patchMetadata(
      'a',
      { maxVersions: null, casRequired: null, metadataCasRequired: null, deleteVersionAfterMs: null },
      { metadataCas: 2 },
    );
    const reset = (await secrets.getMetadata('a'))!;
    deepEqual([reset.maxVersions, reset.casRequired, reset.metadataCasRequired, reset.deleteVersionAfterMs], [0, false, false, 0]);
    deepEqual(reset.customMetadata, { b: '2', c: '3' });
    await secrets.patchMetadata('a', { customMetadata: null });
    equal((await secrets.getMetadata('a'))?.customMetadata, undefined);
  }),

  rule('metadata patch can set a period back to 0', async ({ secrets }) => {
    await secrets.putMetadata('a', { deleteVersionAfterMs: HOUR });
    await secrets.patchMetadata('a', { deleteVersionAfterMs: 0 });
    equal((await secrets.getMetadata('a'))?.deleteVersionAfterMs, 0);
  }),

  rule('custom metadata of which a patch leaves nothing are gone', async ({ secrets }) => {
    await secrets.putMetadata('a', { customMetadata: { a: '1' } });
    await secrets.patchMetadata('a', { customMetadata: { a: null } });
    equal((await secrets.getMetadata('a'))?.customMetadata, undefined);
  }),

  rule('metadata patch of a secret that is not there is refused with NOT_FOUND', async (bench) => {
    const { secrets } = bench;
    await untouched(bench, () => refuses(secrets.patchMetadata('a', { maxVersions: 1 }), 'NOT_FOUND', {}, { path: 'a' }));
    await secrets.put('b', {});
    await untouched(bench, () => refuses(secrets.patchMetadata('a', { customMetadata: { a: '1' } }), 'NOT_FOUND', {}, { path: 'a' }));
  }),

  rule('a metadata patch is held to the limits as merged', async (bench) => {
    const { secrets } = bench;
    await secrets.putMetadata('a', { customMetadata: manyKeys(60) });
    await untouched(bench, () =>
      refuses(secrets.patchMetadata('a', { customMetadata: manyKeys(5, 'v', 60) }), 'INVALID_CUSTOM_METADATA', {
        problems: [{ kind: 'too-many-keys', keys: 65 }],
      }),
    );
    await secrets.patchMetadata('a', { customMetadata: { ...manyKeys(5, 'v', 60), k0: null } });
    equal(Object.keys((await secrets.getMetadata('a'))!.customMetadata!).length, 64);
  }),

  rule('metadata patches at once, over two engines, are all applied', async ({ secrets, engine, openStore }) => {
    const other = engine({ store: await openStore() });
    await secrets.put('a', {});
    await Promise.all(Array.from({ length: 12 }, (_, i) => (i % 2 ? secrets : other).patchMetadata('a', { customMetadata: { [`k${i}`]: 'v' } })));
    const { customMetadata, metadataVersion } = (await secrets.getMetadata('a'))!;
    equal(Object.keys(customMetadata!).length, 12);
    equal(metadataVersion, 12);
  }),

  // Configuration of the mount

  rule('the configuration has its defaults before anything was written, and reading it writes nothing', async (bench) => {
    const defaults = { maxVersions: 0, casRequired: false, metadataCasRequired: false, deleteVersionAfterMs: 0 };
    await untouched(bench, async () => deepEqual(await bench.secrets.getConfig(), defaults));
  }),

  rule('a change of the configuration changes what is given, for all engines, and nothing given changes nothing', async (bench) => {
    const { secrets } = bench;
    const other = bench.engine({ store: await bench.openStore() });
    await untouched(bench, () => secrets.putConfig({}), 'nothing given');
    await secrets.putConfig({ maxVersions: 3, casRequired: true });
    await other.getConfig();
    await secrets.putConfig({ deleteVersionAfterMs: 'disabled', metadataCasRequired: true });
    const config = { maxVersions: 3, casRequired: true, metadataCasRequired: true, deleteVersionAfterMs: 'disabled' };
    deepEqual(await secrets.getConfig(), config);
    deepEqual(await other.getConfig(), config);
    await refuses(other.put('a', {}), 'CAS_REQUIRED', { currentVersion: 0 });
    await untouched(bench, () => secrets.putConfig({ maxVersions: undefined }), 'undefined given');
    await secrets.putConfig({ deleteVersionAfterMs: 0, casRequired: false });
    deepEqual(await other.getConfig(), { ...config, casRequired: false, deleteVersionAfterMs: 0 });
  }),

  // Subkeys

  rule('subkeys tell the structure of a version without its values, down to a depth', async ({ secrets }) => {
    await secrets.put('a', { s: 'x', o: { i: 1, deep: { er: [1] }, none: {} }, list: [{ a: 1 }], nil: null });
    const all = { s: null, o: { i: null, deep: { er: null }, none: null }, list: null, nil: null };
    deepEqual((await secrets.subkeys('a'))?.subkeys, all);
    deepEqual((await secrets.subkeys('a', { depth: 0 }))?.subkeys, all);
    deepEqual((await secrets.subkeys('a', { depth: 1 }))?.subkeys, { s: null, o: null, list: null, nil: null });
    deepEqual((await secrets.subkeys('a', { depth: 2 }))?.subkeys, { s: null, o: { i: null, deep: null, none: null }, list: null, nil: null });
    deepEqual((await secrets.subkeys('a', { depth: 9 }))?.subkeys, all);
    equal((await secrets.subkeys('a'))?.text, '{"s":null,"o":{"i":null,"deep":{"er":null},"none":null},"list":null,"nil":null}');
    await secrets.put('a', null);
    deepEqual((await secrets.subkeys('a'))?.subkeys, {});
    await secrets.put('a', {});
    deepEqual((await secrets.subkeys('a'))?.subkeys, {});
    deepEqual((await secrets.subkeys('a', { version: 1, depth: 1 }))?.subkeys, { s: null, o: null, list: null, nil: null });
  }),

  rule('subkeys of a version that does not live tell its facts; of none, undefined', async ({ secrets }) => {
    await putVersions(secrets, 'a', 2);
    await secrets.delete('a');
    const { incarnation } = (await secrets.get('a'))!;
    deepEqual(await secrets.subkeys('a'), {
      version: 2,
      state: 'deleted',
      createdAt: date(START),
      deletionAt: date(START),
      destroyed: false,
      incarnation,
      customMetadata: undefined,
      subkeys: undefined,
      text: undefined,
    });
    equal(await secrets.subkeys('a', { version: 3 }), undefined);
    equal(await secrets.subkeys('b'), undefined);
  }),
];
