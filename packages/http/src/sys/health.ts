import type { Tree } from '@sealkv/core/json';
import { ApiError } from '../api-error.ts';
import { decodeInt, FieldProblem } from '../fields.ts';
import type { Out } from '../json-out.ts';
import type { Reply } from '../reply.ts';
import { bare } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { route } from '../route.ts';
import { VERSION } from '../version.ts';

const respond = async ({ services, input }: Call): Promise<Reply> => bare(healthFacts(services.clock(), false), activeCode(input));

/** `sys/health`: for load balancers and clients, without a token. */
export const health: Route = route({
  pattern: 'health',
  about: 'Whether the server works; `activecode` sets the status to answer with.',
  open: true,
  fields: {},
  operations: { read: respond, head: respond },
});

export function healthFacts(now: number, sealed: boolean): { readonly [name: string]: Out } {
  return {
    initialized: true,
    sealed,
    standby: false,
    performance_standby: false,
    replication_performance_mode: 'disabled',
    replication_dr_mode: 'disabled',
    server_time_utc: Math.floor(now / 1000),
    version: VERSION,
    cluster_name: 'sealkv',
  };
}

function activeCode(query: ReadonlyMap<string, Tree>): number {
  try {
    const code = decodeInt(query.get('activecode') ?? '200');
    if (code >= 200 && code <= 599) return code;
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
  }
  throw new ApiError(400);
}
