import { DurableObject } from 'cloudflare:workers';
import { aesGcmSealer } from '@sealkv/core';
import type { Api, ApiAnswer, ApiRequest } from '@sealkv/http';
import { createApi, decodeSealKey, Redacted, sealedAnswer } from '@sealkv/http';
import { durableStore } from './durable-store.ts';

/** The Worker's secrets. Without both, every request is answered with 503 and nothing is written. */
export interface NamespaceEnv {
  /** 32 bytes as base64, base64url or hex: what everything is sealed with. */
  readonly SEALKV_SEAL_KEY?: string | undefined;
  readonly SEALKV_ROOT_TOKEN?: string | undefined;
}

/** One namespace (one tenant): its mounts and their secrets, in the SQLite database of one Durable Object. */
export class NamespaceObject extends DurableObject<NamespaceEnv> {
  readonly #api: Api | { readonly sealed: string };

  /** Writes nothing. */
  constructor(ctx: DurableObjectState, env: NamespaceEnv) {
    super(ctx, env);
    this.#api = open(ctx.storage, env);
  }

  /** One API request, start to end. */
  async handle(request: ApiRequest): Promise<ApiAnswer> {
    return 'sealed' in this.#api ? sealedAnswer(request, this.#api.sealed) : this.#api.handle(request);
  }
}

function open(storage: DurableObjectStorage, { SEALKV_SEAL_KEY, SEALKV_ROOT_TOKEN }: NamespaceEnv): Api | { readonly sealed: string } {
  if (!SEALKV_SEAL_KEY) return { sealed: 'the secret SEALKV_SEAL_KEY is not set' };
  if (!SEALKV_ROOT_TOKEN) return { sealed: 'the secret SEALKV_ROOT_TOKEN is not set' };
  const key = decodeSealKey(SEALKV_SEAL_KEY);
  if (key === undefined) return { sealed: 'the secret SEALKV_SEAL_KEY is not 32 bytes as base64, base64url or hex' };
  return createApi({ store: durableStore(storage), sealer: aesGcmSealer(key), rootToken: new Redacted(SEALKV_ROOT_TOKEN) });
}
