import { badRequest } from '../api-error.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { mountInfo } from './mount-info.ts';

/** `sys/mounts`: the mount table. */
export const mounts: Route = route({
  pattern: 'mounts',
  about: 'All mounts.',
  injected: true,
  fields: {},
  operations: {
    async read({ services }) {
      const all = await services.mounts.list();
      return data(Object.fromEntries(all.map((binding) => [binding.path, mountInfo(binding)])));
    },
  },
});

// Where the API itself lives.
const RESERVED = ['sys/', 'auth/', 'cubbyhole/', 'identity/', 'token/'];

/** `sys/mounts/:path`: one mount. */
export const mount: Route = route({
  pattern: 'mounts/:path+',
  about: 'A mount: make it, look at it, or remove it with all its secrets.',
  injected: true,
  fields: {
    type: { type: 'string', about: '`kv`, `kv-v1` or `kv-v2`.' },
    description: { type: 'string', about: 'For people.' },
    options: { type: 'texts', about: '`version`: `1` or `2`, the version of KV.' },
    config: { type: 'map', about: 'Lease times and the like.' },
    local: { type: 'bool', about: 'Of no effect here.' },
    seal_wrap: { type: 'bool', about: 'Of no effect here: everything is sealed.' },
    external_entropy_access: { type: 'bool', about: 'Of no effect here.' },
    plugin_name: { type: 'string', about: 'Of no effect here.' },
    plugin_version: { type: 'string', about: 'Of no effect here.' },
  },
  operations: {
    async read({ services, params }) {
      const path = mountPath(params);
      const found = (await services.mounts.list()).find((binding) => binding.path === path);
      if (found === undefined) throw badRequest(`No secret engine mount at ${path}`);
      return data(mountInfo(found));
    },

    async update({ services, params, values }) {
      const path = mountPath(params);
      const version = versionOf(values.type, values.options);
      if (RESERVED.some((reserved) => path.startsWith(reserved))) throw badRequest(`cannot mount "${path}"`);
      await services.mounts.create(path, { version, description: values.description });
      return undefined;
    },

    async delete({ services, params }) {
      const path = mountPath(params);
      if (RESERVED.includes(path)) throw badRequest(`cannot unmount "${path}"`);
      const found = (await services.mounts.list()).find((binding) => binding.path === path);
      await services.mounts.unmount(path);
      if (found !== undefined) services.forget(found);
      return undefined;
    },
  },
});

function mountPath(params: Readonly<Record<string, string>>): string {
  return params['path']!.replace(/\/?$/, '/');
}

function versionOf(type: string | undefined, options: ReadonlyMap<string, string> | undefined): 1 | 2 {
  if (!type) throw badRequest('backend type must be specified as a string');
  const alias = /^kv-v([12])$/.exec(type)?.[1];
  if (type !== 'kv' && alias === undefined) throw badRequest(`plugin not found in the catalog: ${type}`);
  const version = alias ?? (options?.get('version') || '1');
  if (version !== '1' && version !== '2') throw badRequest(`unsupported version of KV: it must be 1 or 2`);
  return version === '1' ? 1 : 2;
}
