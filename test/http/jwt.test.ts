import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApiOptions } from '@sealkv/http';
import { AuthHarness, errorOf } from './auth-harness.ts';
import type { Sent } from './harness.ts';

const ISSUER = 'https://issuer.example';
const JWKS_URL = 'https://issuer.example/keys';
const NOW = Date.UTC(2026, 10, 25, 12) / 1000;

interface Signer {
  readonly privateKey: CryptoKey;
  readonly pem: string;
  readonly jwk: JWK;
}

async function signer(kid: string, algorithm = 'ES256'): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return { privateKey, pem: await exportSPKI(publicKey), jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } };
}

const ours = await signer('one');
const another = await signer('two');

const CLAIMS = { iss: ISSUER, aud: 'sealkv', sub: 'ci', repo: 'org/app', groups: ['a', 'b'], iat: NOW, exp: NOW + 600 };

function sign(claims: object = {}, { key = ours, kid = 'one', alg = 'ES256' } = {}): Promise<string> {
  return new SignJWT({ ...CLAIMS, ...claims }).setProtectedHeader({ alg, ...(kid && { kid }) }).sign(key.privateKey);
}

let harness: AuthHarness;
afterEach(() => harness.expectSound());

async function start(
  options: Partial<ApiOptions> = {},
  config: object = { jwt_validation_pubkeys: [ours.pem], bound_issuer: ISSUER },
): Promise<void> {
  harness = new AuthHarness(options);
  await harness.enable('jwt');
  await harness.done('POST', 'auth/jwt/config', config);
  await setRole({});
}

const setRole = (more: object, name = 'ci'): Promise<Sent> =>
  harness.send('POST', `auth/jwt/role/${name}`, { body: { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'sealkv', ...more } });
const logIn = (jwt: string, role = 'ci'): Promise<Sent> => harness.logIn('jwt/login', { role, jwt });
const outcome = async (jwt: string, role = 'ci'): Promise<unknown> => {
  const [status, error] = errorOf(await logIn(jwt, role));
  return error?.replace('error validating token: ', '') ?? status;
};

