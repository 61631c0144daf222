import type { IgnoredSetting, MetadataWritten, SecretEngine } from '@sealkv/core';
import { isSealKvError } from '@sealkv/core';
import type { Reply } from '../reply.ts';
import { data, empty } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { metadataOut } from '../wire.ts';
import { customMetadataOf } from './custom-metadata.ts';
import { listing, listingFields, pageOf } from './listing.ts';
import { scanOrder } from './scan-order.ts';
import { secretPath, secretThere } from './secret-path.ts';
import { settingFields, settingsOf } from './settings.ts';

/** `metadata/:path`: a secret's settings and versions, and the folders of the mount. */
export const metadata: Route<SecretEngine> = route({
  pattern: 'metadata/:path*',
  about: 'The settings, custom metadata and versions of a secret; deleting it removes the secret with all versions. Lists folders.',
  exists: secretThere,
  grows: ['update', 'patch'],
  fields: {
    ...settingFields,
    ...listingFields,
  },
  operations: {
    async read({ params }, secrets: SecretEngine) {
      const path = secretPath(params);
      const found = path && (await secrets.getMetadata(path));
      return found ? data(metadataOut(found)) : undefined;
    },

    async list({ params, values }, secrets) {
      return listing(await secrets.list(params['path'], pageOf(values)));
    },

    async scan({ params }, secrets) {
      return listing(scanOrder(await secrets.scan(params['path'])));
    },

    async update({ params, values }, secrets) {
      const { custom_metadata: custom } = values;
      const customMetadata = custom === undefined ? undefined : (customMetadataOf(custom, 'empty') as Record<string, string> | null);
      const settings = { ...settingsOf(values), customMetadata };
      return settingsReply(await secrets.putMetadata(params['path']!, settings, { metadataCas: values.metadata_cas }));
    },

    async patch({ params, values }, secrets) {
      const { custom_metadata: custom } = values;
      const customMetadata = custom === undefined ? undefined : customMetadataOf(custom, 'remove');
      try {
        // A member that is null has been decoded to its default: 0 or false.
        const settings = { ...settingsOf(values), customMetadata };
        return settingsReply(await secrets.patchMetadata(params['path']!, settings, { metadataCas: values.metadata_cas }));
      } catch (error) {
        if (isSealKvError(error, 'NOT_FOUND')) return empty(404);
        throw error;
      }
    },

    async delete({ params }, secrets) {
      const path = secretPath(params);
      if (path !== undefined) await secrets.deleteMetadata(path);
      return undefined;
    },
  },
});

const WIRE_NAME: Readonly<Record<IgnoredSetting, string>> = { casRequired: 'cas_required', metadataCasRequired: 'metadata_cas_required' };

function settingsReply({ ignoredSettings }: MetadataWritten): Reply {
  if (ignoredSettings.length === 0) return undefined;
  const warnings = ignoredSettings.map((name) => `"${WIRE_NAME[name]}" set to false, but is mandated by backend config. This value will be ignored.`);
  return data(null, { warnings });
}
