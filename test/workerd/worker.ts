import { DurableObject } from 'cloudflare:workers';
import type { NamespaceObject } from '../../packages/worker/src/namespace-object.ts';

declare global {
  namespace Cloudflare {
    interface Env {
      readonly STORE_HOST: DurableObjectNamespace<StoreHost>;
      readonly SEALKV: DurableObjectNamespace<NamespaceObject>;
      readonly SEALKV_ROOT_TOKEN: string;
    }
  }
}

/** An object with nothing in it but its storage: tests run their own code inside. */
export class StoreHost extends DurableObject {}

export { NamespaceObject } from '../../packages/worker/src/namespace-object.ts';
export { Secrets } from '../../packages/worker/src/secrets-entrypoint.ts';

export default {
  fetch: () => new Response('this Worker only hosts tests', { status: 404 }),
} satisfies ExportedHandler;
