import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '@sealkv/server';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { openWorkerd } from '../../packages/server/src/workerd-runtime.ts';

/** A server that a client is pointed at. */
export interface Opened {
  readonly url: string;
  readonly rootToken: string;
  close(): Promise<void>;
}

/** Where clients are tried. The runtime of Workers answers LIST and SCAN with 501 before any code of ours runs, so a bare Worker never sees them. */
export const PLACES = [
  { where: 'through the front', hasListVerb: true, open: () => startServer({ runtime: 'workerd' }) },
  { where: 'on the bare Worker', hasListVerb: false, open: openBareWorker },
  { where: 'in this process', hasListVerb: true, open: () => startServer() },
] as const;

async function openBareWorker(): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'sealkv-test-'));
  const rootToken = 's.root';
  const { url, close } = await openWorkerd({ dataPath: folder, rootToken, sealKey: 'ab'.repeat(32) });
  return { url, rootToken, close: () => close().finally(() => rmSync(folder, { recursive: true })) };
}

interface Counts {
  made: number;
  passed: number;
  refusedVerbs: number;
}

/** One client at one place. */
export interface Session {
  readonly url: string;
  readonly rootToken: string;
  readonly hasListVerb: boolean;
  /** The same client, its calls counted: also those of what it has in its members. */
  counted<T extends object>(client: T): T;
  /** Checks what came of a call that sends LIST: through a front what it should, on a bare Worker the 501. */
  list<T>(answer: Promise<T>, check: (answer: Promise<T>) => Promise<unknown>): Promise<void>;
}

export interface ClientOptions {
  /** Checks that a call failed with the 501 that the runtime gives to LIST. */
  readonly refusedVerb: (answer: Promise<unknown>) => Promise<unknown>;
}

/** The tests of an npm client as it is, at every place there is; and how many of its calls came out as they should. */
export function describeClient(name: string, { refusedVerb }: ClientOptions, tests: (session: Session) => void): void {
  describe(name, () => {
    const figures: string[] = [];
    afterAll(() => console.log(`FIGURE ${name}: ${figures.join('; ')}`));

    describe.each(PLACES)('$where', ({ where, hasListVerb, open }) => {
      const counts: Counts = { made: 0, passed: 0, refusedVerbs: 0 };
      let opened: Opened;
      beforeAll(async () => {
        opened = await open();
      });
      afterAll(async () => {
        const verbs = hasListVerb ? '' : `, ${counts.refusedVerbs} of them the 501 for LIST`;
        figures.push(`${where} ${counts.passed} of ${counts.made} calls passed${verbs}`);
        await opened?.close();
      });
      let before = 0;
      beforeEach(() => {
        before = counts.made;
      });
      afterEach(({ task }) => {
        if (task.result?.state !== 'fail') counts.passed += counts.made - before;
      });

      tests({
        get url() {
          return opened.url;
        },
        get rootToken() {
          return opened.rootToken;
        },
        hasListVerb,
        counted: (client) => counting(client, () => counts.made++),
        async list(answer, check) {
          if (!hasListVerb) counts.refusedVerbs++;
          await (hasListVerb ? check(answer) : refusedVerb(answer));
        },
      });
    });
  });
}

function counting<T extends object>(client: T, count: () => void): T {
  return new Proxy(client, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      // What a client calls of itself is none of our calls.
      if (typeof member === 'function') return (...args: unknown[]) => (count(), Reflect.apply(member, target, args));
      return typeof member === 'object' && member !== null ? counting(member, count) : member;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}
