import type { ApiAnswer, ApiRequest } from '../request.ts';
import type { Delegate } from '../tokens/credentials.ts';
import type { OwnNamespace } from './namespace-entry.ts';

/** How the root namespace reaches the others: objects of their own, each with an API like this one. */
export interface NamespacePort {
  /**
   * The id of a new object, 64 hexadecimal digits. Nothing is stored by it.
   * @throws ApiError 400 for a jurisdiction that is not to be had
   */
  newId(options: { readonly jurisdiction?: string | undefined }): string;
  forward(request: ForwardedRequest): Promise<ApiAnswer>;
  /** Refuses everything from now on, and removes what is there bit by bit. Whether it is all gone. */
  end(id: string): Promise<boolean>;
}

/** A request on its way from the root object to another; it goes no further. */
export interface ForwardedRequest {
  readonly to: OwnNamespace;
  /** Addressed within the namespace. */
  readonly request: ApiRequest;
  /** Whoever sent it, as the root object has verified; undefined if nobody: a login. */
  readonly delegate: Delegate | undefined;
}
