import type { Tree } from '@sealkv/core/json';
import { badRequest } from '../api-error.ts';
import { decodeString, FieldProblem } from '../fields.ts';

/**
 * Custom metadata as given: texts, and what can be read as one. Null clears all of it; in a patch a member that is null is removed, elsewhere it counts
 * as an empty text, which is refused later.
 * @throws ApiError for a member that is no scalar
 */
export function customMetadataOf(given: ReadonlyMap<string, Tree> | 'null', nulls: 'remove' | 'empty'): Record<string, string | null> | null {
  if (given === 'null') return null;
  const text = (member: Tree): string | null => (member === 'null' && nulls === 'remove' ? null : decodeString(member));
  try {
    // fromEntries defines own members, `__proto__` among them.
    return Object.fromEntries(Array.from(given, ([name, member]) => [name, text(member)]));
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
    throw badRequest(`custom_metadata validation failed: ${error.message}`);
  }
}
