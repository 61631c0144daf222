import { badRequest } from '../api-error.ts';
import { data } from '../reply.ts';
import type { RateLimit } from '../quotas/rate-limit.ts';
import { deleteRateLimit, loadRateLimit, loadRateLimits, MAX_RATE_LIMITS, putRateLimit } from '../quotas/rate-limit.ts';
import type { Call, Route } from '../route.ts';
import { route } from '../route.ts';

/** `sys/quotas/rate-limit`: the names of the rate limits. */
export const rateLimits: Route = route({
  pattern: 'quotas/rate-limit/?',
  about: 'The rate limits.',
  fields: {},
  operations: {
    async list({ store }) {
      const limits = await store.read(loadRateLimits);
      return data(limits.length === 0 ? {} : { keys: limits.map(({ name }) => name) });
    },
  },
});

/** `sys/quotas/rate-limit/:name`: how many requests each token may make below a path. */
export const rateLimit: Route = route({
  pattern: 'quotas/rate-limit/:name',
  about: 'How many requests each token may make below a path. Of several limits, the one with the longest path counts.',
  grows: ['update'],
  fields: {
    type: { type: 'string', about: '`rate-limit`.' },
    path: { type: 'string', about: 'A mount, or a path in one; none: all paths.' },
    role: { type: 'string', about: 'Limits for the logins of one role are not made.' },
    rate: { type: 'float', about: 'Requests per interval.' },
    interval: { type: 'duration', about: '1s by default.' },
    block_interval: { type: 'duration', about: 'For how long who has reached the limit is refused; none: until there is room again.' },
    inheritable: { type: 'bool', about: 'Of no effect: the limits of a namespace are its own.' },
  },
  operations: {
    async read({ store, params }) {
      const limit = await store.read((tx) => loadRateLimit(tx, params['name']!));
      return limit && data(rateLimitOut(limit));
    },

    async update({ store, mounts, params, values }) {
      const name = params['name']!;
      const { rate = 0, role, inheritable } = values;
      if (!(rate > 0)) throw badRequest("'rate' is invalid");
      if (role) throw badRequest('rate limits for the logins of a role are not supported');
      const path = await mountedPath(mounts, values.path ?? '');
      const limit = {
        name,
        path,
        rate,
        intervalSeconds: values.interval || 1,
        blockSeconds: values.block_interval ?? 0,
        inheritable: inheritable ?? path === '',
      };
      await store.write(async (tx) => {
        const others = (await loadRateLimits(tx)).filter((other) => other.name !== name);
        const similar = others.find((other) => other.path === path);
        if (similar !== undefined) throw badRequest(`quota rule with similar properties exists under the name ${JSON.stringify(similar.name)}`);
        if (others.length >= MAX_RATE_LIMITS) throw badRequest(`there are ${MAX_RATE_LIMITS} rate limits already`);
        return { result: undefined, writes: [putRateLimit(limit)] };
      });
      return undefined;
    },

    async delete({ store, params }) {
      await store.write(async () => ({ result: undefined, writes: [deleteRateLimit(params['name']!)] }));
      return undefined;
    },
  },
});

// Where the API itself lives.
const OWN = ['sys/', 'auth/', 'cubbyhole/', 'identity/'];

/**
 * The path as it is kept: a mount's with a slash at its end.
 * @throws ApiError 400 for one that is in no mount
 */
async function mountedPath(mounts: Call['mounts'], given: string): Promise<string> {
  const path = given.replace(/^\/+|\/+$/g, '');
  if (path === '') return '';
  const known = [...OWN, ...(await mounts.list()).map((mount) => mount.path)];
  if (known.includes(`${path}/`)) return `${path}/`;
  if (known.some((mount) => path.startsWith(mount))) return path;
  throw badRequest(`invalid mount path ${JSON.stringify(`${path}/`)}`);
}

function rateLimitOut({ name, path, rate, intervalSeconds, blockSeconds, inheritable }: RateLimit): Parameters<typeof data>[0] {
  return { block_interval: blockSeconds, inheritable, interval: intervalSeconds, name, path, rate, role: '', type: 'rate-limit' };
}
