import type { KvStore, ReadTx, Write } from '@sealkv/core';
import { ApiError } from './api-error.ts';
import { corsKey, putRecord, readRecord } from './records.ts';
import { answer } from './reply.ts';
import type { ApiAnswer, RequestHead } from './request.ts';
import { header } from './request.ts';

/** Which web pages of other origins may call, once it is switched on. */
export interface CorsSettings {
  /** Origins as browsers send them, or just `*`. */
  readonly allowedOrigins: readonly string[];
  /** Besides {@link STANDARD_HEADERS}. */
  readonly extraHeaders: readonly string[];
  readonly allowCredentials: boolean;
}

/** What OpenBao's clients send, in its order (vault/cors.go). */
export const STANDARD_HEADERS: readonly string[] = [
  'Content-Type',
  'Authorization',
  'X-Vault-Token',
  'X-Vault-MFA',
  'X-Vault-No-Request-Forwarding',
  'X-Vault-Wrap-Format',
  'X-Vault-Wrap-TTL',
  'X-Requested-With',
  'X-Vault-AWS-IAM-Server-ID',
  'X-Vault-Policy-Override',
];

/** OpenBao's, and PATCH and HEAD, without which no page could patch. */
const ALLOWED_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'LIST', 'SCAN'];

export async function loadCors(tx: ReadTx): Promise<CorsSettings | undefined> {
  const bytes = await tx.get(corsKey);
  return bytes && readRecord<CorsSettings>(bytes).facts;
}

/** Undefined switches it off. */
export function putCors(settings: CorsSettings | undefined): Write {
  return settings === undefined ? { kind: 'delete', key: corsKey } : putRecord(corsKey, settings);
}

export function allowedHeaders({ extraHeaders }: CorsSettings): readonly string[] {
  return [...STANDARD_HEADERS, ...extraHeaders];
}

/**
 * Answers a request with an `Origin`, before anything else about it is looked at, its token included: a preflight has none. What `respond` answers
 * gets the headers that let the page read it, errors too. Costs nothing where no origin is sent.
 * @throws ApiError 403 for another origin; 405 for a preflight about a method that there is not
 */
export async function answerWithCors(store: KvStore, head: RequestHead, respond: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
  const origin = header(head, 'origin');
  const settings = origin === undefined ? undefined : await store.read(loadCors);
  if (origin === undefined || settings === undefined) return respond();
  const { headers, isPreflight } = judgeOrigin(settings, head, origin);
  const answered = isPreflight ? answer(200, undefined) : await respond();
  return { ...answered, headers: { ...answered.headers, ...headers } };
}

interface CorsVerdict {
  readonly headers: Readonly<Record<string, string>>;
  readonly isPreflight: boolean;
}

function judgeOrigin({ allowedOrigins, allowCredentials, ...settings }: CorsSettings, head: RequestHead, origin: string): CorsVerdict {
  if (allowedOrigins[0] !== '*' && !allowedOrigins.includes(origin)) throw new ApiError(403, 'origin not allowed');
  const isPreflight = head.method === 'OPTIONS';
  if (isPreflight && !ALLOWED_METHODS.includes(header(head, 'access-control-request-method') ?? '')) throw new ApiError(405);
  const headers: Record<string, string> = { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' };
  if (allowCredentials) headers['Access-Control-Allow-Credentials'] = 'true';
  if (isPreflight) {
    headers['Access-Control-Allow-Methods'] = ALLOWED_METHODS.join();
    headers['Access-Control-Allow-Headers'] = allowedHeaders({ allowedOrigins, allowCredentials, ...settings }).join();
    headers['Access-Control-Max-Age'] = '300';
  }
  return { headers, isPreflight };
}
