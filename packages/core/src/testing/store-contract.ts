import type { Delete, DeleteRange, Entry, KeyRange, KvStore, Put, ReadTx, Touched, TxOptions, Write, WriteOutcome } from '../store.ts';
import { compareKeys, MAX_RECORD_BYTES } from '../store.ts';
import { isSealKvError } from '../errors.ts';
import { deepEqual, equal, rejects, rejectsWith, rejectsWithCode } from './assert.ts';

/** What a case needs to know of the adapter it runs on. One harness, and one database, per case. */
export interface StoreHarness {
  /** A new handle on the case's own database, which is empty at the first call and the same at every later one, also after a `close()`. */
  open(): Promise<KvStore>;
  /** What a body must not await, where the platform's own (WebCrypto, `setTimeout`, `MessageChannel`) is missing or named otherwise. */
  readonly foreign?: Partial<Record<Foreign, () => Promise<unknown>>> | undefined;
}

/**
 * Something that a turn of the event loop has to deliver. `digest` and `derivation` are both WebCrypto: an engine that computes the quick one on
 * the spot (Chromium does) leaves the slow one to another thread.
 */
export type Foreign = 'digest' | 'derivation' | 'timer' | 'message';

/** One rule of the port. `run` rejects if the adapter breaks it. */
export interface ContractCase {
  /** The rule. */
  readonly title: string;
  run(harness: StoreHarness): Promise<void>;
}

const FOREIGN_NAMES: Record<Foreign, string> = {
  digest: 'a WebCrypto digest',
  derivation: 'a WebCrypto key derivation',
  timer: 'a timer',
  message: 'a message',
};

/**
 * The contract of {@link KvStore}, executable. Needs no test runner:
 *
 * ```ts
 * for (const { title, run } of storeContract) test(title, () => run(harness()));
 * ```
 *
 * Some cases move tens of megabytes: give each a minute on a slow machine.
 */
