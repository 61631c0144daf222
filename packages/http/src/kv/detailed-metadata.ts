import type { SecretEngine } from '@sealkv/core';
import type { Out } from '../json-out.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { metadataOut } from '../wire.ts';
import { listing, listingFields, pageOf } from './listing.ts';
import { scanOrder } from './scan-order.ts';

/** `detailed-metadata/:path`: folders, with the metadata of each secret. */
export const detailedMetadata: Route<SecretEngine> = route({
  pattern: 'detailed-metadata/:path*',
  about: 'Lists a folder with the metadata of each secret, in one snapshot.',
  fields: listingFields,
  operations: {
    async list({ params, values }, secrets: SecretEngine) {
      const entries = await secrets.listDetailed(params['path'], pageOf(values));
      return listing(namesOf(entries), infoOf(entries));
    },

    async scan({ params }, secrets) {
      const entries = await secrets.listDetailed(params['path'], { recursive: true });
      return listing(scanOrder(namesOf(entries)), infoOf(entries));
    },
  },
});

type Entries = Awaited<ReturnType<SecretEngine['listDetailed']>>;

function namesOf(entries: Entries): string[] {
  return entries.map(({ name }) => name);
}

function infoOf(entries: Entries): { readonly key_info: Out } {
  return { key_info: new Map(entries.map(({ name, metadata }) => [name, metadata === undefined ? {} : metadataOut(metadata)])) };
}
