import type { SecretEngine } from '@sealkv/core';
import { isSealKvError, rawJson } from '@sealkv/core';
import type { JsonText, Tree } from '@sealkv/core/json';
import { printTree } from '@sealkv/core/json';
import { badRequest } from '../api-error.ts';
import { ExactJson } from '../json-out.ts';
import { data, empty } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { versionOut } from '../wire.ts';
import { casOf, mustCasOf, unreadableCas } from './cas.ts';
import { secretPath, secretThere } from './secret-path.ts';

/** `data/:path`: versions of a secret's value. */
export const secretData: Route<SecretEngine> = route({
  pattern: 'data/:path*',
  about: 'The value of a secret, by version.',
  exists: secretThere,
  grows: ['update', 'patch'],
  fields: {
    version: { type: 'int', about: 'The version to read; 0 or none: the current one.' },
    options: { type: 'map', about: '`cas`: write only if this is the current version; 0: only if no version was ever written.' },
    data: { type: 'map', about: 'The value: a JSON object.' },
  },
  operations: {
    async read({ params, values }, secrets: SecretEngine) {
      const path = secretPath(params);
      const version = (values.version ?? 0) > 0 ? values.version : undefined;
      const secret = path && (await secrets.get(path, { version }));
      if (!secret) return undefined;
      const metadata = versionOut(secret, secret.customMetadata);
      if (secret.text === undefined) return data({ data: null, metadata }, { status: 404 });
      return data({ data: new ExactJson(secret.text as JsonText), metadata });
    },

    async update({ params, values }, secrets) {
      const value = given(values.data);
      const written = await secrets.put(params['path']!, rawJson(printTree(value)), { cas: mustCasOf(values.options) });
      return data(versionOut(written, written.customMetadata));
    },

    async patch({ params, values }, secrets) {
      const value = given(values.data);
      const path = params['path']!;
      const cas = casOf(values.options);
      if (cas === 'unreadable') {
        // OpenBao looks for the secret first.
        if ((await secrets.get(path)) === undefined) return empty(404);
        throw unreadableCas();
      }
      try {
        const written = await secrets.patch(path, rawJson(printTree(value)), { cas });
        return data(versionOut(written, written.customMetadata));
      } catch (error) {
        if (isSealKvError(error, 'NOT_FOUND')) return empty(404);
        if (!isSealKvError(error, 'NOT_LIVE')) throw error;
        const { customMetadata } = (await secrets.get(path)) ?? {};
        return data(versionOut(error.current, customMetadata), { status: 404 });
      }
    },

    async delete({ params }, secrets) {
      const path = secretPath(params);
      if (path !== undefined) await secrets.delete(path);
      return undefined;
    },
  },
});

function given(value: Tree | undefined): Tree {
  if (value === undefined) throw badRequest('no data provided');
  return value;
}