export const storeContract: readonly ContractCase[] = [
  // What is stored

  rule('a key that was never put reads as undefined', async (store) => {
    equal(await load(store, 'a'), undefined);
    deepEqual(await store.read((tx) => tx.scan(EVERYTHING)), []);
    deepEqual(await store.read((tx) => tx.scanKeys(EVERYTHING)), []);
  }),

  rule('a committed write is seen by later transactions', async (store) => {
    await commit(store, put('a', '1'), put('b', '2'));
    equal(await load(store, 'a'), '1');
    equal(await store.write(async (tx) => ({ result: text(await tx.get('b')), writes: [] })), '2');
    deepEqual(await dump(store), { a: '1', b: '2' });
  }),

  rule('read and write hand over what the body returned, by reference', async (store) => {
    const result = { of: 'the body' };
    equal(await store.read(async () => result), result);
    equal(await store.write(async () => ({ result, writes: [] })), result);
    equal(await store.write(async () => ({ result, writes: [put('a')] })), result);
    equal(await store.read(async () => undefined), undefined);
  }),

  rule('writes are applied in their order', async (store) => {
    await commit(store, put('a/1', 'old'), put('a/2', 'old'), put('b', 'old'));
    await commit(
      store,
      clear('a/', 'a0'),
      put('a/2', 'new'),
      put('c', 'first'),
      put('c', 'second'),
      put('d'),
      remove('d'),
      remove('b'),
      put('b', 'again'),
    );
    deepEqual(await dump(store), { 'a/2': 'new', b: 'again', c: 'second' });
    await commit(store, put('a/3'), clear('a/', 'a0'));
    deepEqual(await dump(store), { b: 'again', c: 'second' });
  }),

  rule('deleting what is not there does nothing', async (store) => {
    await commit(store, put('b'));
    await commit(store, remove('a'), clear('c', 'd'));
    deepEqual(await keysOf(store), ['b']);
  }),

  rule('a range delete takes its first key and leaves its end; an empty or reversed range deletes nothing', async (store) => {
    await commit(store, ...['a', 'b', 'c', 'd'].map((key) => put(key)));
    await commit(store, clear('b', 'b'), clear('d', 'a'), clear('d', 'd'));
    deepEqual(await keysOf(store), ['a', 'b', 'c', 'd']);
    await commit(store, clear('b', 'd'));
    deepEqual(await keysOf(store), ['a', 'd']);
    await commit(store, clear('', 'zz'));
    deepEqual(await keysOf(store), []);
  }),

  rule('an empty list of writes is a transaction that changes nothing', async (store) => {
    await commit(store, put('a', '1'));
    await commit(store);
    deepEqual(await dump(store), { a: '1' });
  }),

  rule('an empty value is a value', async (store) => {
    await commit(store, put('a', new Uint8Array(0)));
    deepEqual(await store.read((tx) => tx.get('a')), new Uint8Array(0));
    deepEqual(await store.read((tx) => tx.scan(EVERYTHING)), [{ key: 'a', value: new Uint8Array(0) }]);
  }),

  rule('every byte of a value comes back, as a plain Uint8Array of its own buffer', async (store) => {
    const value = Uint8Array.from({ length: 256 }, (_, i) => i);
    await commit(store, put('whole', value), put('part', value.subarray(16, 32)));
    deepEqual(await store.read((tx) => tx.get('whole')), value);
    const part = await store.read((tx) => tx.get('part'));
    deepEqual(part, value.slice(16, 32));
    equal(part?.buffer.byteLength, 16, 'the size of the buffer below the value');
  }),

  // Ranges and order

  rule('a scan starts at its first key, ends before its end, and is empty if they are equal or reversed', async (store) => {
    await commit(store, ...['a', 'b', 'b\0', 'c', 'd'].map((key) => put(key, `value of ${key}`)));
    await eachScan(store, { from: 'b', to: 'd' }, ['b', 'b\0', 'c']);
    await eachScan(store, { from: 'b', to: 'c' }, ['b', 'b\0']);
    await eachScan(store, { from: 'b', to: 'b\0' }, ['b']);
    await eachScan(store, { from: 'aa', to: 'bb' }, ['b', 'b\0']);
    await eachScan(store, { from: '', to: 'b' }, ['a']);
    await eachScan(store, { from: 'd', to: 'z' }, ['d']);
    await eachScan(store, { from: 'b', to: 'b' }, []);
    await eachScan(store, { from: 'd', to: 'a' }, []);
    await eachScan(store, { from: '', to: '' }, []);
    await eachScan(store, { from: 'x', to: 'y' }, []);
  }),

  rule('limit takes the first entries, with reverse the last ones, last first', async (store) => {
    await commit(store, ...['a', 'b', 'c', 'd', 'e'].map((key) => put(key, `value of ${key}`)));
    await eachScan(store, { from: 'b', to: 'e', limit: 2 }, ['b', 'c']);
    await eachScan(store, { from: 'b', to: 'e', limit: 3 }, ['b', 'c', 'd']);
    await eachScan(store, { from: 'b', to: 'e', limit: 100 }, ['b', 'c', 'd']);
    await eachScan(store, { from: 'b', to: 'e', reverse: true }, ['d', 'c', 'b']);
    await eachScan(store, { from: 'b', to: 'e', reverse: true, limit: 1 }, ['d']);
    await eachScan(store, { from: 'b', to: 'e', reverse: true, limit: 100 }, ['d', 'c', 'b']);
    await eachScan(store, { from: 'b', to: 'e', reverse: false, limit: undefined }, ['b', 'c', 'd']);
    await eachScan(store, { from: 'e', to: 'b', reverse: true }, []);
    await eachScan(store, { from: 'b', to: 'b', reverse: true, limit: 1 }, []);
  }),

  rule('a limit that is no positive integer is a TypeError', async (store) => {
    for (const limit of [0, -1, 1.5, NaN, Infinity]) {
      for (const ask of [(tx: ReadTx) => tx.scan({ ...EVERYTHING, limit }), (tx: ReadTx) => tx.scanKeys({ ...EVERYTHING, limit })]) {
        const reason = await rejects(store.read<unknown>(ask), `limit ${limit}`);
        equal(reason instanceof TypeError, true, `limit ${limit} is a TypeError`);
      }
    }
  }),

  rule('the order of keys is that of their UTF-8 bytes, and no two keys are one', async (store) => {
    const keys = [
      ...[
        '',
        '\0',
        '\0\0',
        '\u0001',
        ' ',
        'A',
        'a',
        'a\0',
        'a\0b',
        'a\u0001',
        'a/',
        'a/b',
        'a0',
        'aa',
        'a\u0301',
        'a\u{1f600}',
        'b',
        'e',
        'e\u0301',
        'ez',
      ],
      ...[
        '~',
        '\u007f',
        '\u0080',
        '\u00e9',
        '\u00e9\u0301',
        '\u07ff',
        '\u0800',
        '\u4e00',
        '\ud7ff',
        '\ue000',
        '\ufeff',
        '\ufeffa',
        '\uff5e',
        '\uffff',
      ],
      ...['\uffff\uffff', '\u{10000}', '\u{1f600}', '\u{1f600}\0', '\u{1f600}\ue000', '\u{1f600}\u{1f600}', '\u{10ffff}'],
    ].sort(byUtf8);
    await commit(store, ...shuffled(keys).map((key) => put(key, `value of ${key}`)));
    await eachScan(store, EVERYTHING, keys);
    await eachScan(store, { ...EVERYTHING, reverse: true }, keys.toReversed());
    for (const [i, from] of keys.entries()) {
      await eachScan(store, { from, to: keys[i + 3] ?? EVERYTHING.to }, keys.slice(i, i + 3));
      await eachScan(store, { from: '', to: from, reverse: true, limit: 1 }, keys.slice(0, i).slice(-1));
    }
    await eachScan(store, { from: '\ue000', to: '\u{10000}' }, ['\ue000', '\ufeff', '\ufeffa', '\uff5e', '\uffff', '\uffff\uffff']);
    await eachScan(store, { from: '\uff5e', to: '\u{1f600}' }, ['\uff5e', '\uffff', '\uffff\uffff', '\u{10000}']);
    await commit(store, clear('\uffff', '\u{10ffff}'), clear('a', 'b'));
    await eachScan(
      store,
      EVERYTHING,
      keys.filter((key) => !(byUtf8(key, '\uffff') >= 0 && byUtf8(key, '\u{10ffff}') < 0) && !key.startsWith('a')),
    );
  }),

  rule('a key with a lone surrogate is refused with INVALID_KEY wherever it stands, and nothing is written', async (store) => {
    for (const key of ['\ud83d', '\ude00', 'a\ud83d', '\ud83da', '\ude00\ud83d', '😀\ud83d']) {
      const asks: ((tx: ReadTx) => Promise<unknown>)[] = [
        (tx) => tx.get(key),
        (tx) => tx.scan({ from: key, to: 'z' }),
        (tx) => tx.scan({ from: 'a', to: key }),
        (tx) => tx.scanKeys({ from: key, to: 'z' }),
        (tx) => tx.scanKeys({ from: 'a', to: key, reverse: true }),
      ];
      for (const ask of asks) {
        await rejectsWithCode(store.read(ask), 'INVALID_KEY');
        await rejectsWithCode(
          store.write(async (tx) => ({ result: await ask(tx), writes: [put('x')] })),
          'INVALID_KEY',
        );
      }
      for (const bad of [put(key), remove(key), clear(key, 'z'), clear('a', key)]) {
        await rejectsWithCode(commit(store, put('before'), bad, put('after')), 'INVALID_KEY', `${bad.kind} of a lone surrogate`);
      }
    }
    deepEqual(await keysOf(store), []);
  }),

  rule('a long history of writes and scans equals that of a plain sorted list', async (store) => {
    const random = randomNumbers(7);
    const pick = (): string => ALPHABET[random(ALPHABET.length)]! + (random(2) ? ALPHABET[random(ALPHABET.length)]! : '');
    const model = new Map<string, string>();
    for (let step = 0; step < 120; step++) {
      const writes = Array.from({ length: random(9) }, (_, i): Write => {
        const kind = random(10);
        return kind < 7 ? put(pick(), `${step}.${i}`) : kind < 9 ? remove(pick()) : clear(pick(), pick());
      });
      for (const write of writes) {
        if (write.kind === 'put') model.set(write.key, text(write.value)!);
        else if (write.kind === 'delete') model.delete(write.key);
        else for (const key of model.keys()) if (byUtf8(key, write.from) >= 0 && byUtf8(key, write.to) < 0) model.delete(key);
      }
      await commit(store, ...writes);
      const range: KeyRange = { from: pick(), to: pick(), reverse: random(2) === 1, limit: random(2) ? 1 + random(9) : undefined };
      const inRange = [...model].filter(([key]) => byUtf8(key, range.from) >= 0 && byUtf8(key, range.to) < 0).sort(([a], [b]) => byUtf8(a, b));
      const expected = (range.reverse ? inRange.reverse() : inRange).slice(0, range.limit);
      const [entries, keys] = await store.read(async (tx) => [await tx.scan(range), await tx.scanKeys(range)] as const);
      deepEqual(entries.map(asText), expected, `step ${step}: the entries of ${JSON.stringify(range)}`);
      deepEqual(
        keys,
        expected.map(([key]) => key),
        `step ${step}: the keys of ${JSON.stringify(range)}`,
      );
    }
  }),

  // Throwing

  rule('a body that throws has written nothing, and its error is the rejection', async (store) => {
    await commit(store, put('a', 'old'));
    const bodies: ((error: Error) => (tx: ReadTx) => Promise<never>)[] = [
      (error) => () => {
        throw error;
      },
      (error) => async () => {
        throw error;
      },
      (error) => async (tx) => {
        await tx.get('a');
        throw error;
      },
      (error) => async (tx) => {
        await Promise.all([tx.get('a'), tx.scan(EVERYTHING), tx.scanKeys(EVERYTHING)]);
        await Promise.resolve();
        throw error;
      },
      (error) => async (tx) => {
        // Requests that nobody waits for any more.
        void tx.get('a');
        void tx.scan(EVERYTHING);
        throw error;
      },
    ];
    for (const body of bodies) {
      for (const error of [new Error('of the body'), new DOMException('of the body', 'AbortError')]) {
        await rejectsWith(store.write(body(error)), error);
        await rejectsWith(store.read(body(error)), error);
      }
    }
    deepEqual(await dump(store), { a: 'old' });
    await commit(store, put('a', 'new'));
    equal(await load(store, 'a'), 'new', 'the value after the next write');
  }),

  rule('a write that is refused takes the whole transaction with it', async (store) => {
    await commit(store, put('a', 'old'));
    await rejectsWithCode(commit(store, put('a', 'new'), clear('', 'z'), put('b'), put('\ud83d')), 'INVALID_KEY');
    await rejectsWithCode(commit(store, put('a', 'new'), put('b'), put('c', new Uint8Array(MAX_RECORD_BYTES))), 'VALUE_TOO_LARGE');
    deepEqual(await dump(store), { a: 'old' });
  }),

  // Sizes

  rule('values of 1 MiB are stored and scanned', async (store) => {
    const values = [1, 2, 3].map((seed) => randomBytes(seed, 1 << 20));
    await commit(store, ...values.map((value, i) => put(`k${i}`, value)));
    deepEqual(await store.read((tx) => tx.get('k1')), values[1]);
    deepEqual(
      await store.read((tx) => tx.scan(EVERYTHING)),
      values.map((value, i) => ({ key: `k${i}`, value })),
    );
  }),

  rule('a record of MAX_RECORD_BYTES, its key included, is stored; with one byte more VALUE_TOO_LARGE, and nothing is written', async (store) => {
    const key = '一二'; // six bytes
    const largest = randomBytes(4, MAX_RECORD_BYTES - 6);
    await commit(store, put(key, largest));
    deepEqual(await store.read((tx) => tx.get(key)), largest);
    await rejectsWithCode(commit(store, put('other'), put(key, new Uint8Array(MAX_RECORD_BYTES - 5))), 'VALUE_TOO_LARGE');
    deepEqual(await keysOf(store), [key]);
    deepEqual(await store.read((tx) => tx.get(key)), largest);
  }),

  rule('10,000 writes are one transaction, and so is the delete of their range', async (store) => {
    const keys = Array.from({ length: 10_000 }, (_, i) => `row/${String(i).padStart(5, '0')}`);
    await commit(store, put('row', 'before'), ...keys.map((key) => put(key, key)), put('row0', 'after'));
    const all = { from: 'row/', to: 'row0' };
    deepEqual(await store.read((tx) => tx.scanKeys(all)), keys);
    deepEqual(
      (await store.read((tx) => tx.scan(all))).map(asText),
      keys.map((key) => [key, key]),
    );
    deepEqual(await store.read((tx) => tx.scanKeys({ ...all, reverse: true })), keys.toReversed());
    deepEqual(await store.read((tx) => tx.scanKeys({ ...all, limit: 1_234 })), keys.slice(0, 1_234));
    await commit(store, clear('row/', 'row0'));
    deepEqual(await dump(store), { row: 'before', row0: 'after' });
  }),

  // Copies

  rule('a buffer changed after it was put does not change the store', async (store) => {
    class View extends Uint8Array {
      // As Node's Buffer has it: a slice that shares its memory.
      override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
        return this.subarray(start, end) as Uint8Array<ArrayBuffer>;
      }
    }
    for (const value of [bytes('original'), new View(bytes('original'))]) {
      await commit(store, put('a', value));
      value.fill(0);
      equal(await load(store, 'a'), 'original');
    }
  }),

  rule('a buffer changed after it was read does not change the store', async (store) => {
    await commit(store, put('a', 'original'));
    await store.read(async (tx) => {
      (await tx.get('a'))?.fill(0);
      (await tx.scan(EVERYTHING))[0]?.value.fill(0);
      equal(text(await tx.get('a')), 'original', 'the value within the transaction');
      equal(text((await tx.scan(EVERYTHING))[0]?.value), 'original', 'the entry within the transaction');
    });
    equal(await load(store, 'a'), 'original');
  }),

  // Isolation

  rule('fifty concurrent increments add fifty', async (store) => {
    await Promise.all(Array.from({ length: 50 }, () => increment(store)));
    equal(await load(store, 'count'), '50');
  }),

  rule('two handles on one database see the same records, and their writes never interleave', async (store, harness) => {
    const other = await harness.open();
    try {
      await commit(store, put('a', 'by the first'));
      equal(await load(other, 'a'), 'by the first');
      await Promise.all(Array.from({ length: 40 }, (_, i) => increment(i % 2 ? store : other)));
      equal(await load(store, 'count'), '40');
      equal(await load(other, 'count'), '40');
    } finally {
      await other.close();
    }
    equal(await increment(store), 41, 'the count after the other handle was closed');
  }),

  rule('a read that starts while a write is open sees the state before or after it, never a part', async (store, harness) => {
    const keys = ['a', 'b', 'c', 'd', 'e'];
    await commit(store, ...keys.map((key) => put(key, 'old')), put('gone', 'old'));
    const other = await harness.open();
    try {
      const states: Promise<string>[] = [];
      const look = (): void => {
        for (const handle of [store, other]) {
          states.push(handle.read(async (tx) => (await tx.scan(EVERYTHING)).map(asText).join()));
          states.push(handle.read(async (tx) => (await Promise.all([...keys, 'gone'].map((key) => tx.get(key)))).map(text).join()));
        }
      };
      look();
      const writing = store.write(async (tx) => {
        look();
        await tx.get('a');
        look();
        await Promise.resolve();
        look();
        return { result: undefined, writes: [...keys.map((key) => put(key, 'new')), remove('gone')] };
      });
      look();
      for (let turn = 0; turn < 60; turn++) {
        await Promise.resolve();
        if (turn % 4 === 0) look();
      }
      await writing;
      look();
      const whole = [
        ...['a,old,b,old,c,old,d,old,e,old,gone,old', 'old,old,old,old,old,old'],
        ...['a,new,b,new,c,new,d,new,e,new', 'new,new,new,new,new,'],
      ];
      const seen = await Promise.all(states);
      for (const state of seen) equal(whole.includes(state), true, `the state ${state} is a whole one`);
      for (const state of seen.slice(-4)) equal(state.includes('old'), false, `the state ${state}, read after the write was done, is the new one`);
    } finally {
      await other.close();
    }
  }),

  rule('a read body sees one state from its first request to its last, whatever commits meanwhile', async (store, harness) => {
    await commit(store, put('a', 'old'), put('b', 'old'));
    const other = await harness.open();
    try {
      const writes: Promise<void>[] = [];
      const seen = await store.read(async (tx) => {
        const values = [text(await tx.get('a'))];
        for (const writer of [store, other]) writes.push(commit(writer, put('a', 'new'), put('b', 'new'), put('c', 'new')));
        // Time for a writer that does not wait.
        for (let i = 0; i < 100; i++) values.push(text(await tx.get('b')));
        values.push(...(await tx.scan(EVERYTHING)).map(({ key, value }) => `${key}=${text(value)}`));
        return values;
      });
      deepEqual(seen, [...Array.from({ length: 101 }, () => 'old'), 'a=old', 'b=old']);
      await Promise.all(writes);
      deepEqual(await dump(store), { a: 'new', b: 'new', c: 'new' });
    } finally {
      await other.close();
    }
  }),

  // Cancelling

  rule('a signal that is aborted before the call: the body does not run, the rejection is its reason', async (store) => {
    const reason = { of: 'the caller' };
    const signal = AbortSignal.abort(reason);
    let ran = false;
    const body = async (): Promise<WriteOutcome<void>> => {
      ran = true;
      return { result: undefined, writes: [put('a')] };
    };
    await rejectsWith(store.write(body, { signal }), reason);
    await rejectsWith(store.read(body, { signal }), reason);
    equal(ran, false, 'the body ran');
    deepEqual(await keysOf(store), []);
  }),

  rule('a signal aborted while the write waits its turn: nothing of it happens, the transaction before it is not disturbed', async (store) => {
    const reason = new Error('of the caller');
    const controller = new AbortController();
    const { signal } = controller;
    const readFirst = async (tx: ReadTx, key: string): Promise<WriteOutcome<string>> => {
      await tx.get(key);
      return { result: key, writes: [put(key)] };
    };
    let queued: Promise<unknown>[] = [];
    await store.write(async (tx) => {
      queued = [
        store.write((own) => readFirst(own, 'second'), { signal }),
        store.write((own) => readFirst(own, 'third')),
        // Whose body reads nothing may have requested its commit already.
        commitWith({ signal }, store, put('fourth')),
      ];
      for (const promise of queued) promise.catch(() => undefined);
      for (let i = 0; i < 10; i++) await tx.get('first');
      controller.abort(reason);
      for (let i = 0; i < 10; i++) await tx.get('first');
      return { result: undefined, writes: [put('first')] };
    });
    await rejectsWith(queued[0]!, reason);
    equal(await queued[1], 'third');
    const fourth = await queued[2]!.catch((error: unknown) => error);
    deepEqual(await keysOf(store), ['first', ...(fourth === reason ? [] : ['fourth']), 'third']);
  }),

  rule('a signal aborted during the body: nothing happens, whatever the body makes of it', async (store) => {
    await commit(store, put('a', 'old'));
    type Body = (tx: ReadTx, abort: () => void) => Promise<unknown>;
    const bodies: Body[] = [
      async (_tx, abort) => abort(),
      async (tx, abort) => {
        await tx.get('a');
        abort();
      },
      async (tx, abort) => {
        await tx.get('a');
        abort();
        await tx.get('a');
      },
      async (tx, abort) => {
        const asked = tx.get('a');
        abort();
        await asked;
      },
      async (tx, abort) => {
        const asked = [tx.get('a'), tx.scan(EVERYTHING)];
        abort();
        await Promise.allSettled(asked);
        await tx.get('a').catch(() => undefined);
      },
      async (tx, abort) => {
        await tx.scan(EVERYTHING);
        abort();
        throw new Error('of the body');
      },
    ];
    for (const reason of [new Error('of the caller'), 'a string', undefined]) {
      for (const body of bodies) {
        for (const kind of ['write', 'read'] as const) {
          const controller = new AbortController();
          const run = async (tx: ReadTx): Promise<WriteOutcome<void>> => {
            await body(tx, () => controller.abort(reason));
            return { result: undefined, writes: [put('a', 'new'), put('b')] };
          };
          const { signal } = controller;
          const met = await rejects(kind === 'write' ? store.write(run, { signal }) : store.read(run, { signal }));
          equal(met, signal.reason, `the rejection of a ${kind}`);
        }
      }
    }
    deepEqual(await dump(store), { a: 'old' });
  }),

  rule('a signal aborted around the commit request: rejected with its reason and nothing applied, or committed in full', async (store, harness) => {
    const foreign = foreignsOf(harness);
    // `turns` microtasks, or turns of the event loop, after the body has returned.
    const race = async (turns: number, turn: () => Promise<unknown>): Promise<boolean> => {
      await commit(store, put('a', 'old'), put('b', 'old'), remove('c'));
      const reason = new Error(`after ${turns} turns`);
      const controller = new AbortController();
      const abortLater = async (): Promise<void> => {
        for (let i = 0; i < turns; i++) await turn();
        controller.abort(reason);
      };
      let aborting: Promise<void> | undefined;
      const outcome = await store
        .write(
          async (tx) => {
            await tx.get('a');
            aborting = abortLater();
            return { result: 'committed', writes: [put('a', 'new'), remove('b'), put('c', 'new')] };
          },
          { signal: controller.signal },
        )
        .catch((error: unknown) => error);
      await aborting;
      equal(outcome === 'committed' || outcome === reason, true, `the outcome ${String(outcome)} is one of the two`);
      deepEqual(await dump(store), outcome === reason ? { a: 'old', b: 'old' } : { a: 'new', c: 'new' }, String(outcome));
      return outcome === reason;
    };
    const cancelled: boolean[] = [];
    for (let turns = 0; turns < 40; turns++) cancelled.push(await race(turns, () => Promise.resolve()));
    equal(cancelled[0], true, 'a signal aborted with the last statement of the body cancels');
    for (let turns = 1; turns < 8; turns++) await race(turns, foreign.message);
  }),

  rule('a signal aborted after the write has resolved changes nothing', async (store) => {
    const controller = new AbortController();
    await commitWith({ signal: controller.signal }, store, put('a', '1'));
    controller.abort();
    equal(await load(store, 'a'), '1');
    await commit(store, put('a', '2'));
    equal(await load(store, 'a'), '2');
  }),

  // The rules for bodies

  rule('a transaction used after its end rejects with TRANSACTION_FINISHED', async (store) => {
    await commit(store, put('a', '1'));
    const kept: ReadTx[] = [];
    const keep = async (tx: ReadTx): Promise<WriteOutcome<void>> => {
      kept.push(tx);
      await tx.get('a');
      return { result: undefined, writes: [] };
    };
    const keepAndThrow = async (tx: ReadTx): Promise<never> => {
      kept.push(tx);
      throw new Error('of the body');
    };
    await store.read(keep);
    await store.write(keep);
    await rejects(store.read(keepAndThrow));
    await rejects(store.write(keepAndThrow));
    equal(kept.length, 4);
    for (const tx of kept) {
      await rejectsWithCode(tx.get('a'), 'TRANSACTION_FINISHED');
      await rejectsWithCode(tx.scan(EVERYTHING), 'TRANSACTION_FINISHED');
      await rejectsWithCode(tx.scanKeys(EVERYTHING), 'TRANSACTION_FINISHED');
      await rejectsWithCode(
        store.write(async () => ({ result: await tx.get('a'), writes: [put('b')] })),
        'TRANSACTION_FINISHED',
      );
    }
    deepEqual(await keysOf(store), ['a']);
  }),

  ...(['read', 'write'] as const).flatMap((outer) =>
    (['read', 'write'] as const).map((inner) =>
      rule(
        `a ${inner} awaited inside a ${outer} body: FOREIGN_AWAIT for the outer, the inner is a transaction of its own`,
        async (store, harness) => {
          await commit(store, put('a', 'old'));
          const other = await harness.open();
          try {
            for (const [i, handle] of [store, other].entries()) {
              let nested: Promise<string | undefined> | undefined;
              const body = async (tx: ReadTx): Promise<WriteOutcome<void>> => {
                await tx.get('a');
                nested = inner === 'read' ? load(handle, 'a') : commit(handle, put(`inner ${i}`)).then(() => 'old');
                nested.catch(() => undefined);
                await nested;
                return { result: undefined, writes: [put('a', 'new'), put('outer')] };
              };
              await rejectsWithCode(outer === 'read' ? store.read(body) : store.write(body), 'FOREIGN_AWAIT', 'the outer transaction');
              equal(await nested, 'old', 'the result of the inner transaction');
            }
          } finally {
            await other.close();
          }
          deepEqual(await dump(store), inner === 'read' ? { a: 'old' } : { a: 'old', 'inner 0': 'value', 'inner 1': 'value' });
          await commit(store, put('a', 'new'));
          equal(await load(store, 'a'), 'new', 'the value after the next write');
        },
      ),
    ),
  ),

  ...(['digest', 'derivation', 'timer', 'message'] as const).flatMap((what) =>
    (['read', 'write'] as const).map((kind) =>
      rule(`${FOREIGN_NAMES[what]} awaited in a ${kind} body is refused with FOREIGN_AWAIT, and nothing is written`, async (store, harness) => {
        const foreign = foreignsOf(harness)[what];
        await commit(store, put('a', 'old'));
        type Body = (tx: ReadTx, wait: () => Promise<unknown>) => Promise<unknown>;
        const bodies: Body[] = [
          (_tx, wait) => wait(),
          async (tx, wait) => {
            await tx.get('a');
            await wait();
          },
          async (tx, wait) => {
            await tx.get('a');
            await wait();
            await tx.get('a');
          },
        ];
        for (const body of bodies) {
          let delivered: Promise<unknown> = Promise.resolve();
          let bodyEnd: Promise<unknown> = Promise.resolve();
          const wait = (): Promise<unknown> => (delivered = foreign());
          const run = async (tx: ReadTx): Promise<WriteOutcome<void>> => {
            const waited = body(tx, wait);
            bodyEnd = waited.catch(() => undefined);
            await waited;
            return { result: undefined, writes: [put('a', 'new'), put('b')] };
          };
          await rejectsWithCode(kind === 'read' ? store.read(run) : store.write(run), 'FOREIGN_AWAIT');
          // The body goes on once its wait is over: too late.
          await delivered;
          await bodyEnd;
          await foreign();
          deepEqual(await dump(store), { a: 'old' });
        }
        await commit(store, put('a', 'new'));
        equal(await load(store, 'a'), 'new', 'the value after the next write');
      }),
    ),
  ),

  rule('chains of settled promises and requests side by side pass in a body', async (store) => {
    const keys = Array.from({ length: 100 }, (_, i) => `k${String(i).padStart(2, '0')}`);
    await commit(store, ...keys.map((key) => put(key, key)));
    const deep = async (depth: number): Promise<number> => (depth === 0 ? 0 : 1 + (await deep(depth - 1)));
    const body = async (tx: ReadTx): Promise<WriteOutcome<string>> => {
      for (let i = 0; i < 1_000; i++) await Promise.resolve(i);
      const values = await Promise.all(keys.map((key) => tx.get(key)));
      let chain = Promise.resolve(0);
      for (let i = 0; i < 1_000; i++) chain = chain.then((n) => n + 1);
      equal(await chain, 1_000);
      equal(await deep(300), 300);
      const [entries, found, last] = await Promise.all([tx.scan(EVERYTHING), tx.scanKeys(EVERYTHING), tx.get('k99')]);
      await Promise.allSettled([Promise.reject(new Error('handled')), tx.get('k00')]);
      deepEqual(found, keys);
      deepEqual(
        entries.map(asText),
        keys.map((key) => [key, key]),
      );
      deepEqual(values.map(text), keys);
      for (let i = 0; i < 1_000; i++) await Promise.resolve();
      return { result: text(last) ?? '', writes: [put('done')] };
    };
    equal((await store.read(body)).result, 'k99');
    equal(await load(store, 'done'), undefined);
    equal(await store.write(body), 'k99');
    equal(await load(store, 'done'), 'value');
  }),

  // Being told of commits, where that can be

  rule('a listener hears what every commit through its handle has touched, before the commit resolves', async (store) => {
    if (!store.onCommit) return;
    const heard: Touches = [];
    store.onCommit((touched) => heard.push(touched));
    await load(store, 'a');
    await commit(store, put('a', '1'), remove('b'), clear('c', 'd'));
    deepEqual(heard, [[{ kind: 'put', key: 'a' }, remove('b'), clear('c', 'd')]]);
    await increment(store);
    deepEqual(heard.slice(1), [[{ kind: 'put', key: 'count' }]]);
  }),

  rule(
    'a listener hears of the commits of another handle, and one that was there before a read of all that the read did not see',
    async (store, harness) => {
      if (!store.onCommit) return;
      const other = await harness.open();
      const ear = listeningTo(store);
      await commit(other, put('a', 'seen'));
      await ear.until('a');
      ear.heard.length = 0;
      const reading = load(store, 'a');
      await Promise.all([commit(other, put('a', '1')), commit(store, put('b')), commit(other, put('c'))]);
      if ((await reading) !== '1') await ear.until('a');
      await ear.until('b', 'c');
      await other.close();
    },
  ),

  rule('nothing is told of a write of nothing, of one that is refused, cancelled or throws, and of reads', async (store) => {
    if (!store.onCommit) return;
    const heard: Touches = [];
    store.onCommit((touched) => heard.push(touched));
    await load(store, 'a');
    await commit(store);
    await rejectsWithCode(commit(store, put('a'), put('\ud800')), 'INVALID_KEY');
    await rejects(store.write(() => Promise.reject(new Error('of the body'))));
    await rejects(commitWith({ signal: AbortSignal.abort() }, store, put('a')));
    await keysOf(store);
    deepEqual(heard, []);
    await commit(store, put('b'));
    deepEqual(heard, [[{ kind: 'put', key: 'b' }]]);
  }),

  rule(
    'a listener hears no more once it was ended; of the close of its handle it hears last; the same function may listen twice',
    async (store, harness) => {
      if (!store.onCommit) return;
      const other = await harness.open();
      const heard: Touches = [];
      const listener = (touched: readonly Touched[] | undefined): number => heard.push(touched);
      const end = store.onCommit(listener);
      store.onCommit(listener);
      const ear = listeningTo(other);
      await load(store, 'a');
      await commit(store, put('a'));
      equal(heard.length, 2, 'how often the function was called');
      end();
      end();
      await commit(store, put('b'));
      equal(heard.length, 3, 'how often it was called after one of the two was ended');
      await store.close();
      deepEqual(heard.slice(3), [undefined], 'what it heard of the close');
      await commit(other, put('c'));
      await ear.until('c');
      equal(heard.length, 4, 'how often it was called after the close');
      let refusal: unknown;
      try {
        store.onCommit(listener);
      } catch (error) {
        refusal = error;
      }
      equal(isSealKvError(refusal, 'CLOSED'), true, 'a listener is refused after the close');
      await other.close();
    },
  ),

  // Closing

  rule('what was committed is there after the handle was closed and another one opened', async (store, harness) => {
    await commit(store, put('a', '1'), put('😀', '2'), put('b'));
    await commit(store, remove('b'));
    await store.close();
    const again = await harness.open();
    try {
      deepEqual(await dump(again), { a: '1', '😀': '2' });
    } finally {
      await again.close();
    }
  }),

  rule('after close everything is refused with CLOSED, and closing twice is fine', async (store, harness) => {
    await commit(store, put('a'));
    await Promise.all([store.close(), store.close()]);
    await store.close();
    let ran = false;
    const body = async (): Promise<WriteOutcome<void>> => {
      ran = true;
      return { result: undefined, writes: [put('b')] };
    };
    await rejectsWithCode(store.read(body), 'CLOSED');
    await rejectsWithCode(store.write(body), 'CLOSED');
    equal(ran, false, 'a body ran after the close');
    const unused = await harness.open();
    await unused.close();
    await rejectsWithCode(unused.read(body), 'CLOSED');
    const other = await harness.open();
    deepEqual(await keysOf(other), ['a'], 'what another handle reads');
    await other.close();
  }),

  rule('close waits for what is under way', async (store, harness) => {
    await commit(store, put('a', 'old'));
    const settled: string[] = [];
    const under = [
      commit(store, put('a', 'new')).then(() => settled.push('write')),
      load(store, 'a').then(() => settled.push('read')),
      rejects(store.write(() => Promise.reject(new Error('of the body')))).then(() => settled.push('throw')),
      increment(store).then(() => settled.push('increment')),
    ];
    const closing = store.close();
    const refused = rejectsWithCode(load(store, 'a'), 'CLOSED', 'a read during the close');
    await closing;
    deepEqual(settled.toSorted(), ['increment', 'read', 'throw', 'write'], 'what has settled before close has');
    await Promise.all([...under, refused]);
    const again = await harness.open();
    deepEqual(await dump(again), { a: 'new', count: '1' });
    await again.close();
  }),
];

