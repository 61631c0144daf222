import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

/** Runs `run` inside the object of this name, as one event of it. Storage is kept per test file: give each case a name of its own. */
export function inObject<T>(name: string, run: (state: DurableObjectState) => Promise<T>): Promise<T> {
  return runInDurableObject(env.STORE_HOST.getByName(name), (_object, state) => run(state));
}
