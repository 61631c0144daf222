import { needsBody } from './endpoints.ts';
import { MAX_ANONYMOUS_BODY } from './respond.ts';
import type { ApiAnswer, ApiRequest, RequestHead } from './request.ts';
import { tokenOf } from './request.ts';

export interface WebOptions {
  /** Bytes of a body; 4 MiB by default. A larger one is not read. */
  readonly maxBodyBytes?: number | undefined;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** A `Request` of the Fetch API, its body read if it will be looked at, and never further than the limit. */
export async function readRequest(request: Request, { maxBodyBytes = MAX_BODY_BYTES }: WebOptions = {}): Promise<ApiRequest> {
  const { pathname, search } = new URL(request.url);
  const head: RequestHead = { method: request.method, target: pathname + search, headers: [...request.headers] };
  const most = tokenOf(head) === undefined ? Math.min(maxBodyBytes, MAX_ANONYMOUS_BODY) : maxBodyBytes;
  return { ...head, body: needsBody(head) ? await readBody(request, most) : new Uint8Array() };
}

export function toResponse({ status, headers, body }: ApiAnswer): Response {
  const nullBody = status === 204 || status === 304;
  return new Response(nullBody ? null : body, { status, headers });
}

async function readBody(request: Request, maxBytes: number): Promise<Uint8Array | 'too large'> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return 'too large';
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      await reader?.cancel();
      return 'too large';
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
