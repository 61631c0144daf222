/** The HTTP API of the Vault / OpenBao KV secrets engine, on any SealKV store: one function from a request to an answer. */
export type { Api } from './api.ts';
export { apiOwners } from './check.ts';
export { createApi, sealedAnswer, unavailableAnswer } from './api.ts';
export { needsBody } from './endpoints.ts';
export type { OwnNamespace } from './namespaces/namespace-entry.ts';
export type { ForwardedRequest, NamespacePort } from './namespaces/namespace-port.ts';
export { ApiError } from './api-error.ts';
export type { EngineCall, EngineMethod } from './engine-call.ts';
export { Redacted } from './redacted.ts';
export type { ApiAnswer, ApiRequest, RequestHead } from './request.ts';
export { tokenOf } from './request.ts';
export { decodeSealKey } from './seal-key.ts';
export type { ApiOptions } from './services.ts';
export type { WebOptions } from './web.ts';
export { readRequest, toResponse } from './web.ts';
