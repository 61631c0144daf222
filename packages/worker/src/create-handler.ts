import type { ApiAnswer } from '@sealkv/http';
import { readRequest, tokenOf, toResponse, unavailableAnswer } from '@sealkv/http';
import type { NamespaceObject } from './namespace-object.ts';
import { objectFor } from './object-names.ts';

export interface HandlerOptions {
  /** Bytes of a request's body; 4 MiB by default. */
  readonly maxBodyBytes?: number | undefined;
}

/** What a Worker exports, or a part of one: `vault.fetch(request, env)`. */
export interface Handler<Env> {
  /** `context` is not needed: the one call that is made ends with the answer. */
  fetch(request: Request, env: Env, context?: unknown): Promise<Response>;
}

/**
 * The Vault API on the objects that `namespaces` finds in the Worker's environment.
 *
 * Each request is exactly one call to one object. A Worker is cancelled when its client goes away and an object is not, so of two calls the second may
 * never be made; what one call starts is carried through.
 */
export function createHandler<Env>(
  namespaces: (env: Env) => DurableObjectNamespace<NamespaceObject>,
  { maxBodyBytes }: HandlerOptions = {},
): Handler<Env> {
  return {
    async fetch(request, env) {
      const asked = await readRequest(request, { maxBodyBytes });
      try {
        return respondSafely(await objectFor(namespaces(env), tokenOf(asked)).handle(asked));
      } catch (error) {
        // The object was reset, or is overloaded; whatever the reason, its text is not for clients.
        return respondSafely(unavailableAnswer(isOverloaded(error) ? 'no' : 'unknown'));
      }
    },
  };
}

/** A Worker is reached by TLS only; OpenBao sends the same. */
function respondSafely(answer: ApiAnswer): Response {
  const response = toResponse(answer);
  response.headers.set('Strict-Transport-Security', 'max-age=31536000; includeSubDomains');
  return response;
}

/** Refused before any code of the object ran. */
function isOverloaded(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'overloaded' in error && error.overloaded === true;
}
