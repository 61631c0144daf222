import { StoreError } from '../errors.ts';
import type { Sealer } from '../sealer.ts';
import type { KvStore, ReadTx, Write } from '../store.ts';

/** Called at every event of a store, an adapter or a sealer, before it happens; throws to make it fail. */
export type EventHook = (event: string) => void;

/** What a fault test throws: nothing that SealKV would make up itself. */
export class InjectedFault extends Error {
  override readonly name = 'InjectedFault';
  /** Whether the process dies here: nothing after it happens. */
  readonly fatal: boolean;

  constructor(message: string, { fatal = false }: { readonly fatal?: boolean } = {}) {
    super(message);
    this.fatal = fatal;
  }
}

/**
 * A store that reports every event at the port: the start of a transaction, each request of its body, `commit` (the body has returned, nothing
 * is applied) and `committed` (all is applied, the caller does not know yet). A hook that throws at `committed` loses the connection there.
 */
export function observedStore(store: KvStore, at: EventHook, onWrites: (writes: readonly Write[]) => void = () => undefined): KvStore {
  return {
    async read(body, options) {
      at('read');
      const result = await store.read((tx) => body(observedTx(tx, at)), options);
      at('read done');
      return result;
    },
    async write(body, options) {
      at('write');
      const result = await store.write(async (tx) => {
        const outcome = await body(observedTx(tx, at));
        onWrites(outcome.writes);
        at('commit');
        return outcome;
      }, options);
      lostAfterCommit(at, 'committed');
      return result;
    },
    close: () => store.close(),
  };
}

/** Runs a hook where the commit has been requested: a fault there is a lost connection, not a failure. */
export function lostAfterCommit(at: EventHook, event: string): void {
  try {
    at(event);
  } catch (cause) {
    throw new StoreError('COMMIT_UNKNOWN', 'the connection to the storage was lost after the commit was requested', { cause });
  }
}

function observedTx(tx: ReadTx, at: EventHook): ReadTx {
  return {
    get: async (key) => (at('get'), tx.get(key)),
    scan: async (range) => (at('scan'), tx.scan(range)),
    scanKeys: async (range) => (at('scanKeys'), tx.scanKeys(range)),
  };
}

/** A sealer that reports before and after it seals and opens. */
export function observedSealer(sealer: Sealer, at: EventHook): Sealer {
  return {
    async seal(plaintext, binding) {
      at('seal');
      const sealed = await sealer.seal(plaintext, binding);
      at('sealed');
      return sealed;
    },
    async open(sealed, binding) {
      at('open');
      const plaintext = await sealer.open(sealed, binding);
      at('opened');
      return plaintext;
    },
  };
}

/**
 * The founding bug on purpose: a store that applies the writes of a transaction one by one, each in a commit of its own, with an event in between.
 * What it does to an interrupted operation is what Vault does (hashicorp/vault#16488). A test that does not condemn it proves nothing.
 */
export function tornStore(store: KvStore, at: EventHook = () => undefined): KvStore {
  return {
    read: (body, options) => store.read(body, options),
    async write(body, options) {
      let outcome: Awaited<ReturnType<typeof body>> | undefined;
      await store.write(async (tx) => {
        outcome = await body(tx);
        return { result: undefined, writes: [] };
      }, options);
      for (const write of outcome!.writes) {
        at('torn write');
        options?.signal?.throwIfAborted();
        await store.write(async () => ({ result: undefined, writes: [write] }));
      }
      return outcome!.result;
    },
    close: () => store.close(),
  };
}
