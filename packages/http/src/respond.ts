import type { ReadTx } from '@sealkv/core';
import { Admission, outcomeOf } from './admission.ts';
import { ApiError, badRequest, permissionDenied } from './api-error.ts';
import { requestRecorder } from './audit/request-recorder.ts';
import type { Found } from './endpoints.ts';
import { findFixed, findInAuthMount, findInMount, findLogin, inFixed, isInAuth, LOGIN_IN_NAMESPACE } from './endpoints.ts';
import { identify, locate } from './locate.ts';
import { addressedDirectly, isOfTheServer, isOfTheToken, namespaceHeader, noSuchNamespace } from './namespaces/address.ts';
import { forward, isAlive } from './namespaces/forward.ts';
import { loadNamespace, loadOwnNamespace, putOwnNamespace } from './namespaces/namespace-entry.ts';
import type { ForwardedRequest } from './namespaces/namespace-port.ts';
import { countRequest } from './quotas/rate-limiter.ts';
import { render } from './render.ts';
import type { Reply } from './reply.ts';
import type { ApiAnswer, ApiRequest, Target } from './request.ts';
import { BODY_LIMITS, checkPatchType, parseBody, parseTarget, tokenOf } from './request.ts';
import { isListing, leavesRecord, runListing } from './run-listing.ts';
import type { Services } from './services.ts';
import type { Delegate, Principal } from './tokens/credentials.ts';
import { holderOf } from './tokens/credentials.ts';
import { wrapReply } from './wrapping/wrap-reply.ts';
import { wrapTtlOf } from './wrapping/wrap-ttl.ts';

/** Bytes of a body that comes without a token: of logins and the like. */
export const MAX_ANONYMOUS_BODY: number = 64 * 1024;

/** A request as it came to the root namespace, or to one that it has been addressed to. */
export async function respond(services: Services, request: ApiRequest, delegate?: Delegate): Promise<ApiAnswer> {
  const target = parseTarget(request);
  if (!isOfTheServer(target.path) && !(await services.isInitialized()))
    throw new ApiError(503, ['Vault is sealed', 'there is no root token yet: sys/init makes one']);
  const named = services.namespaces && namespaceHeader(request);
  if (named !== undefined && isOfTheServer(target.path)) throw badRequest('operation unavailable in namespaces');
  if (named !== undefined && !isOfTheToken(target.path)) return forward(services, request, named.split('/')[0]!);

  if (target.operation === 'patch') checkPatchType(request);
  const fixed = findFixed(target.path);
  const isAnonymous = delegate === undefined && tokenOf(request) === undefined;
  if (fixed?.route.open === true || (fixed?.route.open && isAnonymous)) return respondToAnybody(services, request, target, inFixed(fixed));
  const login = await findLogin(services, target.path);
  if (login !== undefined) return respondToAnybody(services, request, target, login);
  if (isAnonymous && services.namespaces !== undefined && fixed === undefined && LOGIN_IN_NAMESPACE.test(target.path)) {
    const name = target.path.split('/')[0]!;
    if ((await services.store.read((tx) => loadNamespace(tx, name))) !== undefined) return forward(services, request, name);
  }

  const { credentials, mount, auth, settings } = await locate(services, await identify(services, request, delegate), request, target, fixed);
  if (mount === undefined && fixed === undefined && !isInAuth(target.path) && services.namespaces !== undefined) {
    const name = target.path.split('/')[0]!;
    if ((await services.store.read((tx) => loadNamespace(tx, name))) !== undefined) return forward(services, request, name);
  }

  const { operation, path, query } = target;
  const requestId = services.newUuid();
  let input = isWrite(target) ? undefined : query;
  const admission = new Admission({
    store: services.store,
    credentials,
    clock: services.clock,
    recorder: requestRecorder(services, () => ({ id: requestId, operation, path, input })),
    expectsRecord: settings.audit?.isOn,
    alive: services.namespaceId === undefined ? undefined : isAlive,
    wanted: [], // so far it is only about who asks
  });
  let reply: Reply;
  let answered: ApiAnswer;
  let wrapTtlSeconds: number | undefined;
  try {
    countRequest(services.rateLimiter, settings.rateLimits, path, holderOf(credentials), services.clock());
    if (isWrite(target) && path.endsWith('/')) throw badRequest("cannot write to a path ending in '/'");
    if (fixed?.route.forEveryToken) admission.wantNothing();
    else admission.want([{ operation, path, input: query }]);
    const { route, params, run } =
      fixed !== undefined ? inFixed(fixed) : isInAuth(path) ? findInAuthMount(auth, path) : findInMount(services, mount, path, admission);
    const exists = route.exists && ((tx: ReadTx, caller: Principal) => route.exists!(tx, { params, mount, auth }, caller));
    wrapTtlSeconds = wrapTtlOf(request);
    if (request.body === 'too large') throw new ApiError(413, 'http: request body too large');
    input ??= parseBody(request, request.body, BODY_LIMITS);
    if (!fixed?.route.forEveryToken) admission.want([{ operation, path, input, needsSudo: route.needsSudo, exists }], wrapTtlSeconds);
    // Policies let nobody but root send it, and nothing is done with it.
    if (operation === 'head') throw new ApiError(405);
    if (wrapTtlSeconds !== undefined || route.grows?.includes(operation)) services.checkRoom();
    const { store } = admission.scope;
    const mounts = services.mounts.within({ store });
    const common = { services, requestId, head: request, operation, path, params, store, mounts };
    const call = { ...common, input, mount, admission, isAnonymous: false };
    reply = isListing(operation) && !fixed?.route.forEveryToken ? await runListing(run, call, route) : await run(call);
    answered = render(target, { injected: route.injected && wrapTtlSeconds === undefined, requestId }, reply);
  } catch (error) {
    if (leavesRecord(error)) await admission.settle(outcomeOf(error));
    throw error;
  }
  await admission.settle({ code: answered.status === 404 ? 'missing' : 'ok' });
  return wrapTtlSeconds === undefined ? answered : wrapReply(services, reply, answered, { path, ttlSeconds: wrapTtlSeconds });
}

