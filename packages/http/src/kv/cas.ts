import type { Tree } from '@sealkv/core/json';
import type { ApiError } from '../api-error.ts';
import { badRequest } from '../api-error.ts';
import { decodeInt, FieldProblem } from '../fields.ts';

/** The check-and-set version of an `options` object, as loosely as OpenBao reads it. */
export function casOf(options: ReadonlyMap<string, Tree> | 'null' | undefined): number | undefined | 'unreadable' {
  const cas = options instanceof Map ? (options.get('cas') as Tree | undefined) : undefined;
  if (cas === undefined) return undefined;
  try {
    return decodeInt(cas);
  } catch (error) {
    if (error instanceof FieldProblem) return 'unreadable';
    throw error;
  }
}

/** @throws ApiError 400 if it can't be read */
export function mustCasOf(options: ReadonlyMap<string, Tree> | 'null' | undefined): number | undefined {
  const cas = casOf(options);
  if (cas === 'unreadable') throw unreadableCas();
  return cas;
}

export const unreadableCas = (): ApiError => badRequest('error parsing check-and-set parameter');