describe('a login', () => {
  beforeEach(() => start());

  test('gives a token with what the role says, for a token of the issuer', async () => {
    await setRole({ token_policies: 'p', token_ttl: '10m', claim_mappings: { repo: 'repository', none: 'nothing' } }, 'CI');
    const { json } = await logIn(await sign(), ' Ci ');
    expect(json.auth).toMatchObject({
      policies: ['default', 'p'],
      metadata: { repository: 'org/app', role: 'ci' },
      lease_duration: 600,
      orphan: true,
    });
    const own = await harness.send('GET', 'auth/token/lookup-self', { token: json.auth.client_token });
    expect(own.json.data).toMatchObject({ display_name: 'jwt-ci', path: 'auth/jwt/login' });
  });

  test('of the same subject has the same entity, whatever the role', async () => {
    await setRole({}, 'other');
    const entity = async (claims: object, role: string): Promise<string> => (await logIn(await sign(claims), role)).json.auth.entity_id;
    const [first, again, other] = [await entity({}, 'ci'), await entity({}, 'other'), await entity({ sub: 'x' }, 'ci')];
    expect([first === again, first === other]).toEqual([true, false]);
  });

  test('can do without a role if the mount has a default one', async () => {
    expect(await outcome(await sign(), '')).toBe('missing role');
    await harness.done('POST', 'auth/jwt/config', { jwt_validation_pubkeys: ours.pem, default_role: 'CI' });
    expect((await harness.logIn('jwt/login', { jwt: await sign() })).status).toBe(200);
    expect(await outcome(await sign(), 'none')).toBe('role "none" could not be found');
    expect(await outcome('')).toBe('missing token');
  });

  test.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS384'])('takes %s', async (alg) => {
    const key = await signer('', alg);
    await harness.done('POST', 'auth/jwt/config', { jwt_validation_pubkeys: [another.pem, key.pem] });
    expect(await outcome(await sign({}, { key, alg, kid: '' }))).toBe(200);
  });

  test('refuses a token of somebody else, an altered one, and one that is none', async () => {
    const unknown = 'error verifying token signature: no known key has signed it';
    const good = await sign();
    expect(await outcome(await sign({}, { key: another }))).toBe(unknown);
    const [head, , signature] = good.split('.');
    const claims = btoa(JSON.stringify({ ...CLAIMS, sub: 'root' })).replaceAll('=', '');
    expect(await outcome(`${head}.${claims}.${signature}`)).toBe(unknown);
    for (const text of ['x', 'x.y.z', good.slice(0, -8), `${good}.x`]) expect((await logIn(text)).status).toBe(400);
    expect((await logIn('x'.repeat(20_000))).status).toBe(400);
  });

  test('refuses no signature, and one that whoever knows the public key can make', async () => {
    const unexpected = 'invalid algorithm (alg) header parameter: token signed with unexpected algorithm';
    expect(await outcome(new UnsecuredJWT({ ...CLAIMS }).encode())).toBe(unexpected);
    const hmac = await new SignJWT({ ...CLAIMS }).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(ours.pem));
    expect(await outcome(hmac)).toBe(unexpected);
    await harness.done('POST', 'auth/jwt/config', { jwt_validation_pubkeys: ours.pem, jwt_supported_algs: ['RS256'] });
    expect(await outcome(await sign())).toBe(unexpected);
  });

  test('looks at issuer, subject and audience', async () => {
    expect(await outcome(await sign({ iss: 'x' }))).toBe('invalid issuer (iss) claim');
    expect(await outcome(await sign({ aud: 'x' }))).toBe('invalid audience (aud) claim: audience claim does not match any expected audience');
    expect(await outcome(await sign({ aud: ['x', 'sealkv'] }))).toBe(200);
    expect(await outcome(await sign({ aud: undefined }))).toMatch(/audience/);
    await setRole({ bound_audiences: '', bound_subject: 'ci' });
    expect(await outcome(await sign())).toBe('audience claim found in JWT but no audiences bound to the role');
    expect(await outcome(await sign({ aud: undefined }))).toBe(200);
    expect(await outcome(await sign({ aud: undefined, sub: 'x' }))).toBe('invalid subject (sub) claim');
  });

  test.each([
    ['has just ended', { iat: NOW - 600, exp: NOW - 60 }, 200],
    ['ended before', { iat: NOW - 600, exp: NOW - 61 }, 'invalid expiration time (exp) claim: token is expired'],
    ['begins in a moment', { nbf: NOW + 60, exp: NOW + 600 }, 200],
    ['begins later', { nbf: NOW + 61, exp: NOW + 600 }, 'invalid not before (nbf) claim: token not yet valid'],
    ['was made later', { nbf: NOW, iat: NOW + 61, exp: NOW + 600 }, 'invalid issued at (iat) claim: token issued in the future'],
    ['has no end, and is not old', { iat: NOW - 210 }, 200],
    ['has no end, and is old', { iat: NOW - 211 }, 'invalid expiration time (exp) claim: token is expired'],
    ['has only an end, and that soon', { exp: NOW + 210 }, 200],
    ['has only an end, and that far off', { exp: NOW + 211 }, 'invalid not before (nbf) claim: token not yet valid'],
    ['has no time at all', {}, 'no issued at (iat), not before (nbf), or expiration time (exp) claims in token'],
    ['has a time that is none', { iat: NOW, exp: 'soon' }, 'invalid exp claim: it must be a number'],
  ])('a token that %s', async (_, times, expected) => {
    expect(await outcome(await sign({ iat: undefined, exp: undefined, ...times }))).toBe(expected);
  });

  test('has leeways that the role can set', async () => {
    await setRole({ clock_skew_leeway: -1 });
    expect(await outcome(await sign({ iat: NOW - 10, exp: NOW - 1 }))).toMatch(/expired/);
    await setRole({ clock_skew_leeway: '5m' });
    expect(await outcome(await sign({ iat: NOW - 400, exp: NOW - 300 }))).toBe(200);
    await setRole({ clock_skew_leeway: -1, expiration_leeway: '10m' });
    expect(await outcome(await sign({ exp: undefined, iat: NOW - 600 }))).toBe(200);
  });

  test.each([
    ['one value', { repo: 'org/app' }, 'string', 200],
    ['one of several', { repo: ['x', 'org/app'] }, 'string', 200],
    ['none of several', { repo: ['x', 'org'] }, 'string', 'error validating claims: claim "repo" does not match any associated bound claim values'],
    ['a list that has one of them', { groups: ['x', 'b'] }, 'string', 200],
    ['a claim that is missing', { none: 'x' }, 'string', 'error validating claims: claim "none" is missing'],
    [
      'no pattern unless it is told',
      { repo: 'org/*' },
      'string',
      'error validating claims: claim "repo" does not match any associated bound claim values',
    ],
    ['a pattern', { repo: 'org/*' }, 'glob', 200],
    [
      'a pattern that does not fit',
      { repo: 'org/*/x' },
      'glob',
      'error validating claims: claim "repo" does not match any associated bound claim values',
    ],
    ['a JSON pointer', { '/deep/0/x~1y': 'z' }, 'string', 200],
    ['a number', { n: 7 }, 'string', 200],
    ['no text for a number', { n: '7' }, 'string', 'error validating claims: claim "n" does not match any associated bound claim values'],
    ['true', { flag: true }, 'string', 200],
    ['the audience, which may be a text or a list', { aud: 'sealkv' }, 'string', 200],
    ['an object', { deep: { a: 1 } }, 'string', 'error validating claims: bound claim "deep" is not a string, bool, int or list'],
  ])('binds claims: %s', async (_, bound, type, expected) => {
    expect((await setRole({ bound_claims: bound, bound_claims_type: type })).status).toBe(204);
    expect(await outcome(await sign({ deep: [{ 'x/y': 'z' }], flag: true, n: 7 }))).toBe(expected);
  });

  test('needs a user, who is a text', async () => {
    expect(await outcome(await sign({ sub: undefined }))).toBe('claim "sub" not found in token');
    expect(await outcome(await sign({ sub: 7 }))).toBe('claim "sub" could not be converted to string');
    await setRole({ user_claim: '/groups/1', user_claim_json_pointer: true });
    expect((await logIn(await sign())).json.auth.metadata).toEqual({ role: 'ci' });
    await setRole({ claim_mappings: { groups: 'g' } });
    expect(await outcome(await sign())).toBe(`error converting claim 'groups' to string`);
  });

  test('tells nothing of what was claimed', async () => {
    await setRole({ bound_claims: { repo: 'x' } });
    const { body } = await logIn(await sign({ repo: 'a secret canary' }));
    expect(body).not.toContain('canary');
  });

  test('has claims that are named once', async () => {
    // What two parsers could take for two different users.
    const payload = `{"iss":"${ISSUER}","aud":"sealkv","sub":"ci","sub":"root","exp":${NOW + 600},"nbf":${NOW}}`;
    const { privateKey } = ours;
    const encode = (text: string): string => btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const signed = `${encode('{"alg":"ES256"}')}.${encode(payload)}`;
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey as never, new TextEncoder().encode(signed));
    expect(await outcome(`${signed}.${encode(String.fromCharCode(...new Uint8Array(signature)))}`)).toBe('its claims are not a JSON object');
  });
});

