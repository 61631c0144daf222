import { StoreError } from './errors.ts';

/**
 * THE PORT: an ordered, transactional key-value store. Everything SealKV promises rests on this contract, and
 * `storeContract` in `@sealkv/core/testing` checks it on every adapter.
 *
 * **One transaction per operation.** `write` runs a body that reads, decides and *returns* what to write; the adapter applies the
 * writes in their order, in one go. A body that throws has written nothing, also where the platform does not roll back on a throw
 * (IndexedDB commits what was written before an exception: its adapter must abort by itself). There is no `put` to forget to await.
 *
 * **Serializable.** `write` bodies of one store never interleave, over all handles on the same data. A `read` body sees one committed
 * state only, whatever commits meanwhile, and never what an open transaction has not committed.
 *
 * **A resolved promise means committed.** A rejected one means that nothing was applied, except `COMMIT_UNKNOWN`, where the connection
 * to the storage was lost after the commit was requested.
 *
 * **Cancellation.** Up to the commit request `options.signal` cancels: nothing happens and the promise rejects with `signal.reason`.
 * From the commit request on the signal is ignored and the storage's verdict is the outcome.
 *
 * **A body awaits only its own transaction's `get`, `scan` and `scanKeys`**, and promises that are settled already. Anything else (WebCrypto, timers,
 * fetch, another transaction) rejects with `FOREIGN_AWAIT` and writes nothing: Firefox and WebKit commit an IndexedDB transaction
 * under such an await, Chromium forgives it and hides the bug, and a Durable Object blocks every other request meanwhile.
 * A body may be run more than once, so it has no effects of its own.
 *
 * **Order** is the UTF-8 byte order of the keys on every adapter. Keys are well-formed strings: a lone surrogate is refused with
 * `INVALID_KEY` (SQLite would merge two such keys silently); U+0000 is an ordinary character.
 *
 * **Values** are copied on the way in and on the way out.
 */
export interface KvStore {
  /** Runs `body` on one committed state. */
  read<T>(body: (tx: ReadTx) => Promise<T>, options?: TxOptions): Promise<T>;
  /** Runs `body`, then applies the writes it returned, all or none of them. */
  write<T>(body: (tx: ReadTx) => Promise<WriteOutcome<T>>, options?: TxOptions): Promise<T>;
  /** Waits for what is under way, then refuses everything with `CLOSED`. Twice is fine. */
  close(): Promise<void>;
  /**
   * Calls `listener` after every commit that wrote something: through this handle, another one on the same data, or another tab. A listener that
   * was there before a `read` began hears of every commit that the read did not see, sooner or later. Returns what ends it; `close` ends all, with
   * one last call without keys, from which on everything is refused. Missing where commits can't be told of.
   */
  onCommit?(listener: CommitListener): () => void;
}

/** Hears what a commit has touched; undefined if a message may have been lost, so that everything has to be looked at again. Must not throw. */
export type CommitListener = (touched: readonly Touched[] | undefined) => void;

/** A write without its value. */
export type Touched = Omit<Put, 'value'> | Delete | DeleteRange;

export function touchedBy(writes: readonly Write[]): Touched[] {
  return writes.map((write) => (write.kind === 'put' ? { kind: write.kind, key: write.key } : write));
}

/** A transaction as its body sees it. Unusable (`TRANSACTION_FINISHED`) after the body has settled. */
export interface ReadTx {
  get(key: StoreKey): Promise<StoredValue | undefined>;
  /** The entries of a range, values included. */
  scan(range: KeyRange): Promise<readonly Entry[]>;
  /** The keys of a range; reads no values, so that a folder of large secrets lists as fast as one of small ones. */
  scanKeys(range: KeyRange): Promise<readonly StoreKey[]>;
}

/** What a `write` body returns: the transaction's result, and the writes to apply, in order. */
export interface WriteOutcome<T> {
  readonly result: T;
  readonly writes: readonly Write[];
}

export interface TxOptions {
  /** Cancels up to the commit request: nothing happened, and the promise rejects with `signal.reason`. Ignored from then on. */
  readonly signal?: AbortSignal | undefined;
  /** When a commit counts as done; for stores that know a difference. Default: what the store was opened with. */
  readonly durability?: Durability | undefined;
}

/** `'strict'`: once it is on the disk. `'relaxed'`: once the operating system has it, so that only a power failure can take it back. */
export type Durability = 'strict' | 'relaxed';

/** A well-formed string; made by `keyspace.ts`. */
export type StoreKey = string;

/** Bytes; all encoding is above the port. At most {@link MAX_RECORD_BYTES} with its key. */
export type StoredValue = Uint8Array;

export interface Entry {
  readonly key: StoreKey;
  readonly value: StoredValue;
}

/** Keys from `from` (inclusive) to `to` (exclusive); `limit` entries at most, the last ones first if `reverse`. */
export interface KeyRange {
  readonly from: StoreKey;
  readonly to: StoreKey;
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
}

export interface Put {
  readonly kind: 'put';
  readonly key: StoreKey;
  readonly value: StoredValue;
}
export interface Delete {
  readonly kind: 'delete';
  readonly key: StoreKey;
}
/** Deletes every key from `from` (inclusive) to `to` (exclusive) without reading a value. */
export interface DeleteRange {
  readonly kind: 'deleteRange';
  readonly from: StoreKey;
  readonly to: StoreKey;
}
export type Write = Put | Delete | DeleteRange;

/** Key and value together: the limit of a row of a Durable Object in production (local workerd takes more, so adapters check it). */
export const MAX_RECORD_BYTES = 2_000_000;

/**
 * The first string after every string that starts with `prefix`, in UTF-8 byte order.
 * (`prefix + '\uffff'` would miss keys such as `prefix + '\uffff' + x` and everything beyond the basic plane.)
 */
