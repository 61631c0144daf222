import type { ReadTx, Write } from '@sealkv/core';
import type { JsonText } from '@sealkv/core/json';
import { parseTree } from '@sealkv/core/json';
import type { Out } from '../../json-out.ts';
import { ExactJson, sortedByName } from '../../json-out.ts';
import { authDataPrefix, putRecord, readRecord } from '../../records.ts';
import type { TokenParameters } from '../token-parameters.ts';
import { tokenParametersOut } from '../token-parameters.ts';
import type { Claims } from './claims.ts';

/** A role as it is stored, under its name in lower case: which tokens are good for a login, and what one gets for them. */
export interface JwtRole {
  readonly boundAudiences?: readonly string[] | undefined;
  /** Empty: any. */
  readonly boundSubject: string;
  /** JSON text of an object: the values that a claim may have, by its name or JSON pointer. */
  readonly boundClaims?: JsonText | undefined;
  readonly boundClaimsType: 'string' | 'glob';
  /** Names in the tokens' metadata, by claims. */
  readonly claimMappings?: Readonly<Record<string, string>> | undefined;
  /** The claim that says who it is. */
  readonly userClaim: string;
  readonly userClaimIsPointer: boolean;
  readonly groupsClaim: string;
  /** Seconds; 0: the default, negative: none. */
  readonly expirationLeeway: number;
  readonly notBeforeLeeway: number;
  readonly clockSkewLeeway: number;
  readonly parameters: TokenParameters;
  /** What is kept and shown, and of no effect: it is about logins with a browser. */
  readonly unused: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

export const rolesPrefix = (mountId: string): string => `${authDataPrefix(mountId)}r/`;

const roleKey = (mountId: string, name: string): string => rolesPrefix(mountId) + name;

export async function loadJwtRole(tx: ReadTx, mountId: string, name: string): Promise<JwtRole | undefined> {
  const bytes = await tx.get(roleKey(mountId, name));
  return bytes && readRecord<JwtRole>(bytes).facts;
}

export function putJwtRole(mountId: string, name: string, role: JwtRole): Write {
  return putRecord(roleKey(mountId, name), role);
}

export function deleteJwtRole(mountId: string, name: string): Write {
  return { kind: 'delete', key: roleKey(mountId, name) };
}

export function boundClaimsOf({ boundClaims }: JwtRole): Claims {
  return boundClaims === undefined ? new Map() : (parseTree(boundClaims) as Claims);
}

const UNUSED_DEFAULTS = {
  allowed_redirect_uris: null,
  callback_mode: 'client',
  max_age: 0,
  oauth2_metadata: null,
  oidc_disable_confirmation: false,
  oidc_scopes: null,
  verbose_oidc_logging: false,
};

/** As reads show it. */
export function jwtRoleOut(role: JwtRole): Out {
  return sortedByName(
    Object.entries({
      ...UNUSED_DEFAULTS,
      ...role.unused,
      bound_audiences: role.boundAudiences ?? null,
      bound_claims: role.boundClaims === undefined ? null : new ExactJson(role.boundClaims),
      bound_claims_type: role.boundClaimsType,
      bound_subject: role.boundSubject,
      claim_mappings: role.claimMappings === undefined ? null : sortedByName(Object.entries(role.claimMappings)),
      clock_skew_leeway: role.clockSkewLeeway,
      expiration_leeway: role.expirationLeeway,
      groups_claim: role.groupsClaim,
      not_before_leeway: role.notBeforeLeeway,
      role_type: 'jwt',
      token_policies_template_claims: false,
      user_claim: role.userClaim,
      user_claim_json_pointer: role.userClaimIsPointer,
      ...tokenParametersOut(role.parameters),
    }),
  );
}
