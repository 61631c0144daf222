import type { Cancellable } from '@sealkv/core';

/**
 * Runs `work` in exactly one tab or worker of the origin at a time, of all that call this with the same name: for what must happen, but once (removing
 * what an unmount has left, a synchronisation). The others wait; when that tab ends, or its `work` does, the next one takes over. The signal that
 * `work` gets is aborted when it must end: by `signal`, or because somebody took the lead by force.
 *
 * Resolves once `work` has ended here. Rejects with what it throws, or with `signal.reason` while waiting.
 *
 * By Web Locks, which all current browsers have in pages that came over HTTPS. Without them `work` runs at once, in every tab: it must bear that.
 */
export async function lead(name: string, work: (signal: AbortSignal) => Promise<void>, { signal }: Cancellable = {}): Promise<void> {
  signal?.throwIfAborted();
  const leading = new AbortController();
  const end = (): void => leading.abort(signal?.reason);
  signal?.addEventListener('abort', end);
  const run = async (): Promise<void> => {
    if (!leading.signal.aborted) await work(leading.signal);
  };
  try {
    const locks = (globalThis.navigator as Partial<Navigator> | undefined)?.locks;
    await (locks ? locks.request(`sealkv:${name}`, { signal: leading.signal }, run) : run());
  } catch (error) {
    leading.abort(error); // it was taken by force
    throw error;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}
