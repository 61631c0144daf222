import { DurableObject } from 'cloudflare:workers';
import { tornStore } from '@sealkv/core/testing';
import type { Api, ApiAnswer, ApiRequest } from '@sealkv/http';
import { createApi, decodeSealKey, Redacted } from '@sealkv/http';
import type { NamespaceEnv } from '@sealkv/worker';
import { durableStore } from '@sealkv/worker';

export { default } from '@sealkv/worker';

/** The real object but for its store, which commits write by write. */
export class NamespaceObject extends DurableObject<NamespaceEnv> {
  readonly #api: Api;

  constructor(ctx: DurableObjectState, env: NamespaceEnv) {
    super(ctx, env);
    const sealKey = decodeSealKey(env.SEALKV_SEAL_KEY!)!;
    this.#api = createApi({ store: tornStore(durableStore(ctx.storage)), sealKey, rootToken: new Redacted(env.SEALKV_ROOT_TOKEN!) });
  }

  async handle(request: ApiRequest): Promise<ApiAnswer> {
    return this.#api.handle(request);
  }
}