describe('roles', () => {
  beforeEach(() => start());

  test.each([
    [{ role_type: 'x' }, `invalid 'role_type': x`],
    [{ role_type: 'oidc' }, `'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified.`],
    [{ role_type: 'oidc', allowed_redirect_uris: 'x' }, `logins with a browser are not supported: 'role_type' must be 'jwt'`],
    [{ user_claim: '' }, 'a user claim must be defined on the role'],
    [{ bound_audiences: '' }, 'must have at least one bound constraint when creating/updating a role'],
    [{ bound_claims_type: 'x' }, `invalid 'bound_claims_type': x`],
    [{ bound_claims_type: 'glob', bound_claims: { a: [1] } }, 'claim is not a string'],
    [{ claim_mappings: { a: 'role' } }, 'metadata key "role" is reserved and may not be a mapping destination'],
    [{ claim_mappings: { a: 'x', b: 'x' } }, 'multiple keys are mapped to metadata key "x"'],
    [{ token_policies_template_claims: true }, 'token_policies_template_claims is not supported'],
    [{ callback_mode: 'x' }, `invalid 'callback_mode': x`],
    [{ period: '900h' }, `period of "900h0m0s" is greater than the backend's maximum lease TTL of "768h0m0s"`],
    [{ bound_cidrs: '10.0.0.0/8' }, 'bound_cidrs is not supported: nothing is bound to addresses'],
  ])('%j is refused', async (body, message) => {
    expect(errorOf(await setRole(body, 'new'))).toEqual([400, message]);
    expect((await harness.send('GET', 'auth/jwt/role/new')).status).toBe(404);
  });

  test('keep what they are bound to exactly', async () => {
    const text = `{"role_type":"jwt","user_claim":"sub","bound_claims":{"10":1.0,"2":[12345678901234567890,"x"]}}`;
    expect((await harness.send('POST', 'auth/jwt/role/exact', { body: text })).status).toBe(204);
    const { body, json } = await harness.send('GET', 'auth/jwt/role/exact');
    expect(body).toContain('"bound_claims":{"10":1.0,"2":[12345678901234567890,"x"]}');
    expect(json.data).toMatchObject({ role_type: 'jwt', callback_mode: 'client', bound_audiences: null });
    expect((await harness.send('LIST', 'auth/jwt/role')).json.data.keys).toEqual(['ci', 'exact']);
    await harness.done('DELETE', 'auth/jwt/role/EXACT');
    expect((await harness.send('GET', 'auth/jwt/role/exact')).status).toBe(404);
  });
});

