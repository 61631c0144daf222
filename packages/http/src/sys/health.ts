import type { Tree } from '@sealkv/core/json';
import { ApiError } from '../api-error.ts';
import { stableUuid } from '../auth/stable-uuid.ts';
import { decodeInt, FieldProblem } from '../fields.ts';
import type { Out } from '../json-out.ts';
import type { Reply } from '../reply.ts';
import { bare, empty } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { route } from '../route.ts';
import { VERSION } from '../version.ts';

async function respond({ services, input }: Call): Promise<Reply> {
  const isInitialized = await services.isInitialized();
  const facts = healthFacts(services.clock(), { sealed: !isInitialized, initialized: isInitialized });
  return bare({ ...facts, cluster_id: await stableUuid(services.keys, 'cluster') }, statusOf(input, isInitialized));
}

async function respondToHead({ services, input }: Call): Promise<Reply> {
  return empty(statusOf(input, await services.isInitialized()));
}

/** `sys/health`: for load balancers and clients, without a token. */
export const health: Route = route({
  pattern: 'health',
  about: 'Whether the server works; `activecode` sets the status to answer with, `uninitcode` that of a server without a root token.',
  open: true,
  fields: {},
  operations: { read: respond, head: respondToHead },
});

interface HealthState {
  readonly sealed: boolean;
  readonly initialized?: boolean | undefined;
}

export function healthFacts(now: number, { sealed, initialized = true }: HealthState): { readonly [name: string]: Out } {
  return {
    initialized,
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

function statusOf(query: ReadonlyMap<string, Tree>, isInitialized: boolean): number {
  try {
    const code = decodeInt(isInitialized ? (query.get('activecode') ?? '200') : (query.get('uninitcode') ?? '501'));
    if (code >= 200 && code <= 599) return code;
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
  }
  throw new ApiError(400);
}
