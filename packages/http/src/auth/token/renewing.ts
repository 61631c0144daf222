import type { ReadTx, WriteOutcome } from '@sealkv/core';
import { badRequest } from '../../api-error.ts';
import type { Reply } from '../../reply.ts';
import { data } from '../../reply.ts';
import type { NamedToken } from '../../tokens/named-token.ts';
import type { Renewal } from '../../tokens/renewal.ts';
import { renew, tokenTerms } from '../../tokens/renewal.ts';
import { putToken } from '../../tokens/token-entry.ts';
import { authOut } from '../auth-out.ts';
import { loginTerms } from '../login-terms.ts';

export const incrementField = { type: 'duration', about: 'For how long it is to live from now on.' } as const;

/**
 * Renews a token, as the body of a transaction.
 * @throws ApiError 400 if it can't be
 */
export async function renewNamed(
  tx: ReadTx,
  named: NamedToken | undefined,
  { increment = 0, now }: { readonly increment: number | undefined; readonly now: number },
): Promise<WriteOutcome<Renewal>> {
  if (named === undefined) throw badRequest('token not found');
  const { entry } = named;
  const terms = await (entry.login === undefined ? tokenTerms(tx, entry) : loginTerms(tx, entry.login, entry));
  const renewal = renew(entry, terms, { increment, now });
  // `renew` has refused all that have no record.
  const writes = named.kind === 'stored' ? putToken(named.hash, renewal.entry, entry) : [];
  return { result: renewal, writes };
}

export function renewalReply(id: string, { entry, ttl, warnings }: Renewal): Reply {
  return data(null, { warnings, auth: authOut(id, entry, ttl) });
}
