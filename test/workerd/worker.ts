import { DurableObject } from 'cloudflare:workers';

declare global {
  namespace Cloudflare {
    interface Env {
      readonly STORE_HOST: DurableObjectNamespace<StoreHost>;
    }
  }
}

/** An object with nothing in it but its storage: tests run their own code inside. */
export class StoreHost extends DurableObject {}

export default {
  fetch: () => new Response('this Worker only hosts tests', { status: 404 }),
} satisfies ExportedHandler;
