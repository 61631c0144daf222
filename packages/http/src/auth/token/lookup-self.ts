import type { Reply } from '../../reply.ts';
import { data } from '../../reply.ts';
import type { Call, Route } from '../../route.ts';
import { route } from '../../route.ts';
import { tokenOut } from './token-out.ts';

/** `auth/token/lookup-self`: what clients ask first, to see whether their token works. */
export const lookupSelf: Route = route({
  pattern: 'token/lookup-self',
  about: 'The token of the request.',
  fields: { token: { type: 'string', about: 'Not looked at.' } },
  operations: { read: look, update: look },
});

async function look({ services, store, admission }: Pick<Call, 'services' | 'store' | 'admission'>): Promise<Reply> {
  const { id, entry } = await store.read(async () => admission.caller);
  return data(tokenOut(id, entry, services));
}