export function prefixEnd(prefix: StoreKey): StoreKey {
  const last = prefix.charCodeAt(prefix.length - 1);
  // Prefixes come from keyspace.ts and end in an ASCII separator; anything else would need surrogate arithmetic.
  if (!(last < 0x7f)) throw new TypeError('a prefix must end in an ASCII character');
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}

/** Removes the first `limit` records of a range; and whether that is all of them. For ranges that no transaction should remove at once. */
export async function deleteUpTo(
  tx: ReadTx,
  { from, to }: KeyRange,
  limit: number,
): Promise<{ readonly write: DeleteRange; readonly isAll: boolean }> {
  const keys = await tx.scanKeys({ from, to, limit: limit + 1 });
  const firstLeft = keys[limit];
  return { write: { kind: 'deleteRange', from, to: firstLeft ?? to }, isAll: firstLeft === undefined };
}

/** Compares two well-formed strings by their UTF-8 bytes: negative, zero or positive. */
export function compareKeys(a: StoreKey, b: StoreKey): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return utf8Rank(x) - utf8Rank(y);
  }
  return a.length - b.length;
}

// UTF-16 puts surrogates (0xD800..0xDFFF) below 0xE000..0xFFFF; UTF-8 puts the characters they stand for above.
function utf8Rank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * The checks every adapter makes before it applies anything: keys are well-formed, records fit the platform.
 * @throws StoreError `INVALID_KEY`, `VALUE_TOO_LARGE`
 */
export function checkWrites(writes: readonly Write[]): void {
  for (const write of writes) {
    if (write.kind === 'deleteRange') {
      checkKey(write.from);
      checkKey(write.to);
    } else {
      checkKey(write.key);
      // A UTF-16 unit is at most three bytes of UTF-8: only a record near the limit needs an exact count, and keys are short.
      if (write.kind === 'put' && write.value.byteLength + 3 * write.key.length > MAX_RECORD_BYTES) {
        throw new StoreError('VALUE_TOO_LARGE', `a record is limited to ${MAX_RECORD_BYTES} bytes`);
      }
    }
  }
}

/** @throws StoreError `INVALID_KEY` if the key has a lone surrogate */
export function checkKey(key: StoreKey): void {
  if (!isWellFormed(key)) throw new StoreError('INVALID_KEY', 'a key must be well-formed Unicode');
}

/** Whether `text` has no lone surrogate. (`String.prototype.isWellFormed` is missing in older engines and in ES2023's library.) */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

// How many turns of the microtask queue a body may take between two requests. Enough for any chain of settled promises that
// a decision could need; few enough that a foreign await is told within a millisecond or two.
const MAX_IDLE_TURNS = 20_000;

/**
 * Runs a transaction body under the rule that it awaits only its own transaction. For adapters.
 *
 * How a foreign await is told from a chain of settled promises, without timers and on every runtime: while none of the
 * transaction's own requests is pending, this function keeps the microtask queue busy. Settled promises go on in that very queue; but
 * nothing that needs a turn of the event loop (WebCrypto, a timer, a message, another transaction) can be delivered until the queue is
 * empty. So a body that has neither settled nor asked for anything after {@link MAX_IDLE_TURNS} turns is waiting for something foreign.
 *
 * Once the body has settled, or was given up, its transaction is unusable.
 *
 * `signal` gives the body up at once, also while it waits its turn in the storage's queue. An adapter looks at the signal once more right
 * before it requests the commit, because the body's last microtask is not this function's last one.
 * @throws StoreError `FOREIGN_AWAIT`; `signal.reason`; else whatever the body throws
 */
export function runBody<T>(native: ReadTx, body: (tx: ReadTx) => Promise<T>, signal?: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let pending = 0;
    let watching = false;
    let finished = false;

    const ask = <V>(request: () => Promise<V>): Promise<V> => {
      const answer = answerOf(request);
      // A body that stopped at its first failure has dropped the other requests: theirs must not surface as unhandled rejections.
      answer.catch(() => undefined);
      return answer;
    };
    const answerOf = async <V>(request: () => Promise<V>): Promise<V> => {
      if (finished) throw new StoreError('TRANSACTION_FINISHED', 'the transaction has ended');
      pending++;
      try {
        return await request();
      } finally {
        pending--;
        void watch();
      }
    };
    const watch = async (): Promise<void> => {
      if (watching) return;
      watching = true;
      // oxlint-disable-next-line typescript/await-thenable -- one turn of the microtask queue is the point
      for (let turn = 0; turn < MAX_IDLE_TURNS && !finished && pending === 0; turn++) await undefined;
      watching = false;
      if (finished || pending > 0) return;
      settle(() => reject(new StoreError('FOREIGN_AWAIT', 'a transaction body may await only its own get, scan and scanKeys')));
    };
    const settle = (end: () => void): void => {
      finished = true;
      signal?.removeEventListener('abort', cancel);
      end();
    };
    const cancel = (): void => settle(() => reject(signal?.reason));

    signal?.throwIfAborted();
    signal?.addEventListener('abort', cancel);
    const tx: ReadTx = {
      get: (key) => ask(() => (checkKey(key), native.get(key))),
      scan: (range) => ask(() => (checkRange(range), native.scan(range))),
      scanKeys: (range) => ask(() => (checkRange(range), native.scanKeys(range))),
    };
    // `then` and not `await`: a body that is not async may throw at once.
    new Promise<T>((done) => done(body(tx))).then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
    void watch();
  });
}

function checkRange({ from, to, limit }: KeyRange): void {
  checkKey(from);
  checkKey(to);
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) throw new TypeError('limit must be a positive integer');
}