describe('the configuration', () => {
  beforeEach(() => start());

  test.each([
    [{}, `exactly one of 'jwt_validation_pubkeys', 'jwks_url' or 'oidc_discovery_url' must be set`],
    [{ jwks_url: JWKS_URL, oidc_discovery_url: ISSUER }, `exactly one of 'jwt_validation_pubkeys', 'jwks_url' or 'oidc_discovery_url' must be set`],
    [{ jwt_validation_pubkeys: 'x' }, 'error parsing public key: data does not contain any valid public keys'],
    [{ jwt_validation_pubkeys: ours.pem, jwt_supported_algs: 'HS256' }, 'invalid jwt_supported_algs: unsupported signing algorithm "HS256"'],
    [{ jwt_validation_pubkeys: ours.pem, jwt_supported_algs: 'none' }, 'invalid jwt_supported_algs: unsupported signing algorithm "none"'],
    [{ jwks_url: 'http://issuer.example/keys' }, 'jwks_url must be a URL with https'],
    [{ jwks_url: 'http://127.0.0.1/keys' }, 'jwks_url must be a URL with https'],
    [{ jwks_url: 'https://me:secret@issuer.example/' }, 'jwks_url must be a URL with https'],
    [{ jwks_url: JWKS_URL, jwks_ca_pem: 'x' }, `'jwks_ca_pem' is not supported`],
    [{ oidc_discovery_url: ISSUER, oidc_client_id: 'x', oidc_client_secret: 'y' }, `'oidc_client_id' is not supported`],
    [{ jwt_validation_pubkeys: ours.pem, provider_config: { provider: 'azure' } }, `'provider_config' is not supported`],
  ])('%j is refused', async (body, message) => {
    expect(errorOf(await harness.send('POST', 'auth/jwt/config', { body }))).toEqual([400, message]);
  });
});

