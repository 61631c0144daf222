import { KvError } from './errors.ts';

declare const brand: unique symbol;

/** A secret's path within its mount: checked, never cleaned. Made by {@link parsePath} only. */
export type SecretPath = string & { readonly [brand]: 'SecretPath' };

/** `''` (everything) or a folder with its trailing slash. Made by {@link parseFolder} only. */
export type FolderPath = string & { readonly [brand]: 'FolderPath' };

/** Longest path by default, in bytes of UTF-8. */
export const DEFAULT_MAX_PATH_BYTES = 1024;

// C0, DEL and C1: Vault refuses unprintable characters; a lone surrogate would be merged with others by SQLite.
const UNUSABLE = /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u;

/**
 * The one canonicaliser for routing, policy and storage. An odd path is refused, not repaired: OpenBao cleans the path of the metadata
 * but not of the version's record, and so loses data under `a//b` and `foo/`.
 * @throws KvError `INVALID_PATH`, `PATH_TOO_LONG`
 */
export function parsePath(text: string, maxBytes: number = DEFAULT_MAX_PATH_BYTES): SecretPath {
  if (typeof text !== 'string') throw new TypeError('a path must be a string');
  const refuse = (problem: string): never => {
    throw new KvError('INVALID_PATH', { problem });
  };
  if (text === '') refuse('it is empty');
  if (UNUSABLE.test(text)) refuse('it has a control character or a lone surrogate');
  for (const segment of text.split('/')) {
    if (segment === '') refuse('it has an empty segment');
    if (segment === '.' || segment === '..') refuse('it has a relative segment');
  }
  // A UTF-16 unit is one to three bytes of UTF-8.
  const bytes = text.length * 3 <= maxBytes ? 0 : new TextEncoder().encode(text).length;
  if (bytes > maxBytes) throw new KvError('PATH_TOO_LONG', { bytes, maxBytes });
  return text as SecretPath;
}

/**
 * A folder to list: `''`, `'/'`, `'a'` and `'a/'` are all fine.
 * @throws KvError `INVALID_PATH`, `PATH_TOO_LONG`
 */
export function parseFolder(text: string, maxBytes?: number): FolderPath {
  if (typeof text !== 'string') throw new TypeError('a folder must be a string');
  const path = text.endsWith('/') ? text.slice(0, -1) : text;
  return (path === '' ? '' : `${parsePath(path, maxBytes)}/`) as FolderPath;
}

/**
 * A mount's path, with or without its trailing slash; the answer has it.
 * @throws KvError `INVALID_PATH`, `PATH_TOO_LONG`
 */
export function parseMountPath(text: string): string {
  if (typeof text !== 'string') throw new TypeError('a path must be a string');
  return `${parsePath(text.endsWith('/') ? text.slice(0, -1) : text)}/`;
}
