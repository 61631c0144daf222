import type { SealBinding } from '@sealkv/core';
import { isSealKvError } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import type { Keys } from '../keys.ts';
import { base64Url } from '../keys.ts';
import type { TokenEntry } from './token-entry.ts';

/*
 * A batch token is no record: everything about it is sealed in its text. It can't be revoked or renewed, and ends with its time or its parent.
 */

/** One seal key serves all namespaces, so a token is bound to its own: in another one it does not open. */
function bindingOf(namespaceId: string | undefined): SealBinding {
  return { mountId: 'batch tokens', recordId: namespaceId ?? 'root' };
}

/** What a header has room for. */
const MAX_LENGTH = 8192;
const TEXT = new RegExp(`^b\\.([\\w-]{40,${MAX_LENGTH}})(?:\\.[0-9a-f]{64})?$`);

/** @throws ApiError 400 if there is more to it than a header has room for */
export async function makeBatchToken(entry: TokenEntry, { keys, namespaceId }: Issuer): Promise<string> {
  const sealed = await keys.sealer.seal(new TextEncoder().encode(JSON.stringify(entry)), bindingOf(namespaceId));
  const encoded = base64Url(sealed);
  if (encoded.length > MAX_LENGTH) throw badRequest('a batch token holds all that is known of it in its text, and this would be too much');
  return `b.${encoded}${namespaceId === undefined ? '' : `.${namespaceId}`}`;
}

/** The namespace that a token is of. */
export interface Issuer {
  readonly keys: Keys;
  readonly namespaceId: string | undefined;
}

/** What a batch token says; undefined if it is none of ours. */
export async function openBatchToken(id: string, { keys, namespaceId }: Issuer): Promise<TokenEntry | undefined> {
  const [, encoded] = TEXT.exec(id) ?? [];
  if (encoded === undefined) return undefined;
  try {
    const sealed = Uint8Array.from(atob(encoded.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(await keys.sealer.open(sealed, bindingOf(namespaceId)))) as TokenEntry;
  } catch (error) {
    if (isSealKvError(error, 'CANNOT_OPEN') || isSealKvError(error, 'UNKNOWN_FORMAT') || error instanceof DOMException) return undefined;
    throw error;
  }
}
