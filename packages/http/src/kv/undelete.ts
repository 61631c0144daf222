import type { SecretEngine } from '@sealkv/core';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { versionFields, versionsOf } from './versions.ts';

/** `undelete/:path` */
export const undelete: Route<SecretEngine> = route({
  pattern: 'undelete/:path*',
  about: 'Takes a soft delete of versions back.',
  fields: versionFields,
  operations: {
    async update({ params, values }, secrets: SecretEngine) {
      await secrets.undelete(params['path']!, versionsOf(values, 'No version number provided'));
      return undefined;
    },
  },
});
