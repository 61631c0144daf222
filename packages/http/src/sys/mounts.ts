import type { MountBinding } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import type { Out } from '../json-out.ts';
import { sortedByName } from '../json-out.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { FIXED_MOUNTS, fixedMountOf, isProtected } from './fixed-mounts.ts';
import { mountInfo } from './mount-info.ts';
import { newTuning } from './mount-tuning.ts';

/** `sys/mounts`: the mount table. */
export const mounts: Route = route({
  pattern: 'mounts',
  about: 'All mounts.',
  injected: true,
  fields: {},
  operations: {
    async read({ mounts: table }) {
      return data(mountTable(await table.list()));
    },
  },
});

/** Mounts by their path, with what is there besides them. */
export function mountTable(bindings: readonly MountBinding[]): Out {
  return sortedByName([...FIXED_MOUNTS, ...bindings.map((binding) => [binding.path, mountInfo(binding)] as const)]);
}

/** `sys/mounts/:path`: one mount. */
export const mount: Route = route({
  pattern: 'mounts/:path+',
  about: 'A mount: make it, look at it, or remove it with all its secrets.',
  injected: true,
  grows: ['update'],
  fields: {
    type: { type: 'string', about: '`kv`, `kv-v1` or `kv-v2`.' },
    description: { type: 'string', about: 'For people.' },
    options: { type: 'texts', about: '`version`: `1` or `2`, the version of KV.' },
    config: { type: 'map', about: 'Lease times and the like, as of `tune`.' },
    local: { type: 'bool', about: 'Kept and shown, of no effect: there is nothing to replicate to.' },
    seal_wrap: { type: 'bool', about: 'Kept and shown, of no effect: everything is sealed.' },
    external_entropy_access: { type: 'bool', about: 'Kept and shown, of no effect.' },
    plugin_name: { type: 'string', about: 'With the type `plugin`: what would be the type else.' },
    plugin_version: { type: 'string', about: 'Of no effect.' },
  },
  operations: {
    async read({ mounts: table, params }) {
      const path = mountPathOf(params);
      const found = await table.find(path);
      const info = found === undefined ? fixedMountOf(path)?.info : mountInfo(found);
      if (info === undefined) throw badRequest(`No secret engine mount at ${path}`);
      return data(info);
    },

    async update({ mounts: table, params, values }) {
      const path = mountPathOf(params);
      const tuning = newTuning(values.config);
      const { version, options } = engineOf(values);
      if (isProtected(path)) throw badRequest(`cannot mount "${path}"`);
      await table.create(path, {
        version,
        description: values.description,
        tuning: {
          ...tuning,
          options,
          local: values.local || undefined,
          sealWrap: values.seal_wrap || undefined,
          externalEntropyAccess: values.external_entropy_access || undefined,
        },
      });
      return undefined;
    },

    async delete({ services, mounts: table, params }) {
      const path = mountPathOf(params);
      if (isProtected(path)) throw badRequest(`cannot unmount "${path}"`);
      const found = await table.find(path);
      await table.unmount(path);
      if (found?.path === path) services.forget(found);
      return undefined;
    },
  },
});

export function mountPathOf(params: Readonly<Record<string, string>>): string {
  return params['path']!.replace(/\/?$/, '/');
}

/**
 * What to mount, out of type and options.
 * @throws ApiError 400
 */
function engineOf(given: {
  readonly type?: string | undefined;
  readonly plugin_name?: string | undefined;
  readonly options?: ReadonlyMap<string, string> | undefined;
}): { readonly version: 1 | 2; readonly options: Readonly<Record<string, string>> | undefined } {
  if (!given.type) throw badRequest('backend type must be specified as a string');
  if (given.type === 'plugin' && !given.plugin_name) throw badRequest('plugin_name must be provided for plugin backend');
  const type = given.type === 'plugin' ? given.plugin_name! : given.type;
  const alias = /^kv-v([12])$/.exec(type)?.[1];
  const options = new Map(given.options);
  if (alias !== undefined) options.set('version', alias);
  else if (type !== 'kv') {
    if (options.get('version')) throw badRequest(`secrets engine "${type}" does not allow setting a version`);
    if (['cubbyhole', 'identity', 'system', 'token'].includes(type)) throw badRequest(`mount type of "${type}" is not mountable`);
    throw badRequest(`plugin not found in the catalog: ${type}`);
  }
  const version = options.get('version') || '1';
  if (version !== '1' && version !== '2') throw badRequest(`unsupported version of KV: it must be 1 or 2`);
  return { version: version === '1' ? 1 : 2, options: options.size === 0 ? undefined : Object.fromEntries(options) };
}
