import { badRequest } from './api-error.ts';
import type { Reply } from './reply.ts';
import { answer, envelope, wrappedEnvelope } from './reply.ts';
import type { ApiAnswer, Target } from './request.ts';

/** A Durable Object's answer is limited to 32 MiB, an answer of ours to less: it is text, and something comes around it. */
const MAX_ANSWER_LENGTH = 10 * 1024 * 1024;

export interface Rendering {
  /** The members of `data` are at the top level too. */
  readonly injected: boolean | undefined;
  readonly requestId: string;
}

export function render({ operation }: Target, { injected, requestId }: Rendering, reply: Reply): ApiAnswer {
  if (reply === undefined) {
    const wanted = operation === 'read' || operation === 'list' || operation === 'scan';
    return wanted ? answer(404, { errors: [] }) : answer(204, undefined);
  }
  if (operation === 'list' && isEmpty(reply)) return answer(404, { errors: [] });
  const whole = renderReply(reply, { injected, requestId });
  if (whole.body.length > MAX_ANSWER_LENGTH) throw badRequest(`the answer is too large; ask for part of it with "limit" and "after"`);
  return whole;
}

function renderReply(reply: Exclude<Reply, undefined>, { injected, requestId }: Rendering): ApiAnswer {
  switch (reply.kind) {
    case 'empty':
      return answer(reply.status, undefined);
    case 'bare':
      return answer(reply.status, reply.body);
    case 'data':
      return answer(reply.status, envelope(requestId, reply, injected === true));
    case 'wrapped':
      return answer(200, wrappedEnvelope(reply.info));
    case 'text': {
      const { headers } = answer(200, undefined);
      return { status: 200, headers: { ...headers, 'Content-Type': reply.contentType }, body: reply.body };
    }
    default:
      return reply satisfies never;
  }
}

/** A list of nothing; but one that has a warning to tell is told. */
function isEmpty(reply: Reply): boolean {
  if (reply?.kind !== 'data' || reply.warnings.length > 0) return false;
  return reply.data !== null && typeof reply.data === 'object' && Object.keys(reply.data).length === 0;
}
