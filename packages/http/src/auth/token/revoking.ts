import { badRequest } from '../../api-error.ts';
import type { NamedToken } from '../../tokens/named-token.ts';

/**
 * The hash of a token that is to end.
 * @throws ApiError 400 for one that has no record to remove
 */
export function mustBeRevocable(named: NamedToken): string {
  switch (named.kind) {
    case 'batch':
      throw badRequest('batch tokens cannot be revoked');
    case 'root':
      throw badRequest('the root token of the deployment cannot be revoked here; give the deployment another one');
    case 'stored':
      return named.hash;
    default:
      return named satisfies never;
  }
}
