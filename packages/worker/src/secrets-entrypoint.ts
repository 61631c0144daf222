import { WorkerEntrypoint } from 'cloudflare:workers';
import type { ListingOptions, Metadata, MetadataPatch, NewMetadata, PutResult, Secret, Subkeys } from '@sealkv/core';
import type { EngineMethod } from '@sealkv/http';
import type { NamespaceObject } from './namespace-object.ts';
import { objectFor } from './object-names.ts';

/** What a binding is for; `props` of the service binding. */
export interface SecretsProps {
  /** The KV v2 mount, `secret/` if none is given. */
  readonly mount?: string | undefined;
}

interface SecretsEnv {
  readonly SEALKV: DurableObjectNamespace<NamespaceObject>;
}

/** What can be stored. (A recursive type such as `JsonObject` is more than the types of a service binding can take.) */
type Members = Readonly<Record<string, string | number | boolean | null | object>>;
type Value = Members | null;

/** A version as read; `text` is the exact JSON, `data` undefined unless it is live. */
export interface ReadSecret extends Omit<Secret, 'data'> {
  readonly data: Value | undefined;
}

/** A version's members, every value replaced by null. */
export interface ReadSubkeys extends Omit<Subkeys, 'subkeys'> {
  readonly subkeys: Value | undefined;
}

interface Cas {
  readonly cas?: number | { readonly version: number; readonly incarnation: string } | undefined;
}

/**
 * The secrets of one mount for other Workers, by a service binding: no token, no HTTP, the methods and errors of `SecretEngine`.
 *
 * ```toml
 * [[services]]
 * binding = "SECRETS"
 * service = "sealkv"
 * entrypoint = "Secrets"
 * props = { mount = "secret/" }
 * ```
 * ```ts
 * const login = await env.SECRETS.get('app/login');
 * ```
 *
 * Who can deploy a Worker with such a binding may do everything with the mount; each call has its record in the audit log. Every call is one
 * call to one object. Errors keep their code and details: `isSealKvError(error, 'CAS_MISMATCH')`.
 */
export class Secrets extends WorkerEntrypoint<SecretsEnv, SecretsProps> {
  put(path: string, data: Value, options?: Cas): Promise<PutResult> {
    return this.#call('put', path, data, options);
  }

  /** As `put`, of exact JSON text. */
  putText(path: string, text: string, options?: Cas): Promise<PutResult> {
    return this.#call('putText', path, text, options);
  }

  get(path: string, options?: { readonly version?: number }): Promise<ReadSecret | undefined> {
    return this.#call('get', path, options);
  }

  patch(path: string, patch: Members, options?: Cas): Promise<PutResult> {
    return this.#call('patch', path, patch, options);
  }

  delete(path: string): Promise<void> {
    return this.#call('delete', path);
  }

  deleteVersions(path: string, versions: readonly number[]): Promise<void> {
    return this.#call('deleteVersions', path, versions);
  }

  undelete(path: string, versions: readonly number[]): Promise<void> {
    return this.#call('undelete', path, versions);
  }

  destroy(path: string, versions: readonly number[]): Promise<void> {
    return this.#call('destroy', path, versions);
  }

  subkeys(path: string, options?: { readonly version?: number; readonly depth?: number }): Promise<ReadSubkeys | undefined> {
    return this.#call('subkeys', path, options);
  }

  getMetadata(path: string): Promise<Metadata | undefined> {
    return this.#call('getMetadata', path);
  }

  putMetadata(path: string, metadata: NewMetadata, options?: { readonly metadataCas?: number }): Promise<void> {
    return this.#call('putMetadata', path, metadata, options);
  }

  patchMetadata(path: string, patch: MetadataPatch, options?: { readonly metadataCas?: number }): Promise<void> {
    return this.#call('patchMetadata', path, patch, options);
  }

  deleteMetadata(path: string): Promise<void> {
    return this.#call('deleteMetadata', path);
  }

  list(folder?: string, options?: Omit<ListingOptions, 'signal'>): Promise<string[]> {
    return this.#call('list', folder ?? '', options);
  }

  scan(folder?: string, options?: Omit<ListingOptions, 'signal'>): Promise<string[]> {
    return this.#call('scan', folder ?? '', options);
  }

  listDetailed(
    folder?: string,
    options?: Omit<ListingOptions, 'signal'> & { readonly recursive?: boolean },
  ): Promise<{ readonly name: string; readonly metadata: Metadata | undefined }[]> {
    return this.#call('listDetailed', folder ?? '', options);
  }

  #call<T>(method: EngineMethod, ...args: readonly unknown[]): Promise<T> {
    const object = objectFor(this.env.SEALKV, undefined);
    return object.callEngine({ mount: this.ctx.props.mount ?? 'secret/', method, args }) as Promise<T>;
  }
}
