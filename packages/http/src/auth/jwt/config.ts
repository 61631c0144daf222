import { badRequest } from '../../api-error.ts';
import type { Values } from '../../fields.ts';
import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { Services } from '../../services.ts';
import type { AuthMount } from '../auth-mount.ts';
import type { JwtConfig } from './jwt-config.ts';
import { jwtConfigOut, keySourceOf, loadJwtConfig, putJwtConfig } from './jwt-config.ts';
import type { KeySource } from './key-sets.ts';
import { KeySetError } from './key-sets.ts';
import { ALGORITHMS, isPublicKey } from './verify-jwt.ts';

const MAX_PUBLIC_KEYS = 20;

const fields = {
  jwt_validation_pubkeys: { type: 'strings', about: 'Public keys or certificates in PEM.' },
  jwks_url: { type: 'string', about: 'The https URL of a key set.' },
  oidc_discovery_url: { type: 'string', about: 'The https URL of an issuer which tells where its key set is.' },
  bound_issuer: { type: 'string', about: 'What `iss` must be.' },
  default_role: { type: 'string', about: 'The role of logins that name none.' },
  jwt_supported_algs: { type: 'strings', about: 'Which signature algorithms are taken; none given: all those with public keys.' },
  skip_jwks_validation: { type: 'bool', about: 'Takes the URL even if there is no key set at the moment.' },
  namespace_in_state: { type: 'bool', about: 'Kept and shown, of no effect.' },
  jwks_ca_pem: { type: 'string', about: 'Not supported, as all that follow.' },
  oidc_discovery_ca_pem: { type: 'string', about: 'Not supported.' },
  oidc_client_id: { type: 'string', about: 'Not supported.' },
  oidc_client_secret: { type: 'string', about: 'Not supported.' },
  oidc_response_mode: { type: 'string', about: 'Not supported.' },
  oidc_response_types: { type: 'strings', about: 'Not supported.' },
  override_allowed_server_names: { type: 'strings', about: 'Not supported.' },
  provider_config: { type: 'map', about: 'Not supported.' },
} as const;

/**
 * `config`: whose tokens are good for logins. A write replaces all of it.
 *
 * For Cloudflare Access, which signs a token for each request that it lets through (header `Cf-Access-Jwt-Assertion`):
 *
 * ```text
 * auth/jwt/config         jwks_url=https://<team>.cloudflareaccess.com/cdn-cgi/access/certs
 *                         bound_issuer=https://<team>.cloudflareaccess.com
 * auth/jwt/role/<name>    role_type=jwt user_claim=email bound_audiences=<the application's audience tag>
 * ```
 *
 * A service token has `common_name` in place of `email`.
 */
export const jwtConfig: Route<AuthMount> = route({
  pattern: 'config',
  about: 'Whose tokens are good for logins: where the keys are, who the issuer is.',
  grows: ['update'],
  fields,
  operations: {
    async read({ store }, mount: AuthMount) {
      const found = await store.read((tx) => loadJwtConfig(tx, mount.id));
      return found && data(jwtConfigOut(found));
    },

    async update({ services, store, values }, { id }) {
      // Nothing is fetched for who may not.
      const before = await store.read((tx) => loadJwtConfig(tx, id));
      const config = await configOf(values, before);
      const warnings = await checkSource(services, keySourceOf(config), values.skip_jwks_validation ?? false);
      await store.write(async () => ({ result: undefined, writes: [putJwtConfig(id, config)] }));
      return warnings.length === 0 ? undefined : data(null, { warnings });
    },
  },
});

/** @throws ApiError 400 */
async function configOf(values: Values<typeof fields>, before: JwtConfig | undefined): Promise<JwtConfig> {
  const { jwt_validation_pubkeys: publicKeys = [], jwks_url: jwksUrl = '', oidc_discovery_url: discoveryUrl = '' } = values;
  const isGiven = (name: keyof typeof fields): boolean => {
    const value = values[name];
    return typeof value === 'string'
      ? value !== '' && value !== 'null'
      : Array.isArray(value)
        ? value.length > 0
        : value instanceof Map && value.size > 0;
  };
  // Custom authorities and names can't be told to `fetch`; the rest is of logins with a browser.
  const unsupported = (Object.keys(fields) as (keyof typeof fields)[]).find(
    (name) => fields[name].about.startsWith('Not supported') && isGiven(name),
  );
  if (unsupported !== undefined) throw badRequest(`'${unsupported}' is not supported`);
  if ([publicKeys.length > 0, jwksUrl !== '', discoveryUrl !== ''].filter(Boolean).length !== 1)
    throw badRequest(`exactly one of 'jwt_validation_pubkeys', 'jwks_url' or 'oidc_discovery_url' must be set`);
  if (discoveryUrl.includes('.well-known/openid-configuration')) throw badRequest(`'oidc_discovery_url' contains '.well-known' component`);
  if (publicKeys.length > MAX_PUBLIC_KEYS) throw badRequest(`there can be at most ${MAX_PUBLIC_KEYS} public keys`);
  for (const pem of publicKeys)
    if (!(await isPublicKey(pem))) throw badRequest('error parsing public key: data does not contain any valid public keys');
  const algorithms = values.jwt_supported_algs ?? [];
  const unknown = algorithms.find((name) => !ALGORITHMS.includes(name));
  if (unknown !== undefined) throw badRequest(`invalid jwt_supported_algs: unsupported signing algorithm ${JSON.stringify(unknown)}`);
  return {
    publicKeys,
    jwksUrl,
    discoveryUrl,
    boundIssuer: values.bound_issuer ?? '',
    defaultRole: (values.default_role ?? '').trim().toLowerCase(),
    algorithms,
    namespaceInState: values.namespace_in_state ?? before?.namespaceInState ?? true,
  };
}

/** @throws ApiError 400 unless a URL at which there is nothing will do */
async function checkSource({ keySets }: Services, source: KeySource | undefined, willDo: boolean): Promise<string[]> {
  if (source === undefined) return [];
  if (!keySets.isAllowed(source.url)) throw badRequest(`${source.kind === 'jwks' ? 'jwks_url' : 'oidc_discovery_url'} must be a URL with https`);
  try {
    await keySets.check(source);
    return [];
  } catch (error) {
    if (!(error instanceof KeySetError)) throw error;
    const problem = source.kind === 'jwks' ? 'error checking jwks URL' : 'error checking oidc discovery URL';
    if (!willDo) throw badRequest(problem);
    return [problem];
  }
}
