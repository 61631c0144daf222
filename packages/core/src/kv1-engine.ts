import { loadHead } from './apply.ts';
import type { EngineOptions } from './engine.ts';
import { StoreError } from './errors.ts';
import type { JsonInput } from './json-input.ts';
import { jsonTextOf } from './json-input.ts';
import type { JsonObject, JsonText } from './json-text.ts';
import { parseJson } from './json-text.ts';
import { payloadKey } from './keyspace.ts';
import { decideV1Delete } from './kv1/delete.ts';
import { decideV1Put } from './kv1/put.ts';
import type { Limits } from './limits.ts';
import { limitsOf } from './limits.ts';
import { listFolder, scanFolder } from './list.ts';
import type { Cancellable, ListingOptions } from './listing.ts';
import { namesBelow } from './listing.ts';
import type { Scope } from './mount-handle.ts';
import { bindingOf, environmentOf, MountHandle, mintId } from './mount-handle.ts';
import { parsePath } from './path.ts';
import type { SecretState } from './record.ts';
import { openNamed } from './sealer.ts';
import type { TxOptions } from './store.ts';

export interface Kv1Options extends EngineOptions {
  /** The mount's path, or a mount of `Mounts.list()`. KV v1 has no default path. */
  readonly mount: NonNullable<EngineOptions['mount']>;
}

export interface Kv1Secret {
  readonly data: JsonObject | null;
  /** The exact JSON as written. */
  readonly text: string;
}

/** A KV v1 secrets engine: one value per path, replaced in place. The same guarantees as {@link SecretEngine}. */
export class Kv1Engine {
  readonly #mount: MountHandle;
  readonly #options: Kv1Options;
  readonly #limits: Limits;

  /** Touches nothing: the first call opens the store. (`mount` is for {@link within}.) */
  constructor(options: Kv1Options, mount: MountHandle = handleOf(options)) {
    this.#options = options;
    this.#mount = mount;
    this.#limits = limitsOf(options.limits);
  }

  /** This engine with its transactions run by `scope`; see `SecretEngine.within`. */
  within(scope: Scope): Kv1Engine {
    return new Kv1Engine(this.#options, this.#mount.within(scope));
  }

  /** Writes the value, in place of the one there is. */
  async put<T>(path: string, data: JsonInput<T>, options: TxOptions = {}): Promise<void> {
    const secretPath = parsePath(path, this.#limits.maxPathBytes);
    const text = jsonTextOf(data, { ...this.#limits, path });
    const { environment, sealer } = this.#mount;
    await this.#mount.write(async (mount) => {
      const recordId = mintId(environment);
      const sealed = await sealer.seal(new TextEncoder().encode(text), { mountId: mount.id, recordId });
      const freshIncarnation = mintId(environment);
      return async (tx) => {
        const state = await loadHead(tx, mount.id, secretPath);
        const facts = { ref: { mountId: mount.id, path: secretPath }, now: environment.clock() };
        const command = { kind: 'put' as const, path: secretPath, payload: { recordId, sealed }, freshIncarnation };
        return { result: undefined, writes: decideV1Put(state, command, facts) };
      };
    }, options);
  }

  /** The value; undefined if there is none. */
  async get(path: string, { signal }: Cancellable = {}): Promise<Kv1Secret | undefined> {
    const secretPath = parsePath(path, this.#limits.maxPathBytes);
    const read = await this.#mount.read(
      async (tx, mountId) => {
        const state = await loadHead(tx, mountId, secretPath);
        if (state === undefined) return undefined;
        const payload = await tx.get(payloadKey(mountId, state.head.incarnation, 1));
        if (payload === undefined) throw new StoreError('CORRUPT', `${path} has no value`);
        return { payload, state };
      },
      { signal },
    );
    if (read?.value === undefined) return undefined;
    const recordId = recordIdOf(read.value.state);
    const bytes = await openNamed(`the value of ${path}`, this.#mount.sealer.open(read.value.payload, { mountId: read.mount.id, recordId }));
    const text = new TextDecoder().decode(bytes) as JsonText;
    return { data: parseJson(text) as JsonObject | null, text };
  }

  /** Removes the value for good. Nothing there is fine. */
  async delete(path: string, options: TxOptions = {}): Promise<void> {
    const secretPath = parsePath(path, this.#limits.maxPathBytes);
    await this.#mount.write(
      async (mount) => async (tx) => {
        const state = await loadHead(tx, mount.id, secretPath);
        const facts = { ref: { mountId: mount.id, path: secretPath }, now: this.#mount.environment.clock() };
        return { result: undefined, writes: decideV1Delete(state, facts) };
      },
      options,
    );
  }

  /** What lies directly under a folder, in UTF-8 byte order; subfolders end in a slash. */
  list(folder = '', options: ListingOptions = {}): Promise<string[]> {
    return namesBelow(this.#mount, this.#limits, listFolder, folder, options);
  }

  /** Every secret below a folder, at any depth, relative to it, in UTF-8 byte order. */
  scan(folder = '', options: ListingOptions = {}): Promise<string[]> {
    return namesBelow(this.#mount, this.#limits, scanFolder, folder, options);
  }

  /** Closes the store, for everybody who uses it. */
  close(): Promise<void> {
    return this.#mount.store.close();
  }
}

function handleOf({ store, sealer, mount, clock, random }: Kv1Options): MountHandle {
  return new MountHandle(store, sealer, environmentOf({ clock, random }), bindingOf(mount, 1));
}

function recordIdOf({ head }: SecretState): string {
  return head.entries[0]!.recordId;
}
