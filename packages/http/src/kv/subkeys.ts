import type { SecretEngine } from '@sealkv/core';
import type { JsonText } from '@sealkv/core/json';
import { ExactJson } from '../json-out.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { versionOut } from '../wire.ts';
import { secretPath } from './secret-path.ts';

/** `subkeys/:path`: the members of a value without their values. */
export const subkeys: Route<SecretEngine> = route({
  pattern: 'subkeys/:path*',
  about: 'The structure of a value: its members, every value replaced by null.',
  fields: {
    version: { type: 'int', about: 'The version to read; 0 or none: the current one.' },
    depth: { type: 'int', about: 'How many levels to show; 0 or none: all.' },
  },
  operations: {
    async read({ params, values: { version = 0, depth = 0 } }, secrets: SecretEngine) {
      const path = secretPath(params);
      const secret = path && (await secrets.subkeys(path, { version: version > 0 ? version : undefined, depth: depth < 0 ? 1 : depth }));
      if (!secret) return undefined;
      const metadata = versionOut(secret, secret.customMetadata);
      if (secret.text === undefined) return data({ metadata, subkeys: null }, { status: 404 });
      return data({ metadata, subkeys: new ExactJson(secret.text as JsonText) });
    },
  },
});
