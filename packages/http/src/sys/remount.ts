import type { KvStore, Remount } from '@sealkv/core';
import { isSealKvError, parseMountPath } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import { authMountAt, checkAuthMountPath, conflictingAuthMount, listAuthMounts, moveAuthMount } from '../auth/auth-mount.ts';
import { TOKEN_MOUNT } from '../auth/auth-mount-out.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { formatUuid } from '../services.ts';
import { isProtected } from './fixed-mounts.ts';

const AUTH = 'auth/';

/** `sys/remount`: another path for a mount. OpenBao queues it; here it is one transaction, done with the answer. */
export const remount: Route = route({
  pattern: 'remount',
  about:
    'Moves a mount to another path, at once. What it keeps comes along; policies and tokens are about paths, and stay as they are. ' +
    'With `auth/` in front of both paths it is an auth mount, whose tokens end.',
  injected: true,
  needsSudo: true,
  fields: {
    from: { type: 'string', about: 'The path of the mount.' },
    to: { type: 'string', about: 'The path it is to have.' },
  },
  operations: {
    async update({ mounts: table, services, store, values }) {
      const [from, to] = pathsOf(values);
      if (from.startsWith(AUTH)) {
        const id = services.newUuid();
        await moveAuth(store, from, to, id.replaceAll('-', ''));
        return data({ migration_id: id });
      }
      try {
        const { lastRemount } = await table.remount(from, to);
        return data({ migration_id: formatUuid(lastRemount!.id) });
      } catch (error) {
        if (isSealKvError(error, 'MOUNT_NOT_FOUND')) throw noMount(from);
        if (isSealKvError(error, 'MOUNT_IN_USE')) throw inUse(error.existing);
        throw error;
      }
    },
  },
});

/** `sys/remount/status/:migration_id`: clients ask until it says `success`. Known of the last move of every mount. */
export const remountStatus: Route = route({
  pattern: 'remount/status/:migration_id',
  about: 'What became of a move: it is done. Only the last one of a mount is known.',
  fields: {},
  operations: {
    async read({ mounts: table, store, params }) {
      const id = params['migration_id']!;
      const moves = [
        ...(await table.list()).map(({ path, bound }) => moveOf('', path, bound!.entry.lastRemount)),
        ...(await store.read(listAuthMounts)).map(({ path, lastRemount }) => moveOf(AUTH, path, lastRemount)),
      ];
      const move = moves.find((known) => known?.id === id.replaceAll('-', ''));
      if (move === undefined) return undefined;
      return data({ migration_id: id, migration_info: { source_mount: move.from, status: 'success', target_mount: move.to } });
    },
  },
});

interface Move extends Remount {
  readonly to: string;
}

function moveOf(prefix: string, path: string, last: Remount | undefined): Move | undefined {
  return last && { id: last.id, from: prefix + last.from, to: prefix + path };
}

async function moveAuth(store: KvStore, from: string, to: string, id: string): Promise<void> {
  const [source, target] = [from, to].map((path) => parseMountPath(path.slice(AUTH.length))) as [string, string];
  checkAuthMountPath(target);
  await store.write(async (tx) => {
    const mount = await authMountAt(tx, source);
    if (mount === undefined) throw noMount(from);
    const existing = await conflictingAuthMount(tx, target);
    if (existing !== undefined) throw inUse(AUTH + existing);
    return { result: undefined, writes: moveAuthMount(mount, target, id) };
  });
}

/** @throws ApiError 400 */
function pathsOf(given: { readonly from?: string | undefined; readonly to?: string | undefined }): [from: string, to: string] {
  if (!given.from || !given.to) throw badRequest("both 'from' and 'to' path must be specified as a string");
  for (const name of ['from', 'to'] as const) if (/^ | $/.test(given[name]!)) throw badRequest(`'${name}' path cannot contain trailing whitespace`);
  const [from, to] = [given.from, given.to].map((path) => path.replace(/^\//, '').replace(/\/?$/, '/')) as [string, string];
  if (to === '/') throw badRequest(`invalid destination mount path ${JSON.stringify(to)}`);
  if (from.startsWith(AUTH) && from !== AUTH) {
    if (!to.startsWith(AUTH) || to === AUTH) throw badRequest(`cannot remount auth mount to non-auth mount ${JSON.stringify(to)}`);
    if (isTokens(from)) throw badRequest(`cannot remount ${JSON.stringify(from)}`);
    if (isTokens(to)) throw badRequest(`cannot remount to destination ${JSON.stringify(to)}`);
    return [from, to];
  }
  if (isProtected(from)) throw badRequest(`cannot remount "${from}"`);
  if (isProtected(to)) throw badRequest(`cannot remount to destination ${to}`);
  return [from, to];
}

const isTokens = (path: string): boolean => path.startsWith(AUTH + TOKEN_MOUNT.path);
const noMount = (path: string): Error => badRequest(`no matching mount at "${path}"`);
const inUse = (path: string): Error => badRequest(`path already in use at "${path}"`);
