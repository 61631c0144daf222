import type { ReadTx, Write } from '@sealkv/core';
import type { Out } from '../../json-out.ts';
import { authDataPrefix, putRecord, readRecord } from '../../records.ts';
import type { KeySource } from './key-sets.ts';

/** Who signs tokens, as it is stored. One of the first three says where the keys are. */
export interface JwtConfig {
  /** Public keys or certificates in PEM. */
  readonly publicKeys: readonly string[];
  /** Empty: none, as the next two. */
  readonly jwksUrl: string;
  readonly discoveryUrl: string;
  readonly boundIssuer: string;
  /** The role of logins that name none; empty: they must. */
  readonly defaultRole: string;
  /** None: any. */
  readonly algorithms: readonly string[];
  /** Kept and shown. */
  readonly namespaceInState: boolean;
}

const configKey = (mountId: string): string => `${authDataPrefix(mountId)}config`;

export async function loadJwtConfig(tx: ReadTx, mountId: string): Promise<JwtConfig | undefined> {
  const bytes = await tx.get(configKey(mountId));
  return bytes && readRecord<JwtConfig>(bytes).facts;
}

export function putJwtConfig(mountId: string, config: JwtConfig): Write {
  return putRecord(configKey(mountId), config);
}

/** Where its keys are to be got from; undefined if it has them itself. */
export function keySourceOf({ jwksUrl, discoveryUrl }: JwtConfig): KeySource | undefined {
  if (jwksUrl !== '') return { kind: 'jwks', url: jwksUrl };
  return discoveryUrl === '' ? undefined : { kind: 'discovery', url: discoveryUrl };
}

export function jwtConfigOut(config: JwtConfig): Out {
  return {
    bound_issuer: config.boundIssuer,
    default_role: config.defaultRole,
    jwks_ca_pem: '',
    jwks_url: config.jwksUrl,
    jwt_supported_algs: config.algorithms,
    jwt_validation_pubkeys: config.publicKeys,
    namespace_in_state: config.namespaceInState,
    oidc_client_id: '',
    oidc_discovery_ca_pem: '',
    oidc_discovery_url: config.discoveryUrl,
    oidc_response_mode: '',
    oidc_response_types: [],
    override_allowed_server_names: [],
    provider_config: {},
    status: 'valid',
  };
}
