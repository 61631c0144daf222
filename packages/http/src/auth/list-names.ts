import type { ReadTx } from '@sealkv/core';
import type { Reply } from '../reply.ts';
import { listing, pageOf } from '../kv/listing.ts';
import { below } from '../records.ts';

/** The names below a prefix, as a list shows them: of users, roles and the like, which have no slash. */
export async function listNames(
  tx: ReadTx,
  prefix: string,
  page: { readonly after?: string | undefined; readonly limit?: number | undefined },
): Promise<Reply> {
  const { after = '', limit } = pageOf(page);
  const range = below(prefix);
  const keys = await tx.scanKeys({ ...range, from: after === '' ? range.from : `${prefix}${after}\0`, limit });
  return listing(keys.map((key) => key.slice(prefix.length)));
}
