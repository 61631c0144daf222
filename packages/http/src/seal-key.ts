/** The 32 bytes of a seal key written as base64, base64url (both with or without padding) or hex; undefined if it is none of them. */
export function decodeSealKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(trimmed.slice(2 * i, 2 * i + 2), 16));
  // 43 digits of 6 bits are 32 bytes and two bits over.
  if (!/^[\w+/-]{43}=?$/.test(trimmed)) return undefined;
  const binary = atob(trimmed.replace('=', '').replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
