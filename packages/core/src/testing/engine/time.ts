import { deepEqual, equal } from '../assert.ts';
import type { Bench, EngineCase } from './bench.ts';
import { date, DAY, HOUR, putVersions, refuses, rule, SECOND, START, untouched } from './bench.ts';

/** The periods of mount and secret, and which of them counts for a version. */
const PERIODS: readonly [mount: number | 'disabled', secret: number, counts: number | undefined][] = [
  [0, 0, undefined],
  [0, HOUR, HOUR],
  [HOUR, 0, HOUR],
  [HOUR, DAY, HOUR],
  [DAY, HOUR, HOUR],
  [HOUR, HOUR, HOUR],
  ['disabled', 0, undefined],
  ['disabled', HOUR, undefined],
];

const stateOf = async ({ secrets }: Bench, path: string, version?: number): Promise<string | undefined> =>
  (await secrets.get(path, { version }))?.state;

export const timeCases: readonly EngineCase[] = [
  // delete_version_after

  rule('of the periods of mount and secret the shorter counts, 0 is none, and a mount that disables expiry does so for all', async (bench) => {
    const { secrets, clock } = bench;
    for (const [i, [mount, secret, counts]] of PERIODS.entries()) {
      const path = `a${i}`;
      await secrets.putConfig({ deleteVersionAfterMs: mount });
      await secrets.putMetadata(path, { deleteVersionAfterMs: secret });
      const deletionAt = counts === undefined ? undefined : date(clock.now + counts);
      deepEqual((await secrets.put(path, { i })).deletionAt, deletionAt, `mount ${mount}, secret ${secret}`);
      deepEqual((await secrets.get(path))?.deletionAt, deletionAt);
      deepEqual((await secrets.getMetadata(path))?.versions.get(1)?.deletionAt, deletionAt);
      equal(await stateOf(bench, path), 'live');
    }
  }),

  rule('a version is readable until its deadline and deleted from that very millisecond on', async (bench) => {
    const { secrets, clock } = bench;
    await secrets.putMetadata('a', { deleteVersionAfterMs: HOUR });
    await secrets.put('a', { n: 1 });
    clock.now = START + HOUR - 1;
    deepEqual((await secrets.get('a'))?.data, { n: 1 });
    clock.now = START + HOUR;
    const expired = await secrets.get('a');
    equal(expired?.state, 'deleted');
    equal(expired?.data, undefined);
    deepEqual(expired?.deletionAt, date(START + HOUR));
    equal((await secrets.getMetadata('a'))?.versions.get(1)?.state, 'deleted');
    await refuses(secrets.patch('a', {}), 'NOT_LIVE', {
      current: { version: 1, createdAt: START, deletionAt: START + HOUR, destroyed: false, state: 'deleted' },
    });
  }),

  rule('a period of one millisecond: live in the instant of the put, deleted in the next', async (bench) => {
    const { secrets, clock } = bench;
    await secrets.putConfig({ deleteVersionAfterMs: 1 });
    equal((await secrets.put('a', {})).state, 'live');
    equal(await stateOf(bench, 'a'), 'live');
    clock.now += 1;
    equal(await stateOf(bench, 'a'), 'deleted');
  }),

  rule('a change of the periods acts on later versions alone', async (bench) => {
    const { secrets, clock } = bench;
    await secrets.put('a', {});
    await secrets.putMetadata('a', { deleteVersionAfterMs: HOUR });
    await secrets.put('a', {});
    await secrets.putConfig({ deleteVersionAfterMs: SECOND });
    await secrets.put('a', {});
    await secrets.putConfig({ deleteVersionAfterMs: 'disabled' });
    await secrets.put('a', {});
    const deadlines = Array.from((await secrets.getMetadata('a'))!.versions.values(), ({ deletionAt }) => deletionAt);
    deepEqual(deadlines, [undefined, date(START + HOUR), date(START + SECOND), undefined]);
    clock.now += SECOND;
    deepEqual(await Promise.all([1, 2, 3, 4].map((version) => stateOf(bench, 'a', version))), ['live', 'live', 'deleted', 'live']);
  }),

  rule('undelete of an expired version starts its period anew, by the settings of today', async (bench) => {
    const { secrets, clock } = bench;
    await secrets.putMetadata('a', { deleteVersionAfterMs: HOUR });
    await secrets.put('a', { n: 1 });
    clock.now += DAY;
    await secrets.undelete('a', [1]);
    deepEqual((await secrets.get('a'))?.data, { n: 1 });
    deepEqual((await secrets.get('a'))?.deletionAt, date(START + DAY + HOUR));
    clock.now += HOUR;
    equal(await stateOf(bench, 'a'), 'deleted');
    await secrets.putMetadata('a', { deleteVersionAfterMs: 0 });
    await secrets.undelete('a', [1]);
    equal((await secrets.get('a'))?.deletionAt, undefined);
    equal(await stateOf(bench, 'a'), 'live');
  }),

  rule('undelete of a live version restarts its period too, or sets or ends it', async (bench) => {
    const { secrets, clock } = bench;
    const deadline = async (): Promise<Date | undefined> => (await secrets.get('a'))?.deletionAt;
    await secrets.put('a', {});
    await untouched(bench, () => secrets.undelete('a', [1]));
    await secrets.putConfig({ deleteVersionAfterMs: HOUR });
    await secrets.undelete('a', [1]);
    deepEqual(await deadline(), date(START + HOUR));
    clock.now += SECOND;
    await secrets.undelete('a', [1]);
    deepEqual(await deadline(), date(START + SECOND + HOUR));
    await secrets.putConfig({ deleteVersionAfterMs: 'disabled' });
    await secrets.undelete('a', [1]);
    equal(await deadline(), undefined);
  }),

  rule('delete before the deadline counts at once and replaces the deadline', async (bench) => {
    const { secrets, clock } = bench;
    await secrets.putMetadata('a', { deleteVersionAfterMs: HOUR });
    await secrets.put('a', {});
    clock.now += SECOND;
    await secrets.delete('a');
    deepEqual((await secrets.get('a'))?.deletionAt, date(START + SECOND));
    equal(await stateOf(bench, 'a'), 'deleted');
  }),

  rule('expiry removes nothing: an expired version keeps its value until it is destroyed or pruned', async (bench) => {
    const { secrets, clock } = bench;
    await secrets.putMetadata('a', { deleteVersionAfterMs: SECOND });
    await secrets.put('a', { n: 1 });
    clock.now += DAY;
    await untouched(bench, async () => {
      await secrets.get('a');
      await secrets.getMetadata('a');
      await secrets.listDetailed();
    });
    await secrets.put('a', { n: 2 });
    await secrets.undelete('a', [1]);
    deepEqual((await secrets.get('a', { version: 1 }))?.data, { n: 1 });
  }),

  // The same instant, and a clock that steps back

  rule('put, delete, undelete and destroy in one and the same instant are seen at once', async (bench) => {
    const { secrets } = bench;
    await secrets.put('a', { n: 1 });
    equal(await stateOf(bench, 'a'), 'live');
    await secrets.delete('a');
    equal(await stateOf(bench, 'a'), 'deleted');
    deepEqual((await secrets.get('a'))?.deletionAt, date(START));
    await secrets.undelete('a', [1]);
    equal(await stateOf(bench, 'a'), 'live');
    await secrets.delete('a');
    equal(await stateOf(bench, 'a'), 'deleted');
    await secrets.destroy('a', [1]);
    equal(await stateOf(bench, 'a'), 'destroyed');
  }),

  rule('what was deleted by request stays deleted when the clock steps back a day', async (bench) => {
    const { secrets, clock } = bench;
    await putVersions(secrets, 'a', 2);
    clock.now += HOUR;
    await secrets.delete('a');
    clock.now -= DAY;
    equal(await stateOf(bench, 'a'), 'deleted');
    deepEqual((await secrets.get('a'))?.deletionAt, date(START + HOUR));
    equal(await stateOf(bench, 'a', 1), 'live');
  }),

  rule('an expired version that was then deleted by request stays deleted when the clock steps back, at the time of its deadline', async (bench) => {
    const { secrets, clock } = bench;
    await secrets.putMetadata('a', { deleteVersionAfterMs: HOUR });
    await secrets.put('a', { n: 1 });
    clock.now += DAY;
    await secrets.delete('a');
    deepEqual((await secrets.get('a'))?.deletionAt, date(START + HOUR));
    clock.now = START;
    equal(await stateOf(bench, 'a'), 'deleted');
    deepEqual((await secrets.get('a'))?.deletionAt, date(START + HOUR));
  }),

  rule('a mere deadline is compared with the clock, so it comes back with it', async (bench) => {
    const { secrets, clock } = bench;
    await secrets.putMetadata('a', { deleteVersionAfterMs: HOUR });
    await secrets.put('a', { n: 1 });
    clock.now += DAY;
    equal(await stateOf(bench, 'a'), 'deleted');
    clock.now -= DAY;
    equal(await stateOf(bench, 'a'), 'live');
  }),

  rule('times of a secret never run backwards: a later version is never older, however the clock steps', async (bench) => {
    const { secrets, clock } = bench;
    await secrets.putMetadata('a', { maxVersions: 30, deleteVersionAfterMs: HOUR });
    for (const step of [0, SECOND, -DAY, 1, -1, HOUR, -HOUR, 0, -SECOND, DAY, -2 * DAY]) {
      clock.now += step;
      await secrets.put('a', {});
    }
    const metadata = (await secrets.getMetadata('a'))!;
    const times = Array.from(metadata.versions.values(), ({ createdAt }) => createdAt.getTime());
    deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    equal(metadata.updatedAt.getTime(), times.at(-1));
    for (const { createdAt, deletionAt } of metadata.versions.values()) equal(deletionAt!.getTime(), createdAt.getTime() + HOUR);
  }),

  rule('a put, delete or metadata put after the clock stepped back carries the time of the last commit', async (bench) => {
    const { secrets, clock } = bench;
    clock.now = START + HOUR;
    await secrets.put('a', {});
    clock.now = START;
    await secrets.delete('a');
    deepEqual((await secrets.get('a'))?.deletionAt, date(START + HOUR));
    deepEqual((await secrets.put('a', {})).createdAt, date(START + HOUR));
    await secrets.putMetadata('a', { maxVersions: 3 });
    deepEqual((await secrets.getMetadata('a'))?.updatedAt, date(START + HOUR));
    deepEqual((await secrets.put('b', {})).createdAt, date(START), 'another secret');
  }),

  rule('a secret that was deleted with its metadata leaves no time behind', async ({ secrets, clock }) => {
    clock.now = START + HOUR;
    await secrets.put('a', {});
    await secrets.deleteMetadata('a');
    clock.now = START;
    deepEqual((await secrets.put('a', {})).createdAt, date(START));
  }),
];