/** A request that the Worker has sent here because of its token. */
export async function respondDirectly(services: Services, request: ApiRequest): Promise<ApiAnswer> {
  const own = await services.store.read(loadOwnNamespace);
  if (own === undefined || own === 'ended') throw permissionDenied();
  services.namespacePath = own.path;
  return respond(services, addressedDirectly(request, own, parseTarget(request).path));
}

/** A request that the root namespace has sent here because of its address. The first one tells this object which namespace it is. */
export async function respondForwarded(services: Services, { to, request, delegate }: ForwardedRequest): Promise<ApiAnswer> {
  const own =
    (await services.store.read(loadOwnNamespace)) ??
    (await services.store.write(async (tx) => {
      const known = await loadOwnNamespace(tx);
      return { result: known ?? to, writes: known === undefined ? [putOwnNamespace(to)] : [] };
    }));
  if (own === 'ended') throw noSuchNamespace();
  services.namespacePath = own.path;
  return respond(services, request, delegate);
}

/** What needs no token: it is not admitted, and changes nothing, unless it is a login. */
async function respondToAnybody(services: Services, request: ApiRequest, target: Target, { route, params, run }: Found): Promise<ApiAnswer> {
  const { operation, path, query } = target;
  const requestId = services.newUuid();
  // What is wrapped is the answer of a login; what OpenBao answers to anybody who reads is not.
  const wrapTtlSeconds = isWrite(target) ? wrapTtlOf(request) : undefined;
  if (request.body === 'too large' || request.body.length > MAX_ANONYMOUS_BODY) throw new ApiError(413, 'http: request body too large');
  const input = isWrite(target) ? parseBody(request, request.body, BODY_LIMITS) : query;
  const { store, mounts } = services;
  const common = { services, requestId, head: request, operation, path, params, input, store, mounts };
  const reply = await run({ ...common, mount: undefined, admission: NOBODY_ADMITTED, isAnonymous: true });
  const answered = render(target, { injected: route.injected && wrapTtlSeconds === undefined, requestId }, reply);
  return wrapTtlSeconds === undefined ? answered : wrapReply(services, reply, answered, { path, ttlSeconds: wrapTtlSeconds });
}

// An open route has no use for it.
const NOBODY_ADMITTED = undefined as unknown as Admission;

function isWrite({ operation }: Target): boolean {
  return operation === 'update' || operation === 'patch';
}
