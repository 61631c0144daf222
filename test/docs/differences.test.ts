import { connect } from 'node:net';
import { Redacted } from '@sealkv/http';
import { startServer } from '@sealkv/server';
import type { MemoryServer } from '@sealkv/server';
import { describe, expect, test } from 'vitest';
import { Harness } from '../http/harness.ts';
import { pageAt } from './markdown.ts';

// docs/differences.md has a row for each of these and no other.
const CASES: Readonly<Record<string, (ask: Ask, server: MemoryServer) => Promise<void>>> = {
  'exact-numbers': async (ask) => {
    const value = '{"a":12345678901234567890,"b":1.0,"c":1e3}';
    await ask('POST', 'secret/data/x', `{"data":${value}}`);
    expect((await ask('GET', 'secret/data/x')).text).toContain(`"data":${value},`);
  },
  'huge-numbers': async (ask) => {
    await ask('POST', 'secret/data/x', '{"data":{"a":1e400}}');
    expect((await ask('GET', 'secret/data/x')).text).toContain('{"a":1e400}');
  },
  'member-order': async (ask) => {
    await ask('POST', 'secret/data/x', '{"data":{"z":1,"a":2}}');
    expect((await ask('GET', 'secret/data/x')).text).toContain('{"z":1,"a":2}');
  },
  'plain-characters': async (ask) => {
    await ask('POST', 'secret/data/x', '{"data":{"a":"<b>&"}}');
    expect((await ask('GET', 'secret/data/x')).text).toContain('{"a":"<b>&"}');
  },
  'duplicate-members': async (ask) => {
    expect((await ask('POST', 'secret/data/x', '{"data":{"a":1,"a":2}}')).status).toBe(400);
    expect((await ask('POST', 'secret/data/x', '{"data":{"d":[{"a":1,"a":2}]}}')).status).toBe(400);
    expect((await ask('POST', 'secret/data/x', '{"data":{},"data":{}}')).status).toBe(400);
  },
  'lone-surrogates': async (ask) => expect((await ask('POST', 'secret/data/x', '{"data":{"a":"\\ud800"}}')).status).toBe(400),
  'invalid-utf-8': async (ask) => {
    const body = Buffer.concat([Buffer.from('{"data":{"a":"'), Buffer.from([0xff]), Buffer.from('"}}')]);
    expect((await ask('POST', 'secret/data/x', body)).status).toBe(400);
  },
  depth: async (ask) => {
    const nested = (levels: number): string => `{"data":${'{"a":'.repeat(levels - 1)}1${'}'.repeat(levels)}`;
    expect((await ask('POST', 'secret/data/x', nested(500))).status).toBe(200);
    expect((await ask('POST', 'secret/data/x', nested(501))).status).toBe(400);
  },
  'many-strings': async (ask) => {
    const data = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, 'v']));
    expect((await ask('POST', 'secret/data/x', { data })).status).toBe(200);
  },
  'value-size': async (ask) => {
    const valueOf = (bytes: number): object => ({ data: { a: 'x'.repeat(bytes - '{"a":""}'.length) } });
    expect((await ask('POST', 'secret/data/x', valueOf(1024 * 1024))).status).toBe(200);
    expect((await ask('POST', 'secret/data/x', valueOf(1024 * 1024 + 1))).status).toBe(413);
  },
  'json-values': async (ask) => {
    const values = (count: number): object => ({ data: { a: Array.from({ length: count }, () => 1) } });
    expect((await ask('POST', 'secret/data/x', values(19_000))).status).toBe(200);
    expect((await ask('POST', 'secret/data/x', values(20_000))).status).toBe(400);
  },
  'body-size': async (ask) => {
    expect((await ask('POST', 'secret/data/x', `{"data":{}${' '.repeat(4 * 1024 * 1024 - 11)}}`)).status).toBe(200);
    expect((await ask('POST', 'secret/data/x', `{"data":{}${' '.repeat(4 * 1024 * 1024)}}`)).status).toBe(413);
  },
  'form-fields': async (ask) => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect((await ask('POST', 'cubbyhole/x', 'mypassword', form)).status).toBe(400);
    expect((await ask('POST', 'cubbyhole/x', 'a=1&mypassword', form)).status).toBe(400);
    expect((await ask('POST', 'cubbyhole/x', 'a=1&b=', form)).status).toBe(204);
  },
  'patch-onto-null': async (ask) => {
    await ask('POST', 'secret/data/x', { data: null });
    expect((await ask('PATCH', 'secret/data/x', { data: { a: 1 } })).status).toBe(200);
    expect((await ask('GET', 'secret/data/x')).json).toMatchObject({ data: { data: { a: 1 } } });
  },
  'subkeys-of-null': async (ask) => {
    await ask('POST', 'secret/data/x', { data: null });
    expect((await ask('GET', 'secret/subkeys/x')).json).toMatchObject({ data: { subkeys: {} } });
  },

  'slash-on-read': async (ask) => {
    await ask('POST', 'secret/data/foo', { data: {} });
    expect((await ask('GET', 'secret/data/foo/')).status).toBe(404);
    expect((await ask('GET', 'secret/metadata/foo/')).status).toBe(404);
  },
  'slash-on-delete': async (ask) => {
    await ask('POST', 'secret/data/foo', { data: {} });
    expect((await ask('DELETE', 'secret/metadata/foo/')).status).toBe(204);
    expect((await ask('GET', 'secret/data/foo')).status).toBe(200);
  },
  'empty-segments': async (ask) => expect((await ask('GET', 'secret/data/a//b')).status).toBe(400),
  'encoded-slashes': async (ask) => {
    expect((await ask('POST', 'secret/data/a%2F%2Fb', { data: {} })).status).toBe(400);
    await ask('POST', 'secret/data/a%2Fb', { data: {} });
    expect((await ask('GET', 'secret/data/a/b')).status).toBe(200);
  },
  'relative-segments': async (ask) => {
    expect((await ask('GET', 'secret/data/x/../a')).status).toBe(400);
    expect((await ask('GET', 'secret/data/x/%2e%2e/a')).status).toBe(400);
  },
  backslash: async (ask) => {
    expect((await ask('GET', 'secret/data/a\\b')).status).toBe(400);
    await ask('POST', 'secret/data/a%5Cb', { data: {} });
    expect((await ask('LIST', 'secret/metadata/')).json).toMatchObject({ data: { keys: expect.arrayContaining(['a\\b']) } });
  },
  'bad-escapes': async (ask) => {
    expect((await ask('GET', 'secret/data/%ff')).status).toBe(400);
    expect((await ask('POST', 'secret/data/%ff', { data: {} })).status).toBe(400);
    expect((await ask('GET', 'secret/data/%zz')).status).toBe(400);
  },
  'path-length': async (ask) => {
    expect((await ask('POST', `secret/data/${'x'.repeat(1024)}`, { data: {} })).status).toBe(200);
    expect((await ask('POST', `secret/data/${'x'.repeat(1025)}`, { data: {} })).status).toBe(400);
  },
  'unprintable-names': async (ask) => {
    for (const name of ['%C2%A0', '%E2%80%8B', '%EF%BB%BF']) {
      await ask('POST', `secret/data/${name}`, { data: { name } });
      expect((await ask('GET', `secret/data/${name}`)).json).toMatchObject({ data: { data: { name } } });
    }
    for (const control of ['%00', '%0A', '%7F', '%C2%85']) expect((await ask('GET', `secret/data/${control}`)).status).toBe(400);
  },

  'patch-expiry-zero': async (ask) => {
    await ask('POST', 'secret/metadata/x', { delete_version_after: '1h' });
    await ask('PATCH', 'secret/metadata/x', { delete_version_after: '0s' });
    expect((await ask('GET', 'secret/metadata/x')).json).toMatchObject({ data: { delete_version_after: '0s' } });
  },
  'max-versions-range': async (ask) => {
    for (const max_versions of [-1, 2 ** 32]) {
      expect((await ask('POST', 'secret/metadata/x', { max_versions })).status).toBe(400);
      expect((await ask('POST', 'secret/config', { max_versions })).status).toBe(400);
    }
  },
  'patch-custom-scalars': async (ask) => {
    await ask('POST', 'secret/data/x', { data: {} });
    expect((await ask('PATCH', 'secret/metadata/x', { custom_metadata: { a: 1, b: true } })).status).toBe(204);
    expect((await ask('GET', 'secret/metadata/x')).json).toMatchObject({ data: { custom_metadata: { a: '1', b: '1' } } });
  },
  'patch-custom-limit': async (ask) => {
    const many = (start: string): object => ({ custom_metadata: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${start}${i}`, 'v'])) });
    await ask('POST', 'secret/metadata/x', many('a'));
    expect((await ask('PATCH', 'secret/metadata/x', many('b'))).status).toBe(400);
  },
  'folder-and-key': async (ask) => {
    for (const path of ['a', 'a/b']) await ask('POST', `secret/data/${path}`, { data: {} });
    const { json } = await ask('LIST', 'secret/detailed-metadata/');
    expect(json).toMatchObject({ data: { key_info: { a: { current_version: 1 }, 'a/': {} } } });
    expect((json as { data: { key_info: Record<string, object> } }).data.key_info['a/']).toEqual({});
  },
  milliseconds: async (ask) => {
    const { json } = await ask('POST', 'secret/data/x', { data: {} });
    expect(json).toMatchObject({ data: { created_time: expect.stringMatching(/T\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/) } });
  },
  'no-values-in-errors': async (ask) => {
    const { status, text } = await ask('POST', 'secret/metadata/x', { delete_version_after: 'canary' });
    expect([status, text.includes('time: invalid duration'), text.includes('canary')]).toEqual([400, true, false]);
  },

  'policy-numbers': async (ask) => {
    const token = await tokenWith(ask, 'path "secret/data/*" { capabilities = ["create", "update"]  denied_parameters = { "n" = [1] } }');
    for (const n of ['1', '1.0', '1e0']) expect((await ask('POST', 'secret/data/x', `{"data":{},"n":${n}}`, as(token))).status).toBe(403);
    expect((await ask('POST', 'secret/data/x', '{"data":{},"n":2}', as(token))).status).toBe(200);
  },
  'policy-json': async (ask) => {
    const rule = '{"capabilities":["read"]}';
    for (const policy of [`{"path":{"a":${rule},"a":${rule}}}`, `{"path":{"a":${rule},}}`, `{"path":{"a":${rule}}} x`])
      expect((await ask('POST', 'sys/policies/acl/p', { policy })).status).toBe(400);
  },
  'policy-expired-rules': async (ask) => {
    const policy = 'path "a" { capabilities = ["nonsense"]  expiration = "2001-01-01T00:00:00Z" }';
    expect((await ask('POST', 'sys/policies/acl/p', { policy })).status).toBe(400);
  },
  'policy-negative-wrapping': async (ask) => {
    for (const name of ['min_wrapping_ttl', 'max_wrapping_ttl'])
      expect((await ask('POST', 'sys/policies/acl/p', { policy: `path "a" { capabilities = ["read"]  ${name} = "-5s" }` })).status).toBe(400);
  },
  'policy-filter-templates': async (ask) => {
    const filter = (template: string): object => ({
      policy: `path "a" { capabilities = ["list"]  list_scan_response_keys_filter_path = "${template}" }`,
    });
    expect((await ask('POST', 'sys/policies/acl/p', filter('{{ .path }}{{ .key | replace `a` `b` }}'))).status).toBe(204);
    expect((await ask('POST', 'sys/policies/acl/p', filter('{{ if .key }}{{ .path }}{{ .key }}{{ end }}'))).status).toBe(400);
  },
  'policy-templates': async (ask) => {
    await ask('POST', 'sys/policies/acl/own', { policy: 'path "secret/data/{{identity.entity.id}}" { capabilities = ["read"] }' });
    await withUser(ask, { token_policies: 'own' });
    const { auth } = (await ask('POST', 'auth/userpass/login/ada', { password: 'x' })).json as { auth: { client_token: string; entity_id: string } };
    const path = `secret/data/${auth.entity_id}`;
    expect((await ask('POST', 'sys/capabilities-self', { path }, as(auth.client_token))).json).toMatchObject({ data: { capabilities: ['deny'] } });
  },

  'no-identities': async (ask) => {
    await withUser(ask);
    expect((await ask('POST', 'auth/userpass/login/ada', { password: 'x' })).json).toMatchObject({
      auth: { entity_id: expect.stringMatching(/^[\da-f-]{36}$/) },
    });
    expect((await ask('POST', 'identity/entity', { name: 'ada' })).status).toBe(404);
  },
  'no-addresses': async (ask) => {
    const addresses = ['10.0.0.0/8'];
    await withAuth(ask, 'userpass', 'approle');
    expect((await ask('POST', 'auth/userpass/users/ada', { password: 'x', token_bound_cidrs: addresses })).status).toBe(400);
    expect((await ask('POST', 'auth/approle/role/r', { secret_id_bound_cidrs: addresses })).status).toBe(400);
    expect((await ask('POST', 'auth/token/roles/r', { token_bound_cidrs: addresses })).status).toBe(400);
    expect((await ask('POST', 'auth/userpass/users/ada', { password: 'x', token_bound_cidrs: [] })).status).toBe(204);
  },
  'own-token-ids': async (ask) => {
    expect((await ask('POST', 'auth/token/create', { id: 'mine' })).json).toMatchObject({
      warnings: ['An id of your own is as hard to guess as you made it.'],
    });
  },
  'token-mount': async (ask) => expect((await ask('POST', 'sys/auth/token/tune', { default_lease_ttl: '1h' })).status).toBe(400),
  'init-bootstrap': async () => {
    const harness = new Harness({ rootToken: undefined, bootstrapSecret: new Redacted('b') });
    expect((await harness.send('POST', 'sys/init', { token: null, body: { secret_shares: 1, secret_threshold: 1 } })).status).toBe(403);
    expect((await harness.send('POST', 'sys/init', { token: null, body: { bootstrap_secret: 'b' } })).json).toMatchObject({
      keys: [],
      root_token: expect.any(String),
    });
  },
  'secret-id-always': async (ask) => {
    await withAuth(ask, 'approle');
    expect((await ask('POST', 'auth/approle/role/r', { bind_secret_id: false })).status).toBe(400);
  },
  'secret-id-missing': async (ask) => {
    const role_id = await withRole(ask);
    expect((await ask('POST', 'auth/approle/login', { role_id })).json).toEqual({ errors: ['invalid role or secret ID'] });
    expect((await ask('POST', 'auth/approle/login', { role_id: 'of nobody' })).json).toEqual({ errors: ['invalid role or secret ID'] });
  },
  'secret-id-expiry': async (ask, { clock }) => {
    const role_id = await withRole(ask);
    const { json } = await ask('POST', 'auth/approle/role/r/secret-id', { ttl: '1s' });
    const { secret_id } = (json as { data: { secret_id: string } }).data;
    expect((await ask('POST', 'auth/approle/login', { role_id, secret_id })).status).toBe(200);
    clock.advance('1s');
    expect((await ask('POST', 'auth/approle/login', { role_id, secret_id })).status).toBe(400);
  },
  'password-hash': async (ask) => {
    await withAuth(ask, 'userpass');
    expect((await ask('POST', 'auth/userpass/users/ada', { password_hash: `$2a$10$${'a'.repeat(53)}` })).status).toBe(400);
  },
  'lockout-of-nobody': async (ask) => {
    await withAuth(ask, 'userpass');
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await ask('POST', 'auth/userpass/login/nobody', { password: 'x' })).status);
    expect(statuses).toEqual([400, 400, 400, 400, 400, 403]);
  },
  'login-limit': async () => {
    const harness = new Harness();
    await harness.send('POST', 'sys/auth/approle', { body: { type: 'approle' } });
    const logIn = async (): Promise<number> =>
      (await harness.send('POST', 'auth/approle/login', { token: null, body: { role_id: 'r', secret_id: 'x' } })).status;
    for (let i = 0; i < 1000; i++) expect(await logIn()).not.toBe(429);
    expect(await logIn()).toBe(429);
  },
  'login-statuses': async (ask) => {
    await withUser(ask);
    const role_id = await withRole(ask);
    for (let i = 0; i < 2; i++)
      expect((await ask('POST', 'auth/approle/role/r/custom-secret-id', { secret_id: 's' })).status).toBe(i === 0 ? 200 : 400);
    for (const [path, body] of [
      ['auth/userpass/login/ada', {}],
      ['auth/userpass/users/nobody/password', { password: 'x' }],
      ['auth/userpass/users/nobody/policies', { token_policies: 'x' }],
      ['auth/approle/role/other', { role_id }],
    ] as const)
      expect((await ask('POST', path, body)).status, path).toBe(400);
  },
  'jwt-browser': async (ask) => {
    await withAuth(ask, 'jwt');
    const role = { role_type: 'oidc', user_claim: 'sub', allowed_redirect_uris: ['http://localhost/'] };
    expect((await ask('POST', 'auth/jwt/role/r', role)).status).toBe(400);
  },
  'jwt-settings': async (ask) => {
    await withAuth(ask, 'jwt');
    const config = { oidc_discovery_url: 'https://issuer.example', skip_jwks_validation: true };
    expect((await ask('POST', 'auth/jwt/config', { ...config, oidc_discovery_ca_pem: 'x' })).status).toBe(400);
    expect((await ask('POST', 'auth/jwt/config', { ...config, provider_config: { provider: 'azure' } })).status).toBe(400);
    const role = { role_type: 'jwt', user_claim: 'sub', bound_subject: 'x', token_policies_template_claims: true };
    expect((await ask('POST', 'auth/jwt/role/r', role)).status).toBe(400);
  },
  'jwt-https': async (ask) => {
    await withAuth(ask, 'jwt');
    const config = { jwks_url: 'http://issuer.example/keys', skip_jwks_validation: true };
    expect((await ask('POST', 'auth/jwt/config', config)).status).toBe(400);
  },
  'jwt-keys-kept': async () => {
    let asked = 0;
    const fetchKeys: typeof fetch = async () => Response.json({ keys: [{ kty: 'RSA', kid: 'one', n: asked++ }] });
    await using server = await startServer({ fetch: fetchKeys });
    const ask = askOf(server);
    await withAuth(ask, 'jwt');
    await ask('POST', 'auth/jwt/config', { jwks_url: 'https://issuer.example/keys' });
    await ask('POST', 'auth/jwt/role/r', { role_type: 'jwt', user_claim: 'sub', bound_subject: 'x' });
    const head = Buffer.from('{"alg":"RS256","kid":"one"}').toString('base64url');
    const logIn = (): Promise<Answer> => ask('POST', 'auth/jwt/login', { role: 'r', jwt: `${head}.e30.x` });
    await logIn();
    expect(asked).toBe(1);
    server.clock.advance('5m');
    await logIn();
    expect(asked).toBe(2);
  },

  'wrap-jwt': async (ask) => expect((await ask('GET', 'sys/mounts', undefined, { ...wrap('60'), 'X-Vault-Wrap-Format': 'jwt' })).status).toBe(400),
  'wrap-under-a-second': async (ask) => {
    expect((await ask('GET', 'sys/mounts', undefined, wrap('500ms'))).json).toMatchObject({ wrap_info: { ttl: 1 } });
  },
  'wrap-for-zero': async (ask) => {
    await ask('POST', 'secret/data/x', { data: {} });
    const token = await tokenWith(ask, 'path "secret/*" { capabilities = ["read"]  max_wrapping_ttl = "60s" }');
    for (const headers of [{}, wrap('0')]) expect((await ask('GET', 'secret/data/x', undefined, { ...as(token), ...headers })).status).toBe(403);
    expect((await ask('GET', 'secret/data/x', undefined, { ...as(token), ...wrap('60') })).status).toBe(200);
  },
  'wrapping-token-elsewhere': async (ask) => {
    const token = wrappingTokenIn(await ask('GET', 'sys/mounts', undefined, wrap('60')));
    expect((await ask('GET', 'sys/mounts', undefined, as(token))).status).toBe(403);
    expect((await ask('POST', 'sys/wrapping/unwrap', undefined, as(token))).status).toBe(200);
  },
  'no-cubbyhole-response': async (ask) => {
    const token = wrappingTokenIn(await ask('GET', 'sys/mounts', undefined, wrap('60')));
    expect((await ask('GET', 'cubbyhole/response', undefined, as(token))).status).toBe(403);
  },

  'namespace-levels': async (ask) => {
    await ask('POST', 'sys/namespaces/red', {});
    expect((await ask('POST', 'sys/namespaces/blue', {}, within('red'))).status).toBe(400);
  },
  'namespace-parents': async (ask) => {
    await ask('POST', 'sys/namespaces/red', {});
    const token = await tokenWith(ask, 'path "red/auth/token/*" { capabilities = ["create", "update", "sudo"] }');
    const create = (more: object): Promise<Answer> =>
      ask('POST', 'auth/token/create', { policies: ['default'], ...more }, { ...as(token), ...within('red') });
    expect((await create({})).status).toBe(400);
    expect((await create({ no_parent: true })).json).toMatchObject({ auth: { orphan: true } });
  },
  'namespace-unknown': async (ask) => {
    expect((await ask('GET', 'sys/mounts', undefined, { ...within('none'), ...as('s.bad') })).status).toBe(403);
    expect((await ask('GET', 'sys/mounts', undefined, within('none'))).status).toBe(404);
  },
  'namespace-names': async (ask) => {
    for (const name of ['Root', 'SYS', 'Auth']) expect((await ask('POST', `sys/namespaces/${name}`, {})).status).toBe(400);
  },
  'namespace-cors': async (ask) => {
    await ask('POST', 'sys/namespaces/red', {});
    expect((await ask('POST', 'sys/config/cors', { allowed_origins: 'https://app.example' }, within('red'))).status).toBe(204);
    expect((await ask('GET', 'sys/config/cors')).json).toMatchObject({ data: { enabled: false } });
    expect((await ask('GET', 'sys/config/cors', undefined, within('red'))).json).toMatchObject({ data: { enabled: true } });
  },
  'namespace-of-the-token': async (ask) => expect((await ask('GET', 'auth/token/lookup-self', undefined, within('none'))).status).toBe(200),

  'token-first': async (ask) => expect((await ask('POST', 'secret/data/x', '{', { 'X-Vault-Token': undefined })).status).toBe(403),
  nosniff: async (ask) => {
    for (const path of ['sys/health', 'secret/data/none', 'none', 'secret/data/%00'])
      expect((await ask('GET', path)).head).toMatch(/^X-Content-Type-Options: nosniff\r$/im);
  },
  version: async (ask) => {
    for (const path of ['sys/health', 'sys/seal-status']) expect((await ask('GET', path)).json).toMatchObject({ version: '2.6.2+sealkv.0.1.0' });
  },
  'only-kv': async (ask) => {
    const { status, text } = await ask('POST', 'sys/mounts/x', { type: 'pki' });
    expect([status, text.includes('plugin not found in the catalog')]).toEqual([400, true]);
  },
  'health-members': async (ask) => {
    expect((await ask('GET', 'sys/health')).json).toMatchObject({ performance_standby: false });
    expect((await ask('GET', 'sys/seal-status')).json).toMatchObject({ build_date: '' });
  },
  'remount-at-once': async (ask) => {
    await ask('POST', 'secret/data/x', { data: {} });
    await ask('POST', 'sys/remount', { from: 'secret', to: 'other' });
    expect((await ask('GET', 'other/data/x')).status).toBe(200);
  },
  atomic: async (ask) => {
    const put = (path: string, cas: number): object => ({ operation: 'put', path, data: {}, options: { cas } });
    expect((await ask('POST', 'secret/atomic', { operations: [put('a', 0), put('b', 0)] })).status).toBe(200);
    const refused = await ask('POST', 'secret/atomic', { operations: [put('c', 0), put('b', 0)] });
    expect([refused.status, refused.json]).toMatchObject([400, { data: { index: 1 } }]);
    expect((await ask('GET', 'secret/data/c')).status).toBe(404);
  },
  'cors-methods': async (ask) => {
    await ask('POST', 'sys/config/cors', { allowed_origins: 'https://app.example' });
    for (const method of ['PATCH', 'HEAD']) {
      const headers = { Origin: 'https://app.example', 'Access-Control-Request-Method': method, 'X-Vault-Token': undefined };
      const { status, head } = await ask('OPTIONS', 'secret/data/x', undefined, headers);
      expect([status, head]).toEqual([200, expect.stringMatching(new RegExp(`^Access-Control-Allow-Methods: .*\\b${method}\\b`, 'im'))]);
    }
  },
  'cors-settings': async (ask) => {
    for (const settings of [{}, { allowed_origins: ['*', 'https://app.example'] }, { allowed_origins: '*', allowed_headers: ['not a name'] }])
      expect((await ask('POST', 'sys/config/cors', settings)).status).toBe(400);
  },
  'audit-device': async (ask) => {
    expect((await ask('POST', 'sys/audit/a', { type: 'file', options: { file_path: '/tmp/audit.log' } })).status).toBe(400);
    expect((await ask('POST', 'sys/audit/a', { type: 'store' })).status).toBe(204);
    expect((await ask('POST', 'sys/audit/b', { type: 'store' })).status).toBe(400);
  },
  'audit-log': async (ask) => {
    const token = await tokenWith(ask, 'path "secret/*" { capabilities = ["update", "create"] }');
    const { accessor } = ((await ask('GET', 'auth/token/lookup-self', undefined, as(token))).json as { data: { accessor: string } }).data;
    await ask('POST', 'sys/audit/a', { type: 'store' });
    await ask('POST', 'secret/data/x', { data: { password: 'canary' } }, as(token));
    const { hash } = ((await ask('POST', 'sys/audit-hash/a', { input: 'canary' })).json as { data: { hash: string } }).data;
    expect(hash).toMatch(/^hmac-sha256:[\w-]{43}$/);
    const { text } = await ask('GET', 'sys/audit-log/export');
    expect([text.includes(hash), text.includes(accessor), text.includes('canary')]).toEqual([true, true, false]);
  },
  'limit-per-token': async (ask) => {
    await ask('POST', 'sys/quotas/rate-limit/l', { path: 'secret', rate: 1, interval: '1h' });
    const [one, other] = [await tokenWith(ask, READS), await tokenWith(ask, READS)];
    const statuses: number[] = [];
    for (const token of [one, one, other]) statuses.push((await ask('GET', 'secret/config', undefined, as(token))).status);
    expect(statuses).toEqual([200, 429, 200]);
  },
  'limit-refill': async (ask, { clock }) => {
    await ask('POST', 'sys/quotas/rate-limit/l', { path: 'secret', rate: 2, interval: '10s' });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask('GET', 'secret/config')).status);
    clock.advance('5s');
    for (let i = 0; i < 2; i++) statuses.push((await ask('GET', 'secret/config')).status);
    expect(statuses).toEqual([200, 200, 429, 200, 429]);
  },
  'limit-retry-after': async (ask) => {
    await ask('POST', 'sys/quotas/rate-limit/l', { path: 'secret', rate: 1, interval: '60s' });
    await ask('GET', 'secret/config');
    expect((await ask('GET', 'secret/config')).head).toMatch(/^Retry-After: (?:60|59)\r$/im);
  },
  'limit-role': async (ask) => {
    await withAuth(ask, 'approle');
    expect((await ask('POST', 'sys/quotas/rate-limit/l', { path: 'auth/approle', role: 'r', rate: 1 })).status).toBe(400);
  },
  'limit-itself': async (ask) => {
    await ask('POST', 'sys/quotas/rate-limit/l', { rate: 1, interval: '1h' });
    for (let i = 0; i < 3; i++) expect((await ask('GET', 'sys/quotas/rate-limit/l')).status).toBe(200);
    expect((await ask('DELETE', 'sys/quotas/rate-limit/l')).status).toBe(204);
  },
};

test('the page lists these differences and no others', () => {
  const listed = Array.from(pageAt('docs/differences.md').text.matchAll(/^\| `([\w-]+)` \|/gm), ([, name]) => name!);
  expect(listed.toSorted()).toEqual(Object.keys(CASES).toSorted());
});

describe('differs from OpenBao', () => {
  for (const [name, run] of Object.entries(CASES)) {
    test(name, async () => {
      await using server = await startServer({ clock: 'frozen' });
      await run(askOf(server), server);
    });
  }
});

const READS = 'path "secret/*" { capabilities = ["read"] }';
const as = (token: string): Headers => ({ 'X-Vault-Token': token });
const wrap = (ttl: string): Headers => ({ 'X-Vault-Wrap-TTL': ttl });
const within = (namespace: string): Headers => ({ 'X-Vault-Namespace': namespace });

/** A token that may do what the policy says. */
async function tokenWith(ask: Ask, policy: string): Promise<string> {
  await ask('POST', 'sys/policies/acl/of-the-case', { policy });
  const { json } = await ask('POST', 'auth/token/create', { policies: ['of-the-case'] });
  return (json as { auth: { client_token: string } }).auth.client_token;
}

function wrappingTokenIn({ json }: Answer): string {
  return (json as { wrap_info: { token: string } }).wrap_info.token;
}

async function withAuth(ask: Ask, ...types: readonly string[]): Promise<void> {
  for (const type of types) await ask('POST', `sys/auth/${type}`, { type });
}

/** The user `ada`, whose password is x. */
async function withUser(ask: Ask, more: object = {}): Promise<void> {
  await withAuth(ask, 'userpass');
  await ask('POST', 'auth/userpass/users/ada', { password: 'x', ...more });
}

/** The AppRole role `r`; its role id. */
async function withRole(ask: Ask): Promise<string> {
  await withAuth(ask, 'approle');
  await ask('POST', 'auth/approle/role/r', { token_policies: 'default' });
  const { json } = await ask('GET', 'auth/approle/role/r/role-id');
  return (json as { data: { role_id: string } }).data.role_id;
}

type Headers = Readonly<Record<string, string | undefined>>;

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly text: string;
  readonly json: unknown;
}
type Ask = (method: string, path: string, body?: object | string | Buffer, headers?: Headers) => Promise<Answer>;

/** Sends requests to the byte: `fetch` would tidy paths up. */
function askOf({ url, rootToken }: MemoryServer): Ask {
  const { hostname, port } = new URL(url);
  return (method, path, body, given = {}) =>
    new Promise((resolve, reject) => {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const headers = {
        Host: 'localhost',
        Connection: 'close',
        'X-Vault-Token': rootToken,
        'Content-Type': type,
        'Content-Length': bytes.length,
        ...given,
      };
      const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]));
      const socket = connect(Number(port), hostname);
      const chunks: Buffer[] = [];
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('end', () => {
        const [head = '', text = ''] = Buffer.concat(chunks)
          .toString()
          .split(/\r\n\r\n(.*)/s);
        let json: unknown;
        try {
          json = JSON.parse(text);
        } catch {
          json = undefined;
        }
        resolve({ status: Number(head.split(' ')[1]), head: `${head}\r`, text, json });
      });
      socket.write(`${method} /v1/${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
      socket.write(bytes);
    });
}
