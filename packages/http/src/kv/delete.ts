import type { SecretEngine } from '@sealkv/core';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { versionFields, versionsOf } from './versions.ts';

/** `delete/:path` */
export const deleteVersions: Route<SecretEngine> = route({
  pattern: 'delete/:path*',
  about: 'Soft delete of versions.',
  fields: versionFields,
  operations: {
    async update({ params, values }, secrets: SecretEngine) {
      await secrets.deleteVersions(params['path']!, versionsOf(values, 'No version number provided'));
      return undefined;
    },
  },
});