describe('a key set at a URL', () => {
  let asked: string[];
  let keys: JWK[];
  let answer: () => Response | Promise<Response>;

  const fetchKeys: typeof fetch = async (url, init) => {
    expect(init).toMatchObject({ redirect: 'manual', signal: expect.any(AbortSignal) });
    asked.push(String(url));
    return answer();
  };

  beforeEach(async () => {
    asked = [];
    keys = [ours.jwk];
    answer = () => Response.json({ keys });
    await start({ fetch: fetchKeys }, { jwks_url: JWKS_URL, bound_issuer: ISSUER });
    expect(asked.splice(0)).toEqual([JWKS_URL]);
  });

  test('is kept for five minutes', async () => {
    expect([await outcome(await sign()), await outcome(await sign())]).toEqual([200, 200]);
    harness.advance(299);
    expect([await outcome(await sign({})), asked.length]).toEqual([200, 0]);
    harness.advance(1);
    expect([await outcome(await sign({})), asked.length]).toEqual([200, 1]);
  });

  test('is asked for again for a key that is not in it, once a minute at most', async () => {
    const fresh = await sign({}, { key: another, kid: 'two' });
    keys = [ours.jwk, another.jwk];
    // It has just been asked for, when it was configured.
    expect([await outcome(fresh), asked.length]).toEqual(['error verifying token signature: no known key has signed it', 0]);
    harness.advance(60);
    expect([await outcome(fresh), asked.length]).toEqual([200, 1]);
    const invented = await Promise.all(Array.from({ length: 20 }, async (_, i) => outcome(await sign({}, { kid: `made up ${i}` }))));
    expect([new Set(invented).size, asked.length]).toEqual([1, 1]);
    harness.advance(60);
    await Promise.all(Array.from({ length: 20 }, async (_, i) => outcome(await sign({}, { kid: `made up ${i}` }))));
    expect(asked).toHaveLength(2);
  });

  test('a key that is gone from it is none after five minutes', async () => {
    keys = [another.jwk];
    harness.advance(300);
    expect(await outcome(await sign({}))).toBe('error verifying token signature: no known key has signed it');
  });

  test('without a key id, every key is tried', async () => {
    keys = [another.jwk, ours.jwk];
    harness.advance(300);
    expect(await outcome(await sign({}, { kid: '' }))).toBe(200);
  });

  test('holds no secrets: a symmetric or private key in it is not taken', async () => {
    const secret = { kty: 'oct', k: btoa('secret').replaceAll('=', ''), kid: 'oct', alg: 'HS256' };
    keys = [secret, { ...(await exportJWK(ours.privateKey)), kid: 'one' }, { ...ours.jwk, use: 'enc' }];
    harness.advance(300);
    expect(await outcome(await sign({}))).toBe('error verifying token signature: no known key has signed it');
  });

  test.each([
    ['no answer', (): Promise<Response> => Promise.reject(new TypeError('fetch failed')), 'there was no answer, or none of JSON'],
    ['an error', (): Response => new Response('no', { status: 500 }), 'the answer had status 500'],
    ['a redirect', (): Response => new Response(null, { status: 302, headers: { location: 'http://elsewhere' } }), 'the answer had status 302'],
    ['no JSON', (): Response => new Response('<html>'), 'there was no answer, or none of JSON'],
    ['other JSON', (): Response => Response.json({}), 'what came is not a key set'],
    ['too much', (): Response => new Response(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`), 'the answer is larger than 262144 bytes'],
  ])('that gives %s is not there for a moment, and the one before is no longer good', async (_, broken, problem) => {
    answer = broken;
    harness.advance(300);
    const token = await sign({});
    expect(await outcome(token)).toBe(`error verifying token signature: ${problem}`);
    answer = () => Response.json({ keys });
    expect([await outcome(token), asked.length]).toEqual(['error verifying token signature: the key set was not available a moment ago', 1]);
    harness.advance(5);
    expect([await outcome(token), asked.length]).toEqual([200, 2]);
  });

  test('is looked for when it is configured, unless told otherwise', async () => {
    answer = () => new Response('', { status: 404 });
    const body = { jwks_url: `${JWKS_URL}/2` };
    expect(errorOf(await harness.send('POST', 'auth/jwt/config', { body }))).toEqual([400, 'error checking jwks URL']);
    const { status, json } = await harness.send('POST', 'auth/jwt/config', { body: { ...body, skip_jwks_validation: true } });
    expect([status, json.warnings]).toEqual([200, ['error checking jwks URL']]);
  });

  test('is not asked for by who may not configure it', async () => {
    const token = await harness.tokenWith('path "secret/*" { capabilities = ["read"] }');
    const { status } = await harness.send('POST', 'auth/jwt/config', { token, body: { jwks_url: 'https://internal.example/' } });
    expect([status, asked]).toEqual([403, []]);
  });

  test('can be found by way of the issuer, if that is who it says', async () => {
    const found: { issuer: string; jwks_uri: string } = { issuer: ISSUER, jwks_uri: JWKS_URL };
    answer = () => Response.json(asked.at(-1) === JWKS_URL ? { keys } : found);
    await harness.done('POST', 'auth/jwt/config', { oidc_discovery_url: ISSUER });
    expect(asked).toEqual([`${ISSUER}/.well-known/openid-configuration`, JWKS_URL]);
    expect(await outcome(await sign({}))).toBe(200);
    for (const wrong of [{ issuer: 'https://other.example' }, { jwks_uri: 'http://issuer.example/keys' }]) {
      Object.assign(found, { issuer: ISSUER, jwks_uri: JWKS_URL }, wrong);
      const refused = await harness.send('POST', 'auth/jwt/config', { body: { oidc_discovery_url: ISSUER } });
      expect(errorOf(refused)).toEqual([400, 'error checking oidc discovery URL']);
    }
  });

  test('may be on this machine where tests say so', async () => {
    await start({ fetch: fetchKeys, allowsLoopbackIssuers: true }, { jwks_url: 'http://localhost:1234/keys' });
    expect(errorOf(await harness.send('POST', 'auth/jwt/config', { body: { jwks_url: 'http://issuer.example/' } }))[0]).toBe(400);
  });

  test('is got outside of transactions: a role that is removed meanwhile gives no token, and no request waits', async () => {
    answer = async () => {
      await harness.done('DELETE', 'auth/jwt/role/ci');
      return Response.json({ keys });
    };
    harness.advance(300);
    expect(await outcome(await sign({}))).toBe('role "ci" could not be found');
    expect(await harness.countOf('x/t/h/')).toBe(0);
  });
});
