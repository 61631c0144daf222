import { badRequest } from '../api-error.ts';
import type { FieldOf } from '../fields.ts';

export const versionFields: { readonly versions: FieldOf<'ints'> } = {
  versions: { type: 'ints', about: 'The versions; those that do not exist are passed over.' },
};

/** @throws ApiError if none is given */
export function versionsOf({ versions = [] }: { readonly versions?: readonly number[] | undefined }, otherwise: string): readonly number[] {
  if (versions.length === 0) throw badRequest(otherwise);
  return versions;
}
