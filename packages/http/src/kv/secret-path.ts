import type { ReadTx } from '@sealkv/core';
import { secretExists } from '@sealkv/core';
import type { Place } from '../route.ts';

/**
 * The path of a secret as captured behind `data/` and the like; undefined where none can be: there is no name, or a slash follows it. Such a
 * path is no error: it addresses what cannot exist. (OpenBao finds the metadata of `foo` under `foo/`, and loses its values.)
 */
export function secretPath({ path = '' }: Readonly<Record<string, string>>): string | undefined {
  return path === '' || path.endsWith('/') ? undefined : path;
}

/** Whether there is a secret, be it without a version: what tells a create from an update. */
export async function secretThere(tx: ReadTx, { params, mount }: Place): Promise<boolean> {
  const path = secretPath(params);
  return path !== undefined && secretExists(tx, mount!, path);
}
