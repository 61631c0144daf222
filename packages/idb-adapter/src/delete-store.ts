import { storeError } from './dom-errors.ts';
import type { OpenOptions } from './open.ts';
import { answered, factoryOf } from './open.ts';

export interface DeleteOptions extends OpenOptions {
  /** Also delete the key that `deviceKey(name)` made: what was sealed with it, in a backup too, can never be opened again. */
  readonly deviceKey?: boolean | undefined;
}

/**
 * Forgets on this device what `idbStore(name)` has kept. Other tabs give way; who still uses the store finds it empty, and listeners hear of it.
 * Nothing there to delete is fine. (A browser may keep deleted bytes on the disk for a while; sealed ones are worth nothing without the key.)
 *
 * An engine that has the key in memory goes on with it: reload the tabs after its deletion, or what they still write cannot be opened later.
 * @throws StoreError `TIMED_OUT`, `applied: 'unknown'`, if a tab holds the database open and does not give way: it is deleted once that tab closes
 */
export async function deleteIdbStore(name: string, options: DeleteOptions = {}): Promise<void> {
  // The key first: if the rest fails, what is left cannot be read.
  if (options.deviceKey) await deleteDatabase(`${name}:key`, options);
  await deleteDatabase(name, options);
}

async function deleteDatabase(name: string, options: OpenOptions): Promise<void> {
  try {
    await answered(factoryOf(options).deleteDatabase(name), options, 'unknown');
  } catch (cause) {
    throw storeError(cause);
  }
}
