import { isSealKvError } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { formatUuid } from '../services.ts';
import { isProtected } from './fixed-mounts.ts';

/** `sys/remount`: another path for a mount. OpenBao queues it; here it is one transaction, done with the answer. */
export const remount: Route = route({
  pattern: 'remount',
  about: 'Moves a mount to another path, at once. Its secrets come along; policies and tokens are about paths, and stay as they are.',
  injected: true,
  needsSudo: true,
  fields: {
    from: { type: 'string', about: 'The path of the mount.' },
    to: { type: 'string', about: 'The path it is to have.' },
  },
  operations: {
    async update({ mounts: table, values }) {
      const [from, to] = pathsOf(values);
      try {
        const { lastRemount } = await table.remount(from, to);
        return data({ migration_id: formatUuid(lastRemount!.id) });
      } catch (error) {
        if (isSealKvError(error, 'MOUNT_NOT_FOUND')) throw badRequest(`no matching mount at "${from}"`);
        if (isSealKvError(error, 'MOUNT_IN_USE')) throw badRequest(`path already in use at "${error.existing}"`);
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
    async read({ mounts: table, params }) {
      const id = params['migration_id']!;
      const moved = (await table.list()).find(({ bound }) => bound!.entry.lastRemount?.id === id.replaceAll('-', ''));
      if (moved === undefined) return undefined;
      const { from } = moved.bound!.entry.lastRemount!;
      return data({ migration_id: id, migration_info: { source_mount: from, status: 'success', target_mount: moved.path } });
    },
  },
});

/** @throws ApiError 400 */
function pathsOf(given: { readonly from?: string | undefined; readonly to?: string | undefined }): [from: string, to: string] {
  if (!given.from || !given.to) throw badRequest("both 'from' and 'to' path must be specified as a string");
  for (const name of ['from', 'to'] as const) if (/^ | $/.test(given[name]!)) throw badRequest(`'${name}' path cannot contain trailing whitespace`);
  const [from, to] = [given.from, given.to].map((path) => path.replace(/^\//, '').replace(/\/?$/, '/')) as [string, string];
  if (to === '/') throw badRequest(`invalid destination mount path ${JSON.stringify(to)}`);
  if (isProtected(from)) throw badRequest(`cannot remount "${from}"`);
  if (isProtected(to)) throw badRequest(`cannot remount to destination ${to}`);
  return [from, to];
}
