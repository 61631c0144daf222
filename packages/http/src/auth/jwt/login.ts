import type { ReadTx } from '@sealkv/core';
import { badRequest } from '../../api-error.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { Services } from '../../services.ts';
import type { AuthMount } from '../auth-mount.ts';
import type { LoginVerdict } from '../login.ts';
import { logIn } from '../login.ts';
import type { Claims } from './claims.ts';
import { checkBoundClaims, checkRegisteredClaims, claimAt, listOf, textOf } from './claims.ts';
import type { JwtConfig } from './jwt-config.ts';
import { keySourceOf, loadJwtConfig } from './jwt-config.ts';
import { KeySetError } from './key-sets.ts';
import type { JwtRole } from './role-entry.ts';
import { boundClaimsOf, loadJwtRole } from './role-entry.ts';
import type { VerificationKey } from './verify-jwt.ts';
import { ALGORITHMS, headerOf, verifyJwt } from './verify-jwt.ts';

/** `login`: a token for a token of somebody else's. */
export const jwtLogin: Route<AuthMount> = route({
  pattern: 'login',
  about: 'Logs in with a JWT that the issuer of the mount has signed.',
  open: true,
  writesAfter: 'login',
  fields: {
    role: { type: 'string', about: 'The role; the default one of the mount if not given.' },
    jwt: { type: 'string', about: 'The JWT.' },
  },
  operations: {
    async update(call, mount: AuthMount) {
      const { services, values } = call;
      const named = values.role?.trim().toLowerCase() ?? '';
      return logIn(call, mount, {
        alias: named,
        read: (tx) => loadState(tx, mount.id, named),
        // There is nothing to guess: whoever has the issuer's signature is in.
        nameOf: () => undefined,
        verify: (state) => verify(services, state, values.jwt ?? ''),
      });
    },
  },
});

interface LoginState {
  readonly config: JwtConfig | undefined;
  readonly name: string;
  readonly role: JwtRole | undefined;
}

async function loadState(tx: ReadTx, mountId: string, named: string): Promise<LoginState> {
  const config = await loadJwtConfig(tx, mountId);
  const name = named === '' ? (config?.defaultRole ?? '') : named;
  return { config, name, role: name === '' ? undefined : await loadJwtRole(tx, mountId, name) };
}

async function verify(services: Services, { config, name, role }: LoginState, token: string): Promise<LoginVerdict> {
  if (config === undefined) throw badRequest('could not load configuration');
  if (name === '') throw badRequest('missing role');
  if (role === undefined) throw badRequest(`role ${JSON.stringify(name)} could not be found`);
  if (token === '') throw badRequest('missing token');
  const algorithms = config.algorithms.length > 0 ? config.algorithms : ALGORITHMS;
  const claims = await verifyJwt(token, await keysFor(services, config, token), algorithms);
  const { boundAudiences: audiences = [], boundSubject: subject, expirationLeeway, notBeforeLeeway, clockSkewLeeway } = role;
  const expected = { issuer: config.boundIssuer, subject, audiences, expirationLeeway, notBeforeLeeway, clockSkewLeeway };
  checkRegisteredClaims(claims, expected, services.clock());
  const user = userOf(claims, role);
  const metadata = { ...metadataOf(claims, role), role: name };
  checkGroups(claims, role);
  checkBoundClaims(claims, boundClaimsOf(role), role.boundClaimsType);
  return { kind: 'proven', name, alias: user, displayName: user, parameters: role.parameters, metadata };
}

async function keysFor({ keySets }: Services, config: JwtConfig, token: string): Promise<readonly VerificationKey[]> {
  const source = keySourceOf(config);
  if (source === undefined) return config.publicKeys;
  const { keyId } = headerOf(token);
  try {
    return await keySets.keysOf(source, keyId);
  } catch (error) {
    if (!(error instanceof KeySetError)) throw error;
    throw badRequest(`error validating token: error verifying token signature: ${error.message}`);
  }
}

function userOf(claims: Claims, { userClaim, userClaimIsPointer }: JwtRole): string {
  const claim = userClaimIsPointer ? claimAt(claims, userClaim) : claims.get(userClaim);
  if (claim === undefined || claim === 'null') throw badRequest(`claim ${JSON.stringify(userClaim)} not found in token`);
  const user = textOf(claim);
  if (user === undefined) throw badRequest(`claim ${JSON.stringify(userClaim)} could not be converted to string`);
  if (user === '') throw badRequest('missing name in alias');
  return user;
}

function metadataOf(claims: Claims, { claimMappings = {} }: JwtRole): Record<string, string> {
  const entries = Object.entries(claimMappings).flatMap(([source, target]) => {
    const claim = claimAt(claims, source);
    if (claim === undefined) return [];
    const text = textOf(claim);
    if (text === undefined) throw badRequest(`error converting claim '${source}' to string`);
    return [[target, text] as const];
  });
  return Object.fromEntries(entries);
}

function checkGroups(claims: Claims, { groupsClaim }: JwtRole): void {
  if (groupsClaim === '') return;
  const quoted = JSON.stringify(groupsClaim);
  const claim = claimAt(claims, groupsClaim);
  if (claim === undefined) throw badRequest(`failed to fetch groups: ${quoted} claim not found in token`);
  if (!listOf(claim)?.every((group) => textOf(group) !== undefined)) throw badRequest(`${quoted} claim could not be converted to string list`);
}
