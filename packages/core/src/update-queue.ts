/**
 * Lets updates of one secret take turns within this process: twenty naive read-modify-write loops need about two hundred attempts, twenty in a
 * queue need twenty. Correctness does not depend on it; the commit checks what was read.
 */
export class UpdateQueue {
  readonly #lastByPath = new Map<string, Promise<unknown>>();

  /** Runs `update` when its turn has come; a signal that fires before that gives the turn up at once. */
  async run<T>(path: string, update: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    let waiting = true;
    const begin = (): Promise<T> => {
      signal?.throwIfAborted();
      waiting = false;
      return update();
    };
    const mine = (this.#lastByPath.get(path) ?? Promise.resolve()).then(begin, begin);
    this.#lastByPath.set(path, mine);
    const forget = (): void => {
      if (this.#lastByPath.get(path) === mine) this.#lastByPath.delete(path);
    };
    mine.then(forget, forget);

    let giveUp = (): void => undefined;
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = () => waiting && reject(signal?.reason);
    });
    signal?.addEventListener('abort', giveUp);
    try {
      return await Promise.race([mine, givenUp]);
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }
}
