import type { SecretEngine } from '@sealkv/core';
import type { Call } from '../route.ts';
import type { Reply } from '../reply.ts';
import type { Operation } from '../request.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';

const OF_THE_ROOT = 'Non-listing operations on the root of a K/V v2 mount are not supported.';
const SUBCOMMAND: Readonly<Record<Operation, string>> = {
  read: 'get',
  list: 'list',
  scan: 'scan',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  head: 'get',
};

const refuse = async ({ operation, params }: Call): Promise<Reply> => {
  const ofTheRoot = /^(?:metadata|data|delete|undelete|destroy)$/.test(params['rest'] ?? '');
  const advice =
    'Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. ' +
    `If using the OpenBao CLI, use 'bao kv ${SUBCOMMAND[operation]}' for this operation.`;
  return data(null, { status: 404, warnings: [ofTheRoot ? OF_THE_ROOT : advice] });
};

/** Everything else below a KV v2 mount: people who take it for KV v1 are told. */
export const invalidPath: Route<SecretEngine> = route({
  pattern: ':rest*',
  about: 'No endpoint: tells that the mount is KV v2.',
  fields: {},
  operations: { read: refuse, list: refuse, scan: refuse, update: refuse, patch: refuse, delete: refuse },
});
