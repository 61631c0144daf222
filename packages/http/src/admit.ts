import { permissionDenied } from './api-error.ts';
import type { Redacted } from './redacted.ts';
import type { RequestHead } from './request.ts';
import { header } from './request.ts';

/** Who sent a request. There is one principal so far: whoever holds the root token. */
export interface Caller {
  readonly token: string;
  readonly policies: readonly string[];
}

/** The token a request carries: `X-Vault-Token`, or `Authorization: Bearer`, the former if both are there; undefined if none. */
export function tokenOf(head: RequestHead): string | undefined {
  const own = header(head, 'x-vault-token');
  if (own !== undefined && own !== '') return own;
  const bearer = head.headers.find(([name, value]) => name === 'authorization' && value.startsWith('Bearer '));
  return bearer?.[1].slice('Bearer '.length).trim() || undefined;
}

/** @throws ApiError 403 if the token is missing or unknown */
export async function admit(head: RequestHead, rootToken: Redacted): Promise<Caller> {
  const token = tokenOf(head);
  if (token === undefined || !(await sameSecret(token, rootToken.reveal()))) throw permissionDenied();
  return { token, policies: ['root'] };
}

/** Compares digests, so that the time it takes tells nothing about where two texts differ, or how long they are. */
async function sameSecret(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all([a, b].map((text) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));
  const bytes = new Uint8Array(y!);
  return new Uint8Array(x!).reduce((difference, byte, i) => difference | (byte ^ bytes[i]!), 0) === 0;
}
