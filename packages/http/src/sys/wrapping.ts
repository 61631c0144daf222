import type { JsonText } from '@sealkv/core/json';
import { printTree } from '@sealkv/core/json';
import { ApiError, badRequest } from '../api-error.ts';
import { ExactJson } from '../json-out.ts';
import type { Reply } from '../reply.ts';
import { bare, data, wrapped } from '../reply.ts';
import { tokenOf } from '../request.ts';
import type { Call, Route } from '../route.ts';
import { route } from '../route.ts';
import { formatTime } from '../time.ts';
import { mintToken } from '../tokens/mint.ts';
import { wrapTtlOf } from '../wrapping/wrap-ttl.ts';
import { mustLoadWrappingToken, openTaken, rewrapped, takeWrapped } from '../wrapping/wrapped-answer.ts';

const tokenField = { token: { type: 'string', about: 'The wrapping token; none: the one of the request.' } } as const;

/** `sys/wrapping/wrap`: whatever is sent, wrapped. */
export const wrap: Route = route({
  pattern: 'wrapping/wrap',
  about: 'Wraps what is sent, for as long as the header X-Vault-Wrap-TTL says.',
  fields: {},
  takesAnything: true,
  operations: {
    async update({ head, input }) {
      if (wrapTtlOf(head) === undefined) throw badRequest('endpoint requires response wrapping to be used');
      return data(new ExactJson(printTree(input)));
    },
  },
});

/** `sys/wrapping/unwrap`: the answer as it was, once. Its record and its token are gone with the transaction that reads it. */
export const unwrap: Route = route({
  pattern: 'wrapping/unwrap',
  about: 'The answer that a wrapping token opens. It opens it once.',
  fields: tokenField,
  takesWrappingToken: true,
  operations: {
    async update(call) {
      const { services, store, admission } = call;
      const given = await hashOfGiven(call);
      const taken = await store.write(async (tx) => {
        const { taken: answer, writes } = await takeWrapped(tx, given ?? admission.caller.hash ?? '', services.clock());
        return { result: answer, writes };
      });
      const { status, text } = await openTaken(services, taken);
      return bare(new ExactJson(text as JsonText), status);
    },
  },
});

/** `sys/wrapping/lookup`: without any other token, as it tells nothing of the answer. */
export const lookupWrapped: Route = route({
  pattern: 'wrapping/lookup',
  about: 'When, for how long and for which path a wrapping token was made.',
  fields: tokenField,
  open: true,
  operations: { read: lookup, update: lookup },
});

async function lookup({ services, store, values, head }: Call<typeof tokenField>): Promise<Reply> {
  checkGiven(values.token);
  const id = values.token ?? tokenOf(head);
  if (id === undefined) throw new ApiError(403, 'error validating wrapping token: token is empty');
  const hash = await services.keys.mac('token', id);
  const entry = await store.read((tx) => mustLoadWrappingToken(tx, hash, services.clock()));
  return data({ creation_path: entry.path, creation_time: formatTime(entry.createdAt), creation_ttl: entry.creationTtl });
}

/** `sys/wrapping/rewrap`: a new token for the same answer, as one transaction. The old one is gone. */
export const rewrap: Route = route({
  pattern: 'wrapping/rewrap',
  about: 'A new wrapping token for the answer of an old one, for as long as that one was made for, or for less as X-Vault-Wrap-TTL says.',
  fields: tokenField,
  operations: {
    async update(call) {
      const { services, store, admission, head } = call;
      const minted = await mintToken(services);
      const given = await hashOfGiven(call);
      return wrapped(
        await store.write(async (tx) => {
          const now = services.clock();
          const { writes, ...before } = await takeWrapped(tx, given ?? admission.caller.hash ?? '', now);
          const ttlSeconds = Math.min(before.entry.creationTtl, wrapTtlOf(head) ?? Infinity);
          const { info, writes: more } = rewrapped(minted, before, { ttlSeconds, now });
          return { result: info, writes: [...writes, ...more] };
        }),
      );
    },
  },
});

/** The hash of the wrapping token that the body names; undefined if it names none. */
async function hashOfGiven({ services, values }: Call<typeof tokenField>): Promise<string | undefined> {
  checkGiven(values.token);
  return values.token === undefined ? undefined : services.keys.mac('token', values.token);
}

/** @throws ApiError 403 for one that is empty: it is not taken for none */
function checkGiven(token: string | undefined): void {
  if (token === '') throw new ApiError(403, 'error validating wrapping token: empty token in request body');
}
