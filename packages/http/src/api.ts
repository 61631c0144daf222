import { isSealKvError } from '@sealkv/core';
import { answerWithCors } from './cors.ts';
import type { EngineCall } from './engine-call.ts';
import { callEngine } from './engine-call.ts';
import { dueTellingStore, keepHouse, nextDue } from './housekeeping.ts';
import { endNamespace } from './namespaces/end-namespace.ts';
import type { ForwardedRequest } from './namespaces/namespace-port.ts';
import { answer } from './reply.ts';
import type { ApiAnswer, ApiRequest, RequestHead } from './request.ts';
import { respond, respondDirectly, respondForwarded } from './respond.ts';
import type { ApiOptions } from './services.ts';
import { Services } from './services.ts';
import { toApiError } from './status.ts';
import { healthFacts } from './sys/health.ts';
import { sealFacts } from './sys/seal-status.ts';

/** One namespace's HTTP API, on any store. */
export interface Api {
  /** Never rejects: whatever goes wrong is an answer. */
  handle(request: ApiRequest): Promise<ApiAnswer>;
  /** A request that the root namespace sends on to this one. Never rejects either. */
  handleForwarded(forwarded: ForwardedRequest): Promise<ApiAnswer>;
  /** A call of an engine's method, for Workers with a service binding. Rejects with the engine's errors. */
  callEngine(call: EngineCall): Promise<unknown>;
  /** Ends this namespace: it refuses everything from now on, and is emptied bit by bit. Whether it is empty. */
  end(): Promise<boolean>;
  /**
   * Does some of the work that is due, such as removing what has expired, and says when to call it again, in milliseconds since 1970; undefined: not until
   * `onDue` is called. No request depends on it. Rejects if something failed; the rest has been done.
   */
  housekeeping(): Promise<{ readonly nextDue: number | undefined }>;
  /** When {@link housekeeping} is to be called. For who has just been started, and has not been told. */
  nextDue(): Promise<number | undefined>;
}

/** Touches nothing: the first request opens the store and proves the key. */
export function createApi(options: ApiOptions): Api {
  const { onDue } = options;
  const services = new Services(onDue === undefined ? options : { ...options, store: dueTellingStore(options.store, onDue) });
  const answering = async (request: ApiRequest, respond: () => Promise<ApiAnswer>): Promise<ApiAnswer> => {
    try {
      await services.proveKey();
      return await respond();
    } catch (error) {
      if (isSealKvError(error, 'WRONG_KEY')) return sealedAnswer(request, 'the seal key is not the one that the data was sealed with');
      const { status, errors, more, headers } = toApiError(error);
      const answered = answer(status, { errors, ...more });
      return { ...answered, headers: { ...answered.headers, ...headers } };
    }
  };
  const own = options.namespaceId === undefined ? respond : respondDirectly;
  return {
    // Answers that are errors are for pages too.
    handle: (request) => answering(request, () => answerWithCors(services.store, request, () => answering(request, () => own(services, request)))),
    handleForwarded: (forwarded) => answering(forwarded.request, () => respondForwarded(services, forwarded)),
    async callEngine(call) {
      await services.proveKey();
      return callEngine(services, call);
    },
    end: () => endNamespace(services.store),
    async housekeeping() {
      await services.proveKey();
      return { nextDue: await keepHouse(services) };
    },
    nextDue: () => nextDue(services),
  };
}

/** What every request gets while there is no key, or not the right one: 503, and nothing is read or written. */
export function sealedAnswer(head: RequestHead, reason?: string): ApiAnswer {
  const errors = ['Vault is sealed', ...(reason === undefined ? [] : [reason])];
  const path = head.target.split('?')[0];
  const facts =
    path === '/v1/sys/health' ? healthFacts(Date.now(), { sealed: true }) : path === '/v1/sys/seal-status' ? sealFacts({ sealed: true }) : {};
  return answer(503, { errors, ...facts });
}

/** What is told when the storage was out of reach: whether a change was carried out is unknown, or it certainly was not. */
export function unavailableAnswer(applied: 'no' | 'unknown'): ApiAnswer {
  const message =
    applied === 'no' ? 'the storage is not available; nothing was done' : 'the storage was lost; whether this request was carried out is unknown';
  return answer(503, { errors: [message] });
}
