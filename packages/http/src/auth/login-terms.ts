import type { ReadTx } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import { sanitizeNames } from '../tokens/policy-set.ts';
import type { RenewalTerms } from '../tokens/renewal.ts';
import type { TokenEntry } from '../tokens/token-entry.ts';
import { loadRole } from './approle/role-entry.ts';
import type { AuthMount, TokenLogin } from './auth-mount.ts';
import { authMountAt } from './auth-mount.ts';
import { loadJwtRole } from './jwt/role-entry.ts';
import type { TokenParameters } from './token-parameters.ts';
import { loadUser } from './userpass/user-entry.ts';

/**
 * What the user or role of a login says now of how long its tokens live.
 * @throws ApiError 400 if it is gone, or if a user has got other policies: then they are to log in again
 */
export async function loginTerms(tx: ReadTx, { mountPath, name }: TokenLogin, entry: TokenEntry): Promise<RenewalTerms> {
  const mount = await authMountAt(tx, mountPath);
  const parameters = mount && (await parametersOf(tx, mount, name));
  if (mount === undefined || parameters === undefined) throw badRequest(`the user or role ${JSON.stringify(name)} is gone, not renewing`);
  if (mount.type === 'userpass' && !areSame(parameters.policies, entry.policies)) throw badRequest('policies have changed, not renewing');
  const { defaultLeaseTtl, maxLeaseTtl } = mount.tuning;
  const { ttl, maxTtl, period } = parameters;
  return { ttl: ttl || defaultLeaseTtl, maxTtl, period, explicitMaxTtl: entry.explicitMaxTtl, maxLeaseTtl };
}

async function parametersOf(tx: ReadTx, { id, type }: AuthMount, name: string): Promise<TokenParameters | undefined> {
  switch (type) {
    case 'approle':
      return (await loadRole(tx, id, name))?.parameters;
    case 'jwt':
      return (await loadJwtRole(tx, id, name))?.parameters;
    case 'userpass':
      return (await loadUser(tx, id, name))?.parameters;
    default:
      return type satisfies never;
  }
}

/** Apart from `default`, which a token may have got besides. */
function areSame(a: readonly string[], b: readonly string[]): boolean {
  const [own, others] = [a, b].map((names) => sanitizeNames(names).filter((name) => name !== 'default'));
  return own!.join() === others!.join();
}
