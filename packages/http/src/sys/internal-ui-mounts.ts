import { ApiError } from '../api-error.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { mountInfo } from './mount-info.ts';

/** `sys/internal/ui/mounts/:path`: by which clients tell KV v1 from v2 before they do anything. */
export const preflight: Route = route({
  pattern: 'internal/ui/mounts/:path+',
  about: 'The mount that a path lies in.',
  fields: {},
  operations: {
    async read({ services, params }) {
      const path = params['path']!.replace(/\/?$/, '/');
      const mount = await services.mounts.find(path);
      if (mount === undefined)
        throw new ApiError(403, `preflight capability check returned 403, please ensure client's policies grant access to path "${path}"`);
      return data({ ...mountInfo(mount), path: mount.path });
    },
  },
});

/** `sys/internal/ui/mounts`: the mounts that a caller may see. */
export const preflightAll: Route = route({
  pattern: 'internal/ui/mounts',
  about: 'The mounts that the caller may see.',
  fields: {},
  operations: {
    async read({ services }) {
      const all = await services.mounts.list();
      return data({ auth: {}, secret: Object.fromEntries(all.map((binding) => [binding.path, mountInfo(binding)])) });
    },
  },
});
