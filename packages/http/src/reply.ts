import type { Out } from './json-out.ts';
import { printOut } from './json-out.ts';
import type { ApiAnswer } from './request.ts';
import type { WrapInfo } from './wrapping/wrapped-answer.ts';
import { wrapInfoOut } from './wrapping/wrapped-answer.ts';

/**
 * What a handler answers.
 * - `undefined`: nothing to tell. 204, or 404 where something was asked for.
 * - `data`: in OpenBao's envelope.
 * - `bare`: a body of its own.
 * - `wrapped`: an envelope with nothing in it but how to get at the answer.
 * - `text`: a body that is no JSON.
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
      /** The new token of a login or of `auth/token/create`. */
      readonly auth: Out;
    }
  | { readonly kind: 'bare'; readonly status: number; readonly body: Out }
  | { readonly kind: 'wrapped'; readonly info: WrapInfo }
  | { readonly kind: 'text'; readonly contentType: string; readonly body: string }
  | { readonly kind: 'empty'; readonly status: number };

export interface DataOptions {
  readonly status?: number | undefined;
  readonly warnings?: readonly string[] | undefined;
  readonly leaseSeconds?: number | undefined;
  readonly auth?: Out | undefined;
}

export function data(out: Out, { status = 200, warnings = [], leaseSeconds = 0, auth = null }: DataOptions = {}): Reply {
  return { kind: 'data', data: out, status, warnings, leaseSeconds, auth };
}

export function bare(body: Out, status = 200): Reply {
  return { kind: 'bare', status, body };
}

export function wrapped(info: WrapInfo): Reply {
  return { kind: 'wrapped', info };
}

export function text(contentType: string, body: string): Reply {
  return { kind: 'text', contentType, body };
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
  const { data: content, warnings, leaseSeconds, auth } = reply;
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
    auth,
  };
}

/** The envelope of an answer that is wrapped. OpenBao leaves even the request's id out of it. */
export function wrappedEnvelope(info: WrapInfo): Out {
  return {
    request_id: '',
    lease_id: '',
    renewable: false,
    lease_duration: 0,
    data: null,
    wrap_info: wrapInfoOut(info),
    warnings: null,
    auth: null,
  };
}
