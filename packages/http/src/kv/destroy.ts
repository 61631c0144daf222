import type { SecretEngine } from '@sealkv/core';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { versionFields, versionsOf } from './versions.ts';

/** `destroy/:path` */
export const destroy: Route<SecretEngine> = route({
  pattern: 'destroy/:path*',
  about: 'Removes the values of versions for good.',
  fields: versionFields,
  operations: {
    async update({ params, values }, secrets: SecretEngine) {
      await secrets.destroy(params['path']!, versionsOf(values, 'no version number provided'));
      return undefined;
    },
  },
});
