/** A Vault-compatible KV endpoint on Cloudflare: `export { default, NamespaceObject } from '@sealkv/worker'` is a whole Worker. */
import { createHandler } from './create-handler.ts';
import type { Handler } from './create-handler.ts';
import type { NamespaceEnv, NamespaceObject } from './namespace-object.ts';

export type { Handler, HandlerOptions } from './create-handler.ts';
export { createHandler } from './create-handler.ts';
export type { DurableKvStore } from './durable-store.ts';
export { durableStore } from './durable-store.ts';
export type { NamespaceEnv } from './namespace-object.ts';
export { NamespaceObject } from './namespace-object.ts';
export type { ReadSecret, ReadSubkeys, SecretsProps } from './secrets-entrypoint.ts';
export { Secrets } from './secrets-entrypoint.ts';

/** The Worker's environment: the binding of the objects, and the secrets that they read themselves. */
export interface Env extends NamespaceEnv {
  readonly SEALKV: DurableObjectNamespace<NamespaceObject>;
}

const worker: Handler<Env> = createHandler((env: Env) => env.SEALKV);
export default worker;
