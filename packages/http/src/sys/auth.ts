import { badRequest } from '../api-error.ts';
import type { AuthMount, AuthType, MountTokenType } from '../auth/auth-mount.ts';
import { authMountAt, checkAuthMountPath, conflictingAuthMount, listAuthMounts, putAuthMount, removeAuthMount } from '../auth/auth-mount.ts';
import { authMountOut, TOKEN_MOUNT, tokenMountOut } from '../auth/auth-mount-out.ts';
import type { Tree } from '@sealkv/core/json';
import type { Values } from '../fields.ts';
import { sortedByName } from '../json-out.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { newTuning } from './mount-tuning.ts';
import { mountPathOf } from './mounts.ts';

/** `sys/auth`: where people can log in. */
export const authMounts: Route = route({
  pattern: 'auth',
  about: 'All auth mounts.',
  injected: true,
  fields: {},
  operations: {
    async read({ services, store }) {
      const all = await store.read(listAuthMounts);
      const tokens = [TOKEN_MOUNT.path, await tokenMountOut(services.keys)] as const;
      return data(sortedByName([tokens, ...all.map((mount) => [mount.path, authMountOut(mount)] as const)]));
    },
  },
});

const fields = {
  type: { type: 'string', about: '`approle`, `jwt` or `userpass`.' },
  description: { type: 'string', about: 'For people.' },
  config: { type: 'map', about: 'Lease times, `token_type` and the like, as of `tune`.' },
  options: { type: 'texts', about: 'Kept and shown, of no effect.' },
  local: { type: 'bool', about: 'Kept and shown, of no effect: there is nothing to replicate to.' },
  seal_wrap: { type: 'bool', about: 'Kept and shown, of no effect.' },
  external_entropy_access: { type: 'bool', about: 'Kept and shown, of no effect.' },
  plugin_name: { type: 'string', about: 'With the type `plugin`: what would be the type else.' },
  plugin_version: { type: 'string', about: 'Of no effect.' },
} as const;

/** `sys/auth/:path`: one auth mount. Removing it ends its tokens, with the same transaction. */
export const authMount: Route = route({
  pattern: 'auth/:path+',
  about: 'An auth mount: make it, look at it, or remove it with all that it keeps and all its tokens.',
  injected: true,
  needsSudo: true,
  grows: ['update'],
  fields,
  operations: {
    async read({ services, store, params }) {
      const path = mountPathOf(params);
      const found = await store.read((tx) => authMountAt(tx, path));
      if (found === undefined && path !== TOKEN_MOUNT.path) throw badRequest(`No auth engine at ${path}`);
      return data(found === undefined ? await tokenMountOut(services.keys) : authMountOut(found));
    },

    async update({ services, store, params, values }) {
      const path = mountPathOf(params);
      const settings = settingsOf(values);
      checkAuthMountPath(path);
      const id = services.newUuid().replaceAll('-', '');
      await store.write(async (tx) => {
        const existing = path.startsWith(TOKEN_MOUNT.path) ? TOKEN_MOUNT.path : await conflictingAuthMount(tx, path);
        if (existing !== undefined) throw badRequest(`path is already in use at ${existing}`);
        return { result: undefined, writes: [putAuthMount({ path, id, createdAt: services.clock(), ...settings })] };
      });
      return undefined;
    },

    async delete({ store, params }) {
      const path = mountPathOf(params);
      if (path === TOKEN_MOUNT.path) throw badRequest('token credential backend cannot be disabled');
      return store.write(async (tx) => {
        const found = await authMountAt(tx, path);
        return { result: undefined, writes: found === undefined ? [] : await removeAuthMount(tx, found) };
      });
    },
  },
});

/** @throws ApiError 400 in OpenBao's words */
function settingsOf(values: Values<typeof fields>): Omit<AuthMount, 'path' | 'id' | 'createdAt'> {
  const config: ReadonlyMap<string, Tree> = values.config instanceof Map ? values.config : new Map();
  const tuning = newTuning(config);
  const given = config.get('token_type') ?? '""';
  const tokenType = tokenTypeOf(typeof given === 'string' && given.startsWith('"') ? (JSON.parse(given) as string) : given);
  const { options } = values;
  return {
    type: typeOf(values),
    description: values.description ?? '',
    tokenType,
    tuning: {
      ...tuning,
      options: options === undefined || options.size === 0 ? undefined : Object.fromEntries(options),
      local: values.local || undefined,
      sealWrap: values.seal_wrap || undefined,
      externalEntropyAccess: values.external_entropy_access || undefined,
    },
  };
}

function typeOf({ type: given, plugin_name: plugin, options }: Values<typeof fields>): AuthType {
  if (!given) throw badRequest('backend type must be specified as a string');
  if (given === 'plugin' && !plugin) throw badRequest('plugin_name must be provided for plugin backend');
  const type = given === 'plugin' ? plugin! : given;
  if (options?.get('version')) throw badRequest(`auth method ${JSON.stringify(type)} does not allow setting a version`);
  if (type === 'token' || type === 'ns_token') throw badRequest('token credential backend cannot be instantiated');
  if (type !== 'approle' && type !== 'jwt' && type !== 'userpass') throw badRequest(`plugin not found in the catalog: ${type}`);
  return type;
}

/** @throws ApiError 400 */
export function tokenTypeOf(given: Tree): MountTokenType {
  switch (given) {
    case '':
    case 'null':
      return 'default-service';
    case 'default-service':
    case 'default-batch':
    case 'service':
    case 'batch':
      return given;
    default:
      throw badRequest("invalid value for 'token_type'");
  }
}
