import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Api } from '@sealkv/http';
import { KeptApi } from '../../packages/server/src/kept-api.ts';

const START = Date.UTC(2026, 0, 1);

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An API with nothing but its housekeeping, which notes when it was called, in seconds from the start. */
function keep(answers: (number | undefined | Error)[]): { readonly kept: KeptApi; readonly calls: number[]; tell(seconds: number): void } {
  const calls: number[] = [];
  let tell: (at: number) => void = () => undefined;
  const kept = new KeptApi((onDue) => {
    tell = onDue;
    const housekeeping: Api['housekeeping'] = async () => {
      calls.push((Date.now() - START) / 1000);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return { nextDue: answer === undefined ? undefined : START + answer * 1000 };
    };
    return { housekeeping } as Api;
  });
  return { kept, calls, tell: (seconds) => tell(START + seconds * 1000) };
}

test('housekeeping is done at the earliest of the times told, not before a second has passed, and then when it says', async () => {
  const { kept, calls, tell } = keep([30, undefined]);
  for (const seconds of [20, 10, 15]) tell(seconds);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(calls).toEqual([10, 30]);
  tell(0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(calls).toEqual([10, 30, 61]);
  kept.close();
});

test('after a failure it is tried again in ten minutes; after close() never', async () => {
  const { kept, calls, tell } = keep([new Error('the disk is on fire'), 700]);
  tell(5);
  await vi.advanceTimersByTimeAsync(650_000);
  expect(calls).toEqual([5, 605]);
  kept.close();
  tell(651);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(calls).toEqual([5, 605]);
});

test('its timer keeps no process alive', () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const { kept, tell } = keep([]);
  tell(5);
  expect((timers.mock.results[0]!.value as NodeJS.Timeout).hasRef()).toBe(false);
  kept.close();
});
