import type { ListingOptions } from '@sealkv/core';
import type { FieldOf } from '../fields.ts';
import type { Out } from '../json-out.ts';
import type { Reply } from '../reply.ts';
import { data } from '../reply.ts';

export const listingFields: { readonly after: FieldOf<'string'>; readonly limit: FieldOf<'int'> } = {
  after: { type: 'string', about: 'Of a list: only entries after this one; it need not exist.' },
  limit: { type: 'int', about: 'Of a list: at most so many entries; 0 or less: all.' },
};

export function pageOf({ after, limit = 0 }: { readonly after?: string | undefined; readonly limit?: number | undefined }): ListingOptions {
  return { after, limit: limit > 0 ? limit : undefined };
}

/** The answer to a list or scan. An empty one has no members; that of a list becomes a 404. */
export function listing(keys: readonly string[], more: { readonly [name: string]: Out } = {}): Reply {
  return data(keys.length === 0 ? {} : { ...more, keys });
}
