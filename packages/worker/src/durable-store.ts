import type { Entry, KeyRange, KvStore, ReadTx, StoredValue, StoreKey, TxOptions, Write, WriteOutcome } from '@sealkv/core';
import { checkWrites, runBody, StoreError } from '@sealkv/core';
import { RecordMemory } from './record-memory.ts';
import { withWholeTurns } from './whole-turns.ts';

/**
 * The port on the SQLite database of a Durable Object: one table, and one `storage.transaction()` per `write`.
 *
 * Opening writes nothing: the table is made in the transaction of the first write, and until then there is nothing to read.
 * The storage belongs to its stores: nobody else reads, writes or empties it, and nobody holds `blockConcurrencyWhile` or a
 * transaction of their own while they wait for a store. Any number of stores on one storage take turns.
 *
 * A resolved `write` is committed in SQLite. What leaves the object (answers, requests, messages) is held back by its output gate
 * until the commit is durable, and where it can't be made durable the object is reset before any more of its code runs. So nobody can
 * tell `write` from one that waits for `storage.sync()`, except by the time it takes: in production that is a round trip to the replicas
 * for every link in a chain of writes. (workerd `src/workerd/io/actor-sqlite.c++`: `ExplicitTxn::commitImpl`, `onNoPendingFlush`.)
 *
 * Rejects with `QUOTA_EXCEEDED` where the database is full, `COMMIT_UNKNOWN` where the storage failed after the body's writes had been
 * handed over, and `FAILED` with the storage's error as `cause` for any failure before.
 */
export function durableStore(storage: DurableObjectStorage, { remembers = false }: DurableStoreOptions = {}): DurableKvStore {
  const database = databaseOf(storage);
  if (remembers) database.memory ??= new RecordMemory();
  return new DurableStore(storage, database);
}

export interface DurableStoreOptions {
  /** Whether small records that were read are kept in memory as long as nothing writes to them. Then they are for all stores of the storage. */
  readonly remembers?: boolean | undefined;
}

export interface DurableKvStore extends KvStore {
  /**
   * Sets the alarm of the object, in milliseconds since 1970, in place of the one that is set. It waits its turn like a transaction: inside of one of
   * another request it would be rolled back with it.
   */
  schedule(at: number): Promise<void>;
}

const TABLE_EXISTS = `SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'records'`;
// Without a rowid a record costs one row written instead of two. Text compares by its UTF-8 bytes.
const CREATE_TABLE = 'CREATE TABLE records (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID';
const GET = 'SELECT value FROM records WHERE key = ?';
// One row a statement: fifty rows in one are not faster (10,000 puts in 0.3 s either way), as statements are prepared once.
const PUT = 'INSERT INTO records (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';
const DELETE = 'DELETE FROM records WHERE key = ?';
const DELETE_RANGE = 'DELETE FROM records WHERE key >= ? AND key < ?';

/** What all stores of one storage share. */
interface Database {
  /** The end of the queue of transactions. */
  queue: Promise<unknown>;
  /** Whether the table was there in a committed state. Once is for ever. */
  hasTable: boolean;
  memory: RecordMemory | undefined;
}

const databaseByStorage = new WeakMap<DurableObjectStorage, Database>();

function databaseOf(storage: DurableObjectStorage): Database {
  const known = databaseByStorage.get(storage);
  if (known !== undefined) return known;
  const database: Database = { queue: Promise.resolve(), hasTable: false, memory: undefined };
  databaseByStorage.set(storage, database);
  return database;
}

