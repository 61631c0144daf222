/** What the browser says about the room of this origin, all its databases and caches together. */
export interface StorageEstimate {
  /** Bytes, about. */
  readonly usage: number;
  readonly quota: number;
  /** Whether the browser keeps the data when it needs room for other sites (`persistStorage`). */
  readonly persisted: boolean;
}

/** How much room there is; undefined where the browser does not tell. Asks nobody, and takes its time in some browsers: not for before each write. */
export async function storageEstimate(): Promise<StorageEstimate | undefined> {
  const storage = storageOf();
  const [{ usage = 0, quota } = {}, persisted = false] = await Promise.all([storage?.estimate?.(), storage?.persisted?.()]);
  return quota === undefined ? undefined : { usage, quota, persisted };
}

/**
 * Asks the browser to keep this origin's data when it needs room for other sites; whether it will. For a moment in which the user understands why:
 * Firefox asks them, and answers when they do, which may be never. So nothing should wait for it.
 */
export async function persistStorage(): Promise<boolean> {
  return (await storageOf()?.persist?.()) ?? false;
}

/** Missing on servers, and in pages that did not come over HTTPS. */
function storageOf(): Partial<StorageManager> | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.storage;
}
