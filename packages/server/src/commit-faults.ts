import { AsyncLocalStorage } from 'node:async_hooks';
import type { KvStore } from '@sealkv/core';
import { StoreError } from '@sealkv/core';

/**
 * How a commit fails: nothing is applied because the storage failed or is full, or everything is applied and the answer is lost on its way.
 * Clients see 503, 507 and 503.
 */
export type CommitFailure = 'FAILED' | 'QUOTA_EXCEEDED' | 'COMMIT_UNKNOWN';

/** Makes commits of stores fail, on demand. Each failure is good for one transaction that changes something; those that change nothing don't count. */
export class CommitFaults {
  readonly #pending: CommitFailure[] = [];
  readonly #exempt = new AsyncLocalStorage<true>();

  /** The next one fails; called again, the one after it as well. */
  failNext(failure: CommitFailure): void {
    this.#pending.push(failure);
  }

  /** What fails is something that a client asked for: not what `work` does, which a timer may start at any time. */
  exempting<T>(work: () => T): T {
    return this.#exempt.run(true, work);
  }

  /** The store, whose transactions fail when one is to. */
  into(store: KvStore): KvStore {
    return {
      read: (body, options) => store.read(body, options),
      close: () => store.close(),
      write: async (body, options) => {
        const isExempt = this.#exempt.getStore() === true;
        let failure: CommitFailure | undefined;
        const result = await store.write(async (tx) => {
          const outcome = await body(tx);
          if (isExempt || outcome.writes.length === 0) return outcome;
          failure = this.#pending.shift();
          if (failure !== undefined && failure !== 'COMMIT_UNKNOWN') throw new StoreError(failure, 'this commit was to fail');
          return outcome;
        }, options);
        if (failure === 'COMMIT_UNKNOWN') throw new StoreError(failure, 'the answer to this commit was to be lost');
        return result;
      },
    };
  }
}
