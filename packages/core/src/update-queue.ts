/**
 * Lets updates of one secret take turns within this process: twenty naive read-modify-write loops need about two hundred attempts, twenty in a
 * queue need twenty. Correctness does not depend on it; the commit checks what was read.
 */
export class UpdateQueue {
  readonly #lastByPath = new Map<string, Promise<unknown>>();

  async run<T>(path: string, update: () => Promise<T>): Promise<T> {
    const before = this.#lastByPath.get(path);
    const mine = (before ?? Promise.resolve()).then(update, update);
    this.#lastByPath.set(path, mine);
    try {
      return await mine;
    } finally {
      if (this.#lastByPath.get(path) === mine) this.#lastByPath.delete(path);
    }
  }
}