/** A case with a handle of its own, closed afterwards. */
function rule(title: string, body: (store: KvStore, harness: StoreHarness) => Promise<void>): ContractCase {
  return {
    title,
    async run(harness) {
      const store = await harness.open();
      try {
        await body(store, harness);
      } finally {
        await store.close();
      }
    },
  };
}

async function commit(store: KvStore, ...writes: readonly Write[]): Promise<void> {
  return commitWith({}, store, ...writes);
}

async function commitWith(options: TxOptions, store: KvStore, ...writes: readonly Write[]): Promise<void> {
  return store.write(async () => ({ result: undefined, writes }), options);
}

function load(store: KvStore, key: string): Promise<string | undefined> {
  return store.read(async (tx) => text(await tx.get(key)));
}

/** Adds one to `count` and answers the sum. */
function increment(store: KvStore): Promise<number> {
  return store.write(async (tx) => {
    const count = Number(text(await tx.get('count')) ?? 0) + 1;
    return { result: count, writes: [put('count', String(count))] };
  });
}

type Touches = (readonly Touched[] | undefined)[];

/** A listener whose `until` waits for it to have heard of these keys: other handles may be told of by a message. */
function listeningTo(store: KvStore): { readonly heard: Touches; until(...keys: readonly string[]): Promise<void> } {
  const heard: Touches = [];
  let wake = (): void => {};
  store.onCommit!((touched) => {
    heard.push(touched);
    wake();
  });
  const knowsOf = (key: string): boolean => heard.some((touched) => touched?.some((write) => touches(write, key)) ?? true);
  return {
    heard,
    async until(...keys) {
      while (!keys.every(knowsOf)) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

function touches(write: Touched, key: string): boolean {
  return write.kind === 'deleteRange' ? compareKeys(write.from, key) <= 0 && compareKeys(key, write.to) < 0 : write.key === key;
}

async function dump(store: KvStore): Promise<Record<string, string>> {
  return Object.fromEntries((await store.read((tx) => tx.scan(EVERYTHING))).map(asText));
}

function keysOf(store: KvStore): Promise<readonly string[]> {
  return store.read((tx) => tx.scanKeys(EVERYTHING));
}

/** `scan` and `scanKeys`, in a read and in a write; the values are `value of <key>`. */
async function eachScan(store: KvStore, range: KeyRange, keys: readonly string[]): Promise<void> {
  const body = async (tx: ReadTx): Promise<WriteOutcome<readonly [readonly Entry[], readonly string[]]>> => ({
    result: [await tx.scan(range), await tx.scanKeys(range)],
    writes: [],
  });
  for (const [entries, found] of [(await store.read(body)).result, await store.write(body)]) {
    const what = `of ${JSON.stringify(range)}`;
    deepEqual(found, keys, `the keys ${what}`);
    deepEqual(
      entries.map(asText),
      keys.map((key) => [key, `value of ${key}`]),
      `the entries ${what}`,
    );
  }
}

/** Every key of these cases. */
const EVERYTHING: KeyRange = { from: '', to: '\u{10ffff}\u{10ffff}' };

function put(key: string, value: string | Uint8Array = 'value'): Put {
  return { kind: 'put', key, value: typeof value === 'string' ? bytes(value) : value };
}

function remove(key: string): Delete {
  return { kind: 'delete', key };
}

function clear(from: string, to: string): DeleteRange {
  return { kind: 'deleteRange', from, to };
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(value: Uint8Array | undefined): string | undefined {
  return value && new TextDecoder().decode(value);
}

function asText({ key, value }: Entry): readonly [string, string] {
  return [key, new TextDecoder().decode(value)];
}

/** By the definition of the order, without the tricks of `compareKeys`. */
function byUtf8(a: string, b: string): number {
  const [x, y] = [bytes(a), bytes(b)];
  const i = x.findIndex((byte, at) => byte !== y[at]);
  return i < 0 ? x.length - y.length : x[i]! - (y[i] ?? -1);
}

const ALPHABET = [
  'a',
  'b',
  'c',
  'm',
  'z',
  '/',
  '\0',
  '\u00e9',
  '\u0301',
  '\u4e00',
  '\ue000',
  '\ufeff',
  '\uff5e',
  '\uffff',
  '\u{10000}',
  '\u{1f600}',
  '\u{10ffff}',
];

/** Pseudo-random whole numbers below a bound, the same ones in every run (a linear congruential generator). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomBytes(seed: number, length: number): Uint8Array {
  const random = randomNumbers(seed);
  return Uint8Array.from({ length }, () => random(256));
}

function shuffled<T>(list: readonly T[]): T[] {
  const random = randomNumbers(1);
  return list
    .map((item) => ({ item, at: random(1_000_000) }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function foreignsOf({ foreign }: StoreHarness): Record<Foreign, () => Promise<unknown>> {
  return {
    digest: () => crypto.subtle.digest('SHA-256', new Uint8Array(16)),
    derivation: async () => {
      const key = await crypto.subtle.importKey('raw', new Uint8Array(16), 'PBKDF2', false, ['deriveBits']);
      return crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(16), iterations: 100 }, key, 256);
    },
    timer: () => new Promise((resolve) => setTimeout(resolve, 0)),
    message: () =>
      new Promise<void>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          port1.close();
          resolve();
        };
        port2.postMessage(undefined);
      }),
    ...foreign,
  };
}
