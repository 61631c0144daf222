import { ApiError } from '../../api-error.ts';
import type { Reply } from '../../reply.ts';
import { data } from '../../reply.ts';
import type { Call, Route } from '../../route.ts';
import { route } from '../../route.ts';
import { credentialsOf } from '../../tokens/credentials.ts';
import { loadNamed, ownToken } from '../../tokens/named-token.ts';
import { tokenOut } from './token-out.ts';

const fields = { token: { type: 'string', about: 'The token; that of the request if none is given.' } } as const;

/** `auth/token/lookup`: any token, for who has it. */
export const lookup: Route = route({
  pattern: 'token/lookup',
  about: 'What a token is.',
  fields,
  operations: { read: look, update: look },
});

async function look({ services, store, admission, values }: Call<typeof fields>): Promise<Reply> {
  const id = values.token ?? '';
  const credentials = id === '' ? undefined : await credentialsOf(id, services);
  const now = services.clock();
  const found = await store.read(async (tx) => {
    if (id === '') return { id: admission.caller.id, ...ownToken(admission.caller) };
    const named = await loadNamed(tx, credentials, admission.caller, now);
    if (named === undefined) throw new ApiError(403, 'bad token');
    return { id, ...named };
  });
  return data(tokenOut(found.id, found.entry, services));
}
