import type { CustomMetadataProblem } from '../errors.ts';

/** A secret's custom metadata: names and texts, in the order given. */
export type CustomMetadata = Readonly<Record<string, string>>;

/** Vault's limits; lengths are bytes of UTF-8. */
export const CUSTOM_METADATA_LIMITS = { keys: 64, keyBytes: 128, valueBytes: 512 } as const;

// Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space.
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;

/**
 * What Vault would refuse; empty if nothing.
 * @throws TypeError unless all values are strings
 */
export function customMetadataProblems(metadata: CustomMetadata): CustomMetadataProblem[] {
  const pairs = Object.entries(metadata);
  if (typeof metadata !== 'object' || Array.isArray(metadata) || pairs.some(([, value]) => typeof value !== 'string')) {
    throw new TypeError('custom metadata must be an object whose values are strings');
  }
  const { keys, keyBytes, valueBytes } = CUSTOM_METADATA_LIMITS;
  if (pairs.length > keys) return [{ kind: 'too-many-keys', keys: pairs.length }];
  return pairs.flatMap(([key, value]): CustomMetadataProblem[] => {
    const problems: CustomMetadataProblem[] = [];
    const keyLength = byteLength(key);
    const valueLength = byteLength(value);
    if (keyLength === 0 || keyLength > keyBytes) problems.push({ kind: 'key-length', key, bytes: keyLength });
    if (valueLength === 0 || valueLength > valueBytes) problems.push({ kind: 'value-length', key, bytes: valueLength });
    if (!PRINTABLE.test(key)) problems.push({ kind: 'key-unprintable', key });
    if (!PRINTABLE.test(value)) problems.push({ kind: 'value-unprintable', key });
    return problems;
  });
}

// Names and texts are printable, so U+0000 separates them without any escaping, and a record has a known greatest size.
export function encodeCustomMetadata(metadata: CustomMetadata): Uint8Array {
  return new TextEncoder().encode(Object.entries(metadata).flat().join('\0'));
}

export function decodeCustomMetadata(bytes: Uint8Array): CustomMetadata {
  const parts = new TextDecoder().decode(bytes).split('\0');
  // fromEntries defines own members, `__proto__` among them.
  return Object.fromEntries(parts.flatMap((part, i) => (i % 2 === 0 ? [[part, parts[i + 1]!]] : [])));
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
