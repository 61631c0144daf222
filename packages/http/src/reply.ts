import type { Out } from './json-out.ts';
import { printOut } from './json-out.ts';
import type { ApiAnswer } from './request.ts';

/**
 * What a handler answers.
 * - `undefined`: nothing to tell. 204, or 404 where something was asked for.
 * - `data`: in OpenBao's envelope.
 * - `bare`: a body of its own.
 * - `empty`: a status and no body.
 */
export type Reply =
  | undefined
  | {
      readonly kind: 'data';
      readonly data: Out;
      readonly status: number;
      readonly warnings: readonly string[];
      readonly leaseSeconds: number;
    }
  | { readonly kind: 'bare'; readonly status: number; readonly body: Out }
  | { readonly kind: 'empty'; readonly status: number };

export interface DataOptions {
  readonly status?: number | undefined;
  readonly warnings?: readonly string[] | undefined;
  readonly leaseSeconds?: number | undefined;
}

export function data(out: Out, { status = 200, warnings = [], leaseSeconds = 0 }: DataOptions = {}): Reply {
  return { kind: 'data', data: out, status, warnings, leaseSeconds };
}

export function bare(body: Out, status = 200): Reply {
  return { kind: 'bare', status, body };
}

export function empty(status: number): Reply {
  return { kind: 'empty', status };
}

const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

export function answer(status: number, body: Out | undefined): ApiAnswer {
  return { status, headers: HEADERS, body: body === undefined ? '' : `${printOut(body)}\n` };
}

/** The envelope, its members in OpenBao's order; `injected` copies those of `data` to the top level, as some of `sys/` do. */
export function envelope(requestId: string, reply: Reply & { readonly kind: 'data' }, injected: boolean): Out {
  const { data: content, warnings, leaseSeconds } = reply;
  const copies = injected && content !== null && typeof content === 'object' ? (content as { readonly [name: string]: Out }) : {};
  return {
    ...(copies instanceof Map ? Object.fromEntries(copies as ReadonlyMap<string, Out>) : copies),
    request_id: requestId,
    lease_id: '',
    renewable: false,
    lease_duration: leaseSeconds,
    data: content,
    wrap_info: null,
    warnings: warnings.length === 0 ? null : warnings,
    auth: null,
  };
}
