import { ApiError } from '../api-error.ts';
import type { Reply } from '../reply.ts';
import { answer, wrappedEnvelope } from '../reply.ts';
import type { ApiAnswer } from '../request.ts';
import type { Services } from '../services.ts';
import { toApiError } from '../status.ts';
import { wrapAnswer } from './wrapped-answer.ts';

/**
 * Wraps what a handler has answered, if it is anything to wrap: an answer of 200, or one of 404 that tells more than that.
 *
 * The transaction is a second one, after that of the request, for sealing can't be done in a transaction. If it fails, the change stands and the
 * answer is lost, and that is what the error says.
 * @throws ApiError
 */
export async function wrapReply(
  services: Services,
  reply: Reply,
  answered: ApiAnswer,
  { path, ttlSeconds }: { readonly path: string; readonly ttlSeconds: number },
): Promise<ApiAnswer> {
  if (reply?.kind !== 'data' && reply?.kind !== 'bare') return answered;
  // A list of nothing is answered by another status than its handler's.
  if (answered.status !== reply.status || answered.body === '') return answered;
  const { status, body: text } = answered;
  try {
    return answer(200, wrappedEnvelope(await wrapAnswer(services, { status, text }, { path, ttlSeconds, wrappedAccessor: accessorIn(reply, path) })));
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(toApiError(error).status, 'the request was carried out, but its answer could not be wrapped and is lost');
  }
}

/** The accessor of the token, or of the SecretID, that an answer is about. */
function accessorIn(reply: Reply & { readonly kind: 'data' | 'bare' }, path: string): string | undefined {
  if (reply.kind === 'bare') return undefined;
  const { auth, data } = reply;
  const accessor = member(auth, 'accessor') ?? (path.startsWith('auth/') ? member(data, 'secret_id_accessor') : undefined);
  return typeof accessor === 'string' ? accessor : undefined;
}

function member(out: unknown, name: string): unknown {
  if (out instanceof Map) return out.get(name);
  return typeof out === 'object' && out !== null ? (out as Readonly<Record<string, unknown>>)[name] : undefined;
}
