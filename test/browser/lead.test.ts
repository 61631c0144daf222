import { lead } from '@sealkv/idb-adapter';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openTab } from './open-tab.ts';
import type { Tab } from './tab.ts';

let tab: Tab;
beforeEach(async () => {
  tab = await openTab();
});
afterEach(() => {
  tab.close();
  vi.unstubAllGlobals();
});

describe('lead', () => {
  test('one tab at a time; the next one takes over when it is closed', async () => {
    const here = work();
    const there = work();
    void tab.adapter.lead('closed', there.run);
    await there.started;
    const leading = lead('closed', here.run);
    await locksAnswer();
    expect(here.runs).toBe(0);
    tab.close();
    await here.started;
    here.end();
    await leading;
  });

  test('the next one takes over when the work of the first has ended, or has thrown', async () => {
    const [first, second, third] = [work(), work(), work()];
    const one = lead('ended', first.run);
    await first.started;
    const two = tab.adapter.lead('ended', second.run);
    await locksAnswer();
    const three = lead('ended', third.run);
    await locksAnswer();
    expect([second.runs, third.runs]).toEqual([0, 0]);
    first.end();
    await one;
    await second.started;
    expect(third.runs).toBe(0);
    second.end(new Error('no more'));
    await expect(two).rejects.toThrow('no more');
    await third.started;
    third.end();
    await three;
  });

  test('another name is another lead', async () => {
    const [a, b] = [work(), work()];
    const both = [lead('a', a.run), tab.adapter.lead('b', b.run)];
    await Promise.all([a.started, b.started]);
    a.end();
    b.end();
    await Promise.all(both);
  });

  test('its signal ends the waiting with its reason, and tells the work to end', async () => {
    const reason = new Error('enough');
    const [leading, waiting] = [new AbortController(), new AbortController()];
    const [first, second] = [work(), work()];
    const one = lead('signals', first.run, { signal: leading.signal });
    await first.started;
    const two = lead('signals', second.run, { signal: waiting.signal });
    await locksAnswer();
    waiting.abort(reason);
    await expect(two).rejects.toBe(reason);
    expect(second.runs).toBe(0);
    leading.abort(reason);
    expect(first.signal?.reason).toBe(reason);
    first.end();
    await one;
    await expect(lead('signals', first.run, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(first.runs).toBe(1);
  });

  test('taken by force: the work is told to end', async () => {
    const first = work();
    const leading = lead('by force', first.run);
    await first.started;
    await Promise.all([
      expect(leading).rejects.toMatchObject({ name: 'AbortError' }),
      navigator.locks.request('sealkv:by force', { steal: true }, () => 1),
    ]);
    expect(first.signal?.aborted).toBe(true);
    first.end();
  });

  test('runs at once where there are no Web Locks', async () => {
    vi.stubGlobal('navigator', {});
    const [first, second] = [work(), work()];
    const both = [lead('alone', first.run), lead('alone', second.run)];
    await Promise.all([first.started, second.started]);
    first.end();
    second.end();
    await Promise.all(both);
  });
});

interface Work {
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly started: Promise<void>;
  readonly end: (error?: Error) => void;
  readonly runs: number;
  readonly signal: AbortSignal | undefined;
}

/** Work that goes on until it is ended. */
function work(): Work {
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined);
  let runs = 0;
  let given: AbortSignal | undefined;
  return {
    run(signal) {
      runs++;
      given = signal;
      started.resolve();
      return ended.promise;
    },
    started: started.promise,
    end: (error) => (error ? ended.reject(error) : ended.resolve()),
    get runs() {
      return runs;
    },
    get signal() {
      return given;
    },
  };
}

/** What was asked of the locks before has been looked at: those of one page are taken in their order, those of two in any. */
async function locksAnswer(): Promise<void> {
  await navigator.locks.request('an answer', () => undefined);
  await tab.window.navigator.locks.query();
}