class DurableStore implements DurableKvStore {
  readonly #storage: DurableObjectStorage;
  readonly #database: Database;
  #lastTurn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(storage: DurableObjectStorage, database: Database) {
    this.#storage = storage;
    this.#database = database;
  }

  // No transaction for a read: its turn in the queue is enough, as a body can't outlast the event loop's turn that it began in.
  read<T>(body: (tx: ReadTx) => Promise<T>, { signal }: TxOptions = {}): Promise<T> {
    return this.#queued(() => this.#run(new Statements(this.#storage.sql), body, signal));
  }

  write<T>(body: (tx: ReadTx) => Promise<WriteOutcome<T>>, { signal }: TxOptions = {}): Promise<T> {
    return this.#queued(async () => {
      signal?.throwIfAborted();
      const refusals: unknown[] = [];
      let handedOver = false;
      const closure = async (): Promise<T> => {
        const statements = new Statements(this.#storage.sql);
        const { result, writes } = await this.#run(statements, body, signal);
        checkWrites(writes);
        signal?.throwIfAborted();
        this.#apply(statements, writes);
        handedOver = true;
        return result;
      };
      try {
        return await this.#storage.transaction(() =>
          closure().catch((error: unknown) => {
            refusals.push(error);
            throw error; // which rolls back
          }),
        );
      } catch (error) {
        throw refusals.length > 0 ? refusals[0] : storeError(error, handedOver);
      }
    });
  }

  schedule(at: number): Promise<void> {
    return this.#queued(async () => {
      try {
        await this.#storage.setAlarm(at);
      } catch (cause) {
        throw storeError(cause, false);
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#lastTurn;
  }

  // Code of the same event can read what an open transaction has not committed: only the queue keeps a read out of it.
  async #queued<T>(transaction: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreError('CLOSED', 'the store is closed');
    const turn = this.#database.queue.then(transaction);
    this.#lastTurn = this.#database.queue = turn.catch(() => undefined);
    return turn;
  }

  #run<T>(statements: Statements, body: (tx: ReadTx) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return withWholeTurns(async () => {
      this.#database.hasTable ||= statements.run(TABLE_EXISTS).length > 0;
      return await runBody(this.#database.hasTable ? transactionOn(statements, this.#database.memory) : NOTHING, body, signal);
    });
  }

  #apply(statements: Statements, writes: readonly Write[]): void {
    // Not remembered before it is committed: the next transaction looks for itself.
    if (writes.length > 0 && !this.#database.hasTable) statements.run(CREATE_TABLE);
    this.#database.memory?.forget(writes);
    for (const write of writes) {
      if (write.kind === 'put') statements.run(PUT, write.key, write.value);
      else if (write.kind === 'delete') statements.run(DELETE, write.key);
      else statements.run(DELETE_RANGE, write.from, write.to);
    }
  }
}

/**
 * The SQL of one transaction. After a failure it asks nothing more: some errors (disk full, I/O) make SQLite roll back by itself, and
 * what a body that shrugged them off wrote then would be outside of any transaction.
 */
class Statements {
  readonly #sql: SqlStorage;
  #failure: StoreError | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  run(statement: string, ...bindings: readonly (string | number | Uint8Array)[]): SqlStorageValue[][] {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return [...this.#sql.exec(statement, ...bindings).raw()];
    } catch (cause) {
      throw (this.#failure = storeError(cause, false));
    }
  }
}

function transactionOn(statements: Statements, memory: RecordMemory | undefined): ReadTx {
  const get = (key: StoreKey): StoredValue | undefined => statements.run(GET, key).map(([value]) => bytes(value))[0];
  const scan = (range: KeyRange): readonly Entry[] =>
    runScan(statements, 'key, value', range).map(([key, value]) => ({ key: key as string, value: bytes(value) }));
  return {
    get: async (key) => (memory === undefined ? get(key) : memory.get(key, () => get(key))),
    scan: async (range) => (memory === undefined ? scan(range) : memory.scan(range, () => scan(range))),
    scanKeys: async (range) => runScan(statements, 'key', range).map(([key]) => key as string),
  };
}

const NOTHING: ReadTx = { get: async () => undefined, scan: async () => [], scanKeys: async () => [] };

function runScan(statements: Statements, columns: string, { from, to, reverse, limit }: KeyRange): SqlStorageValue[][] {
  const order = reverse ? 'DESC' : 'ASC';
  // A negative limit is none.
  return statements.run(`SELECT ${columns} FROM records WHERE key >= ? AND key < ? ORDER BY key ${order} LIMIT ?`, from, to, limit ?? -1);
}

function bytes(value: SqlStorageValue | undefined): Uint8Array {
  return new Uint8Array(value as ArrayBuffer);
}

function storeError(cause: unknown, handedOver: boolean): StoreError {
  // The runtime tells SQLite's errors only by the code's name at the end of the message.
  if (String(cause).includes('SQLITE_FULL')) return new StoreError('QUOTA_EXCEEDED', 'the database of the object is full', { cause });
  if (handedOver) return new StoreError('COMMIT_UNKNOWN', 'the storage was lost while it committed', { cause });
  return new StoreError('FAILED', 'the storage failed; nothing was written', { cause });
}
