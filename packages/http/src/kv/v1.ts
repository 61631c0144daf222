import { rawJson } from '@sealkv/core';
import type { JsonText } from '@sealkv/core/json';
import { printTree } from '@sealkv/core/json';
import type { Kv1Engine, Kv1Secret } from '@sealkv/core/kv1';
import { badRequest } from '../api-error.ts';
import { ExactJson } from '../json-out.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { defaultLeaseTtl } from '../sys/mount-info.ts';
import { parseDuration } from '../time.ts';
import { listing } from './listing.ts';
import { scanOrder } from './scan-order.ts';
import { secretPath, secretThere } from './secret-path.ts';

/** Everything below a KV v1 mount: one value per path. */
export const v1Secret: Route<Kv1Engine> = route({
  pattern: ':path*',
  about: 'A secret of KV v1: the whole body is the value.',
  exists: secretThere,
  grows: ['update'],
  fields: {},
  operations: {
    async read({ params, mount }, secrets: Kv1Engine) {
      const path = secretPath(params);
      const secret = path && (await secrets.get(path));
      return secret
        ? data(new ExactJson(secret.text as JsonText), { leaseSeconds: leaseOf(secret) ?? defaultLeaseTtl(mount!.bound!.entry) })
        : undefined;
    },

    async list({ params }, secrets) {
      return listing(await secrets.list(params['path']));
    },

    async scan({ params }, secrets) {
      return listing(scanOrder(await secrets.scan(params['path'])));
    },

    async update({ params, input }, secrets) {
      if (input.size === 0) throw badRequest('missing data fields');
      await secrets.put(params['path']!, rawJson(printTree(input)));
      return undefined;
    },

    async delete({ params }, secrets) {
      const path = secretPath(params);
      if (path !== undefined) await secrets.delete(path);
      return undefined;
    },
  },
});

/** What a client takes as the time to read again: a member `ttl`, or else `lease`, if it is a duration. */
function leaseOf({ data: value }: Kv1Secret): number | undefined {
  const given = value?.['ttl'] ?? value?.['lease'];
  return typeof given === 'string' || typeof given === 'number' ? parseDuration(String(given)) : undefined;
}
