/** Tools for tests on IndexedDB: faults at every native event, and a WebCrypto that takes the time it may take. Not for production. */

const REQUESTS = ['get', 'getAll', 'getAllKeys', 'openCursor', 'openKeyCursor', 'put', 'delete'] as const;

/** `complete` is between the commit of a write and its being told. The steps of a cursor are not events. */
export type NativeEvent = 'open' | 'transaction' | (typeof REQUESTS)[number] | 'commit' | 'complete';

/**
 * - `go`: nothing special.
 * - `throw`: the call throws.
 * - `abort`: the storage gives the transaction up right after it has taken the call (`commit`: right before; `open`: as `throw`).
 * - `refuse`, at `commit`: the storage takes the call, and gives the transaction up later.
 * - `hang`, not at `transaction` and `commit`: it is never answered.
 * - `crash`: the tab dies before the call. What had not requested its commit is gone, nobody is told anything any more, and every later call throws: a
 *   test forgets the promises of before, and looks at the database through a factory of its own.
 *
 * At `complete` the commit has happened; `throw` and `abort` are a connection lost before that could be told.
 */
export type NativeFault = 'go' | 'throw' | 'abort' | 'refuse' | 'hang' | 'crash';

export interface FaultPlan {
  /** Asked at every event of any connection. They are numbered from 0. */
  onEvent(n: number, name: NativeEvent): NativeFault;
  /** What the storage says. Default: an `UnknownError` where a call throws, an `AbortError` where a transaction is given up. */
  readonly error?: DOMException | undefined;
}

/**
 * A factory of real databases that ask the plan before every native event. It replaces methods on the instances that `factory` hands out, as browsers
 * refuse a `Proxy` as the receiver of their own.
 */
export function faultyIndexedDB(factory: IDBFactory, plan: FaultPlan): IDBFactory {
  const transactions = new Set<IDBTransaction>();
  const connections = new Set<IDBDatabase>();
  let events = 0;
  let crashed = false;

  const crash = (): void => {
    crashed = true;
    for (const tx of transactions) attempt(() => tx.abort());
    for (const db of connections) db.close();
  };
  const faultAt = (name: NativeEvent): NativeFault => {
    const fault = crashed ? 'crash' : plan.onEvent(events++, name);
    if (fault === 'crash') crash();
    return fault;
  };
  const failure = (name: NativeEvent): DOMException => plan.error ?? new DOMException(`injected at ${name}`, 'UnknownError');
  const enter = (name: NativeEvent): Exclude<NativeFault, 'throw' | 'crash'> => {
    const fault = faultAt(name);
    if (fault === 'throw' || fault === 'crash') throw failure(name);
    return fault;
  };
  /** Listens before anybody else does, so that nobody else hears after a crash. */
  const mute = (target: EventTarget, fault: NativeFault, ...types: readonly string[]): void => {
    for (const type of types) target.addEventListener(type, (event) => (crashed || fault === 'hang') && event.stopImmediatePropagation());
  };

  const open = (name: string, version?: number): IDBOpenDBRequest => {
    const fault = enter('open');
    if (fault === 'abort') throw failure('open');
    const request = factory.open(name, version);
    request.addEventListener('success', () => (crashed ? request.result.close() : watchDatabase(request.result)));
    mute(request, fault, 'success', 'error', 'blocked');
    return request;
  };
  const watchDatabase = (db: IDBDatabase): void => {
    connections.add(db);
    mute(db, 'go', 'versionchange', 'close');
    replace(db, 'transaction', (native) => (...args) => {
      const fault = enter('transaction');
      const tx = native(...args);
      watchTransaction(tx);
      if (fault === 'abort') giveUp(tx, plan.error);
      return tx;
    });
  };
  const watchTransaction = (tx: IDBTransaction): void => {
    transactions.add(tx);
    tx.addEventListener('complete', (event) => {
      transactions.delete(tx);
      // A read's comes at any time between later events, and nobody waits for it.
      const fault = tx.mode === 'readwrite' ? faultAt('complete') : 'go';
      if (fault !== 'go') event.stopImmediatePropagation();
      if (fault === 'throw' || fault === 'abort') loseConnection(tx, event);
    });
    mute(tx, 'go', 'abort', 'error');
    replace(tx, 'commit', (native) => () => {
      const fault = enter('commit');
      if (fault === 'refuse') return queueMicrotask(() => giveUp(tx, plan.error));
      if (fault === 'abort') giveUp(tx, plan.error);
      native();
    });
    replace(tx, 'objectStore', (native) => (name) => {
      const store = native(name);
      for (const request of REQUESTS) if (!Object.hasOwn(store, request)) watchRequests(tx, store, request);
      return store;
    });
  };
  const watchRequests = (tx: IDBTransaction, store: IDBObjectStore, name: (typeof REQUESTS)[number]): void => {
    replace<Record<string, (...args: unknown[]) => IDBRequest>, string>(store as never, name, (native) => (...args) => {
      const fault = enter(name);
      const request = native(...args);
      mute(request, fault, 'success', 'error');
      if (fault === 'abort') giveUp(tx, plan.error);
      return request;
    });
  };

  return new Proxy(factory, {
    get: (target, name) => {
      const member: unknown = name === 'open' ? open : Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** As the storage does it: with an error, which a script's `abort()` has not. */
function giveUp(tx: IDBTransaction, error = new DOMException('injected', 'AbortError')): void {
  Object.defineProperty(tx, 'error', { value: error, writable: true });
  tx.abort();
}

function loseConnection(tx: IDBTransaction, { constructor }: Event): void {
  const ItsEvent = constructor as typeof Event;
  tx.dispatchEvent(new ItsEvent('abort'));
  tx.db.close();
  tx.db.dispatchEvent(new ItsEvent('close'));
}

function replace<T extends object, K extends keyof T & string>(target: T, name: K, make: (native: T[K]) => T[K]): void {
  const native = target[name] as (...args: unknown[]) => unknown;
  Object.defineProperty(target, name, { value: make(native.bind(target) as T[K]), configurable: true });
}

function attempt(call: () => void): void {
  try {
    call();
  } catch {
    // It has ended already, or its commit was requested.
  }
}

/**
 * Chromium computes most of WebCrypto before it hands out the promise, and so hides that a transaction body awaits it. This gives all answers the turn of
 * the event loop that they take in Firefox and Safari. Returns what undoes it.
 */
export function lateWebCrypto(): () => void {
  const own = Object.getOwnPropertyDescriptors(SubtleCrypto.prototype);
  for (const [name, { value }] of Object.entries(own)) {
    if (typeof value !== 'function' || name === 'constructor') continue;
    const method = value as (...args: unknown[]) => unknown;
    Object.defineProperty(SubtleCrypto.prototype, name, {
      ...own[name as keyof typeof own],
      async value(this: unknown, ...args: unknown[]): Promise<unknown> {
        const [answer] = await Promise.allSettled([method.apply(this, args), new Promise((resolve) => setTimeout(resolve, 0))]);
        if (answer.status === 'rejected') throw answer.reason;
        return answer.value;
      },
    });
  }
  return () => Object.defineProperties(SubtleCrypto.prototype, own);
}
