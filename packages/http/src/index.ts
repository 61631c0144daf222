/** The HTTP API of the Vault / OpenBao KV secrets engine, on any SealKV store: one function from a request to an answer. */
export type { Api } from './api.ts';
export { createApi, sealedAnswer, unavailableAnswer } from './api.ts';
export { Redacted } from './redacted.ts';
export type { ApiAnswer, ApiRequest, RequestHead } from './request.ts';
export { decodeSealKey } from './seal-key.ts';
export type { ApiOptions } from './services.ts';
export type { WebOptions } from './web.ts';
export { readRequest, toResponse } from './web.ts';
