import type { FolderPath } from './path.ts';
import type { ReadTx } from './store.ts';
import { compareKeys, prefixEnd } from './store.ts';

export interface ListOptions {
  /** Only entries after this one, in UTF-8 byte order; it need not exist. */
  readonly after?: string | undefined;
  /** At most so many entries. */
  readonly limit?: number | undefined;
}

// Keys asked for at a time. A subfolder that goes on beyond a batch is skipped by seeking past it, so its size does not matter.
const BATCH = 256;

/**
 * The entries directly under a folder, in UTF-8 byte order: secrets by name, subfolders with a trailing slash (a name that is both comes twice).
 * Costs per entry shown, not per secret below: subfolders are seeked past.
 */
export async function listFolder(
  tx: ReadTx,
  headsPrefix: string,
  folder: FolderPath,
  { after = '', limit = Infinity }: ListOptions,
): Promise<string[]> {
  const prefix = headsPrefix + folder;
  const to = prefixEnd(prefix);
  const names: string[] = [];
  let from = prefix + startAfter(after);
  while (names.length < limit) {
    const batch = Math.min(BATCH, limit - names.length + 1);
    const keys = await tx.scanKeys({ from, to, limit: batch });
    for (const key of keys) {
      if (compareKeys(key, from) < 0) continue; // inside a subfolder that is listed already
      const rest = key.slice(prefix.length);
      const slash = rest.indexOf('/');
      const name = slash < 0 ? rest : rest.slice(0, slash + 1);
      if (names.length < limit) names.push(name);
      from = slash < 0 ? `${key}\0` : prefixEnd(prefix + name);
    }
    if (keys.length < batch) break;
  }
  return names;
}

/** The paths of all secrets below a folder, relative to it, in UTF-8 byte order. */
export async function scanFolder(tx: ReadTx, headsPrefix: string, folder: FolderPath, { after = '', limit }: ListOptions): Promise<string[]> {
  const prefix = headsPrefix + folder;
  const from = after === '' ? prefix : `${prefix}${after}\0`;
  const keys = await tx.scanKeys({ from, to: prefixEnd(prefix), limit });
  return keys.map((key) => key.slice(prefix.length));
}

/** Where entries greater than `after` begin. An `after` inside a subfolder is also past that subfolder's own entry, `a/` < `a/x`. */
function startAfter(after: string): string {
  if (after === '') return '';
  const slash = after.indexOf('/');
  return slash < 0 ? `${after}\0` : prefixEnd(after.slice(0, slash + 1));
}
