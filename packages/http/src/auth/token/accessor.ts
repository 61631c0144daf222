import type { ReadTx } from '@sealkv/core';
import { badRequest, multiError } from '../../api-error.ts';
import type { Principal } from '../../tokens/credentials.ts';
import type { NamedToken } from '../../tokens/named-token.ts';
import { loadByAccessor } from '../../tokens/named-token.ts';

export const accessorField = { type: 'string', about: 'The accessor of the token.' } as const;

/** @throws ApiError 400 if there is no valid token with this accessor */
export async function mustLoadByAccessor(tx: ReadTx, accessor: string | undefined, caller: Principal, now: number): Promise<NamedToken> {
  const found = await loadByAccessor(tx, mustName(accessor), caller, now);
  if (found === undefined) throw badRequest(multiError('invalid accessor'));
  return found;
}

/** @throws ApiError 400 if none is named */
export function mustName(accessor: string | undefined): string {
  if (!accessor) throw badRequest(multiError('missing accessor'));
  return accessor;
}
