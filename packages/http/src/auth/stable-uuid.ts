import type { Keys } from '../keys.ts';
import { formatUuid } from '../services.ts';

/** A UUID that is always the same for a text, and that tells nothing of it. */
export async function stableUuid(keys: Keys, text: string): Promise<string> {
  const hash = await keys.mac('login', text);
  const bytes = Uint8Array.from(atob(hash.replaceAll('-', '+').replaceAll('_', '/')).slice(0, 16), (character) => character.charCodeAt(0));
  bytes[6] = (bytes[6]! & 0x0f) | 0x80; // version 8: made by a scheme of one's own
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return formatUuid(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''));
}
