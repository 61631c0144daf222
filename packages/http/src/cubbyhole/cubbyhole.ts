import { listFolder, parseFolder, parsePath } from '@sealkv/core';
import type { JsonText } from '@sealkv/core/json';
import { printTree } from '@sealkv/core/json';
import { badRequest } from '../api-error.ts';
import { ExactJson } from '../json-out.ts';
import { listing } from '../kv/listing.ts';
import { cubbyholePrefix, putRecord, readRecord } from '../records.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { cubbyholeOwner, mustOwnCubbyhole } from './cubbyhole-store.ts';

const SEALED_FOR = 'cubbyholes';

/** `cubbyhole/:path`: a token's own secrets, which no other token reaches, not even root, and which end with it. */
export const cubbyhole: Route = route({
  pattern: ':path*',
  about: "A secret of the token's own: the whole body is the value.",
  grows: ['update'],
  fields: {},
  exists: async (tx, { params: { path = '' } }, caller) => {
    const owner = cubbyholeOwner(caller);
    return owner !== undefined && (await tx.get(cubbyholePrefix(owner) + path)) !== undefined;
  },
  operations: {
    async read({ services, store, admission, params: { path = '' } }) {
      const found = await store.read(async (tx) => {
        const owner = mustOwnCubbyhole(admission.caller);
        if (path === '') throw badRequest('missing path');
        const key = cubbyholePrefix(owner) + path;
        const bytes = await tx.get(key);
        return bytes && { key, sealed: readRecord<object>(bytes).sealed };
      });
      if (found === undefined) return undefined;
      // Bound to its key: a row that was moved to another token or path does not open.
      const value = await services.keys.sealer.open(found.sealed, { mountId: SEALED_FOR, recordId: found.key });
      return data(new ExactJson(new TextDecoder().decode(value) as JsonText));
    },

    async list({ store, admission, params }) {
      const folder = parseFolder(params['path'] ?? '');
      return listing(await store.read((tx) => listFolder(tx, cubbyholePrefix(mustOwnCubbyhole(admission.caller)), folder, {})));
    },

    async update({ services, store, admission, params, input }) {
      if (input.size === 0) throw badRequest('missing data fields');
      if (params['path'] === '') throw badRequest('missing path');
      const path = parsePath(params['path']!);
      const key = cubbyholePrefix(await store.read(async () => mustOwnCubbyhole(admission.caller))) + path;
      const sealed = await services.keys.sealer.seal(new TextEncoder().encode(printTree(input)), { mountId: SEALED_FOR, recordId: key });
      // With its last use the token ends, and so does what it writes.
      await store.write(async () => ({ result: undefined, writes: admission.caller.entry.numUses < 0 ? [] : [putRecord(key, {}, sealed)] }));
      return undefined;
    },

    async delete({ store, admission, params: { path = '' } }) {
      await store.write(async () => ({
        result: undefined,
        writes: [{ kind: 'delete', key: cubbyholePrefix(mustOwnCubbyhole(admission.caller)) + path }],
      }));
      return undefined;
    },
  },
});
