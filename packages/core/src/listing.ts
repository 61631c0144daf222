import { KvError } from './errors.ts';
import { headsPrefix } from './keyspace.ts';
import { checkWhole } from './kv2/settings.ts';
import type { Limits } from './limits.ts';
import type { listFolder, ListOptions } from './list.ts';
import type { MountHandle } from './mount-handle.ts';
import { parseFolder } from './path.ts';
import { isWellFormed } from './store.ts';

export interface Cancellable {
  /** Cancels up to the commit request: nothing happened, and the promise rejects with `signal.reason`. Ignored from then on. */
  readonly signal?: AbortSignal | undefined;
}

export interface ListingOptions extends Cancellable, ListOptions {}

/** The names below a folder, by one of the two walks of `list.ts`. */
export async function namesBelow(
  mount: MountHandle,
  { maxPathBytes }: Limits,
  walk: typeof listFolder,
  folder: string,
  { signal, ...options }: ListingOptions,
): Promise<string[]> {
  const folderPath = parseFolder(folder, maxPathBytes);
  checkListing(options);
  const read = await mount.read((tx, mountId) => walk(tx, headsPrefix(mountId), folderPath, options), { signal });
  return read?.value ?? [];
}

/** @throws KvError `INVALID_OPTION` */
export function checkListing({ after, limit }: ListOptions): void {
  if (limit !== undefined) checkWhole('limit', limit, { min: 1 });
  if (after !== undefined && !isWellFormed(after)) throw new KvError('INVALID_OPTION', { field: 'after', problem: 'it has a lone surrogate' });
}
