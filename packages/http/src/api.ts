import { isSealKvError } from '@sealkv/core';
import type { Caller } from './admit.ts';
import { admit, tokenOf } from './admit.ts';
import { ApiError, badRequest, multiError } from './api-error.ts';
import type { Out } from './json-out.ts';
import type { Reply } from './reply.ts';
import { answer, envelope } from './reply.ts';
import type { ApiAnswer, ApiRequest, RequestHead, Target } from './request.ts';
import { checkPatchType, parseBody, parseTarget } from './request.ts';
import type { Route } from './route.ts';
import { find } from './route.ts';
import { bases, kv1Routes, kv2Routes } from './routes.ts';
import type { ApiOptions } from './services.ts';
import { Services } from './services.ts';
import { toApiError } from './status.ts';
import { healthFacts } from './sys/health.ts';
import { sealFacts } from './sys/seal-status.ts';
import type { SecretEngine } from '@sealkv/core';
import type { Kv1Engine } from '@sealkv/core/kv1';

/** One namespace's HTTP API, on any store. */
export interface Api {
  /** Never rejects: whatever goes wrong is an answer. */
  handle(request: ApiRequest): Promise<ApiAnswer>;
}

const MAX_DEPTH = 500;
/** A Durable Object's answer is limited to 32 MiB, an answer of ours to less: it is text, and something comes around it. */
const MAX_ANSWER_LENGTH = 10 * 1024 * 1024;

/** Touches nothing: the first request opens the store and proves the key. */
export function createApi(options: ApiOptions): Api {
  const services = new Services(options);
  return {
    async handle(request) {
      try {
        await services.proveKey();
        return await respond(services, request);
      } catch (error) {
        if (isSealKvError(error, 'WRONG_KEY')) return sealedAnswer(request, 'the seal key is not the one that the data was sealed with');
        const { status, errors, more } = toApiError(error);
        return answer(status, { errors, ...more });
      }
    },
  };
}

/** What every request gets while there is no key, or not the right one: 503, and nothing is read or written. */
export function sealedAnswer(head: RequestHead, reason?: string): ApiAnswer {
  const errors = ['Vault is sealed', ...(reason === undefined ? [] : [reason])];
  const path = head.target.split('?')[0];
  const facts = path === '/v1/sys/health' ? healthFacts(Date.now(), true) : path === '/v1/sys/seal-status' ? sealFacts(true) : {};
  return answer(503, { errors, ...facts });
}

/** Whether the body of a request is looked at at all: without a token it is not, except where none is needed. */
export function needsBody(head: RequestHead): boolean {
  if (head.method !== 'POST' && head.method !== 'PUT' && head.method !== 'PATCH') return false;
  return tokenOf(head) !== undefined;
}

async function respond(services: Services, request: ApiRequest): Promise<ApiAnswer> {
  const target = parseTarget(request);
  if (target.operation === 'patch') checkPatchType(request);
  const fixed = findFixed(target.path);
  const caller: Caller = fixed?.route.open ? ANYBODY : await admit(request, services.rootToken);

  const isWrite = target.operation === 'update' || target.operation === 'patch';
  if (isWrite && target.path.endsWith('/')) throw badRequest("cannot write to a path ending in '/'");
  if (target.operation === 'head' && !fixed?.route.open) throw new ApiError(405);
  if (request.body === 'too large') throw new ApiError(413, 'http: request body too large');

  const input = isWrite ? parseBody(request, request.body, { maxDepth: MAX_DEPTH }) : target.query;
  const call = { services, head: request, operation: target.operation, path: target.path, input, caller };
  if (fixed !== undefined) {
    const { route, params } = fixed;
    return render(services, target, route, await route.run({ ...call, params }, undefined));
  }
  const { route, params, run } = await findInMount(services, target.path);
  return render(services, target, route, await run({ ...call, params }));
}

const ANYBODY: Caller = { token: '', policies: [] };

function findFixed(path: string): ReturnType<typeof find<undefined>> {
  const base = bases.find(({ prefix }) => path.startsWith(prefix) || `${path}/` === prefix);
  if (base === undefined) return undefined;
  const found = find(base.routes, path.slice(base.prefix.length));
  if (found === undefined) throw new ApiError(404, multiError('unsupported path'));
  return found;
}

interface InMount {
  readonly route: Pick<Route, 'injected'>;
  readonly params: Readonly<Record<string, string>>;
  run(call: Parameters<Route['run']>[0]): Promise<Reply>;
}

async function findInMount(services: Services, path: string): Promise<InMount> {
  const mount = await services.mounts.find(path);
  if (mount === undefined) throw new ApiError(404, `no handler for route "${path}". route entry not found.`);
  const engine = services.engineOf(mount);
  const inner = path.slice(mount.path.length);
  if (mount.version === 1) {
    const { route, params } = find(kv1Routes, inner)!;
    return { route, params, run: (call) => route.run(call, engine as Kv1Engine) };
  }
  const { route, params } = find(kv2Routes, inner)!;
  return { route, params, run: (call) => route.run(call, engine as SecretEngine) };
}

function render(services: Services, { operation }: Target, { injected }: Pick<Route, 'injected'>, reply: Reply): ApiAnswer {
  if (reply === undefined) {
    const wanted = operation === 'read' || operation === 'list' || operation === 'scan';
    return wanted ? answer(404, { errors: [] }) : answer(204, undefined);
  }
  if (operation === 'list' && isEmpty(reply)) return answer(404, { errors: [] });
  if (reply.kind === 'empty') return answer(reply.status, undefined);
  const body: Out = reply.kind === 'bare' ? reply.body : envelope(services.newUuid(), reply, injected === true);
  const whole = answer(reply.status, body);
  if (whole.body.length > MAX_ANSWER_LENGTH) throw badRequest(`the answer is too large; ask for part of it with "limit" and "after"`);
  return whole;
}

/** A list of nothing; but one that has a warning to tell is told. */
function isEmpty(reply: Reply): boolean {
  if (reply?.kind !== 'data' || reply.warnings.length > 0) return false;
  return reply.data !== null && typeof reply.data === 'object' && Object.keys(reply.data).length === 0;
}

/** What is told when the storage was out of reach: whether a change was carried out is unknown, or it certainly was not. */
export function unavailableAnswer(applied: 'no' | 'unknown'): ApiAnswer {
  const message =
    applied === 'no' ? 'the storage is not available; nothing was done' : 'the storage was lost; whether this request was carried out is unknown';
  return answer(503, { errors: [message] });
}
