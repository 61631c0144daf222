import { request as httpRequest } from 'node:http';
import { checkStore } from '@sealkv/core/check';
import type { KvStore, ReadTx } from '@sealkv/core';
import { memoryStore } from '@sealkv/core/memory';
import { allRecords, InjectedFault, observedStore, sameRecords } from '@sealkv/core/testing';
import { apiOwners, needsBody, readRequest } from '@sealkv/http';
import { startServer } from '@sealkv/server';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AuthHarness } from '../http/auth-harness.ts';
import type { Sent } from '../http/harness.ts';
import { Harness, ROOT } from '../http/harness.ts';
import { Wire } from '../server/wire.ts';

/*
 * What has gone wrong in Vault and OpenBao, and can't go wrong here: each test has the name of the advisory. The rules of policies by themselves are in
 * test/policy/advisories.test.ts; what must not be told, in canary.test.ts; what is open to everybody, in open-routes.test.ts.
 */

const PATCH = { 'content-type': 'application/merge-patch+json' };
const EVERYTHING = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"] }';

/** The store, and the keys that are looked up in it. */
function watched(memory: KvStore): { readonly store: KvStore; readonly keys: string[] } {
  const keys: string[] = [];
  const watch = (tx: ReadTx): ReadTx => ({ ...tx, get: (key) => (keys.push(key), tx.get(key)) });
  const store: KvStore = {
    read: (body, options) => memory.read((tx) => body(watch(tx)), options),
    write: (body, options) => memory.write((tx) => body(watch(tx)), options),
    close: () => memory.close(),
  };
  return { keys, store };
}

describe('paths', () => {
  // Each of them would name `victim` if somebody tidied it up.
  const SPELLINGS = [
    'secret/metadata/app/../victim',
    'secret/metadata/app/%2e%2e/victim',
    'secret/metadata/app/.%2E/victim',
    'secret/metadata/app/..%2fvictim',
    'secret/metadata/app%2f..%2fvictim',
    'secret/metadata/app/./../victim',
    'secret/metadata/./victim',
    'secret/metadata//victim',
    'secret//metadata/victim',
    'secret/data/app/../../metadata/victim',
    'secret/metadata/app/../victim/',
    'secret/metadata/victim%00',
  ];

  test.each(['path "secret/metadata/app/*" { capabilities = ["delete", "list", "read", "update"] }', EVERYTHING])(
    'CVE-2026-3605, GHSA-m2w4-8ggf-rj47: a path is taken as it is spelled or not at all, whoever asks: %s',
    async (policy) => {
      const harness = new Harness();
      await harness.send('POST', 'secret/data/victim', { body: { data: { a: 1 } } });
      const token = await harness.tokenWith(policy);
      const before = await allRecords(harness.memory);
      for (const spelling of SPELLINGS)
        for (const method of ['DELETE', 'GET', 'LIST', 'POST'])
          expect([method, spelling, (await harness.send(method, spelling, { token, body: {} })).status]).toEqual([method, spelling, 400]);
      expect(sameRecords(before, await allRecords(harness.memory))).toBe(true);
    },
  );

  test('CVE-2026-3605: what a glob allows to be deleted is what is deleted, and nothing beside or below it', async () => {
    const harness = new Harness();
    const paths = ['app/x', 'app/x/y', 'app', 'appx', 'victim', 'app/...', 'app/..x'];
    for (const path of paths) await harness.send('POST', `secret/data/${path}`, { body: { data: { path } } });
    const token = await harness.tokenWith('path "secret/metadata/app/*" { capabilities = ["delete"] }');
    for (const [spelling, status] of [
      ['app/x', 204],
      ['app%2F...', 204],
      ['app/..x', 204],
      ['app/', 204], // which no secret can be called
      ['app', 403],
      ['appx', 403],
      ['victim', 403],
    ] as const)
      expect([spelling, (await harness.send('DELETE', `secret/metadata/${spelling}`, { token })).status]).toEqual([spelling, status]);
    const left = await Promise.all(paths.map(async (path) => [path, (await harness.send('GET', `secret/data/${path}`)).status] as const));
    expect(left.filter(([, status]) => status === 200).map(([path]) => path)).toEqual(['app/x/y', 'app', 'appx', 'victim']);
  });

  test('GHSA-xp3c-3jw3-4vcr: a folder that is denied is listed neither with a slash nor without one, by no method', async () => {
    const harness = new Harness();
    for (const path of ['open/a', 'restricted/b']) await harness.send('POST', `secret/data/${path}`, { body: { data: {} } });
    const token = await harness.tokenWith(`
      path "secret/metadata/*" { capabilities = ["list", "scan", "read"] }
      path "secret/detailed-metadata/*" { capabilities = ["list", "scan"] }
      path "secret/metadata/restricted/*" { capabilities = ["deny"] }
      path "secret/detailed-metadata/restricted/*" { capabilities = ["deny"] }`);
    for (const endpoint of ['metadata', 'detailed-metadata'])
      for (const slash of ['', '/'])
        for (const [method, query] of [
          ['LIST', ''],
          ['SCAN', ''],
          ['GET', '?list=true'],
          ['GET', '?scan=true'],
        ] as const) {
          const status = async (folder: string): Promise<number> =>
            (await harness.send(method, `secret/${endpoint}/${folder}${slash}${query}`, { token })).status;
          expect([endpoint, method, slash, await status('restricted'), await status('open')]).toEqual([endpoint, method, slash, 403, 200]);
        }
  });
});

describe('who may do what', () => {
  test('GHSA-59w7-v8rr-pr4p, CVE-2026-71543, CVE-2021-43998: a policy is never filled in with what somebody is called, so no name widens it', async () => {
    const harness = new AuthHarness();
    await harness.enable('userpass');
    await harness.done('POST', 'sys/policies/acl/own', {
      policy:
        'path "secret/data/{{identity.entity.name}}/*" { capabilities = ["read"] }\npath "secret/data/{{identity.entity.aliases.x.name}}" { capabilities = ["read"] }',
    });
    await harness.done('POST', 'secret/data/jo/a', { data: {} });
    for (const name of ['jo', 'a.b', 'x-y']) {
      await harness.done('POST', `auth/userpass/users/${name}`, { password: 'p', token_policies: 'own' });
      const token = await harness.tokenOf(`userpass/login/${name}`, { password: 'p' });
      for (const path of ['jo/a', `${name}/a`, '*/a', '+/a', name])
        expect((await harness.send('GET', `secret/data/${path}`, { token })).status).toBe(403);
    }
    // What would widen a template can't even be a name.
    for (const name of ['*', '+', 'a*', 'jo%2F*', '..'])
      expect((await harness.send('POST', `auth/userpass/users/${name}`, { body: { password: 'p' } })).status).toBeGreaterThanOrEqual(400);
  });

  test.each(['root', 'Root', 'ROOT', ' root', 'root ', '\troot\n', '\u00a0rOOt\u2003', 'root\u2028'])(
    'CVE-2025-5999, CVE-2025-54996, CVE-2025-64761, HCSEC-2025-13: %j gives nobody root: in no token, role, user or policy of somebody who is not root',
    async (name) => {
      const harness = new AuthHarness();
      await harness.enable('userpass');
      await harness.enable('approle');
      const token = await harness.tokenWith(EVERYTHING);
      const as = (path: string, body: object): Promise<Sent> => harness.send('POST', path, { token, body });
      const isRoot = async (made: Sent): Promise<boolean> =>
        (made.json?.auth?.policies ?? []).some((policy: string) => policy.trim().toLowerCase() === 'root');
      for (const body of [{ policies: [name] }, { policies: ['default', name] }, { policies: name }]) {
        const made = await as('auth/token/create', body);
        expect([made.status >= 400 || !(await isRoot(made)), body]).toEqual([true, body]);
      }
      await as('auth/token/roles/r', { allowed_policies: [name], orphan: true });
      expect(await isRoot(await as('auth/token/create/r', { policies: [name] }))).toBe(false);
      expect(await isRoot(await as('auth/token/create/r', {}))).toBe(false);

      await as('auth/userpass/users/jo', { password: 'p', token_policies: [name] });
      const login = await harness.logIn('userpass/login/jo', { password: 'p' });
      expect([login.status, await isRoot(login)]).toEqual([400, false]);
      await as('auth/approle/role/r', { token_policies: [name] });
      const roleId = (await harness.done('GET', 'auth/approle/role/r/role-id')).json.data.role_id;
      const secretId = (await harness.done('POST', 'auth/approle/role/r/secret-id', {})).json.data.secret_id;
      const appLogin = await harness.logIn('approle/login', { role_id: roleId, secret_id: secretId });
      expect([appLogin.status, await isRoot(appLogin)]).toEqual([400, false]);

      const written = await as(`sys/policies/acl/${encodeURIComponent(name)}`, { policy: EVERYTHING });
      expect(written.status).toBe(400);
    },
  );

  test('GHSA-mwr2-wmgp-crj6: no namespace is another name for the one around it', async () => {
    await using server = await startServer();
    const send = (method: string, path: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${server.url}/v1/${path}`, {
        method,
        headers: { 'X-Vault-Token': server.rootToken, ...headers },
        ...(method === 'POST' && { body: '{}' }),
      });
    for (const name of ['root', 'Root', '%20root%20', 'sys', 'a%2Fb'])
      expect([name, (await send('POST', `sys/namespaces/${name}`)).status]).toEqual([name, 400]);
    await send('POST', 'sys/namespaces/team');
    const token = await server.token({ policy: 'path "team/*" { capabilities = ["read", "list", "sudo"] }' });
    for (const namespace of ['root', 'Root', '/', '//', 'team/root', 'team/..', '..', 'team/../', '%2f'])
      expect([namespace, (await send('GET', 'sys/mounts', { 'X-Vault-Token': token, 'X-Vault-Namespace': namespace })).ok]).toEqual([
        namespace,
        false,
      ]);
    expect((await send('GET', 'sys/mounts', { 'X-Vault-Token': token, 'X-Vault-Namespace': 'team' })).status).toBe(200);
  });

  test('CVE-2024-9180, CVE-2025-5999: there is no identity to be written to, and what a token was made with stays as it is', async () => {
    const harness = new Harness();
    const token = await harness.tokenWith('path "identity/*" { capabilities = ["create", "read", "update", "delete", "list"] }');
    for (const path of ['identity/entity', 'identity/entity/id/x', 'identity/entity-alias', 'identity/group', 'identity/entity/merge'])
      for (const method of ['POST', 'PUT', 'GET', 'DELETE', 'LIST'])
        expect((await harness.send(method, path, { token, body: { policies: ['root'] } })).status).toBe(404);
    const self = async (): Promise<unknown> => (await harness.send('GET', 'auth/token/lookup-self', { token })).json.data.policies;
    const before = await self();
    for (const path of ['auth/token/renew-self', 'auth/token/lookup-self'])
      await harness.send('POST', path, {
        token,
        body: { policies: ['root'], entity_id: 'root', meta: { policies: 'root' }, identity_policies: ['root'] },
      });
    expect([before, await self()]).toEqual([['default', 'policy-0'], before]);
  });
});

describe('tenants', () => {
  interface Sending {
    readonly namespace?: string;
    readonly token?: string;
    readonly body?: object;
    readonly ttl?: string;
  }
  type Received = Pick<Sent, 'status' | 'json'>;

  interface Tenant {
    readonly token: string;
    readonly accessor: string;
    readonly wrapped: string;
    readonly secretIdAccessor: string;
  }

  test('CVE-2026-40264, CVE-2026-45808, GHSA-c36x-h252-g9x2, GHSA-vv66: whatever identifies something in one namespace is nothing in another', async () => {
    await using server = await startServer();
    const send = async (
      method: string,
      path: string,
      { namespace = '', token = server.rootToken, body = {}, ttl = '' }: Sending = {},
    ): Promise<Received> => {
      const headers = { 'X-Vault-Token': token, 'X-Vault-Namespace': namespace, 'X-Vault-Wrap-TTL': ttl };
      const answer = await fetch(`${server.url}/v1/${path}`, { method, headers, ...(method === 'POST' && { body: JSON.stringify(body) }) });
      const text = await answer.text();
      return { status: answer.status, json: text === '' ? undefined : JSON.parse(text) };
    };
    const makeTenant = async (namespace: string): Promise<Tenant> => {
      await send('POST', `sys/namespaces/${namespace}`);
      await send('POST', 'sys/policies/acl/all', { namespace, body: { policy: EVERYTHING } });
      await send('POST', 'sys/auth/approle', { namespace, body: { type: 'approle' } });
      await send('POST', 'auth/approle/role/r', { namespace });
      const { json } = await send('POST', 'auth/token/create', { namespace, body: { policies: ['all'], ttl: '1h' } });
      const { client_token: token, accessor } = json.auth;
      const secretId = await send('POST', 'auth/approle/role/r/secret-id', { namespace });
      const wrapped = await send('POST', 'sys/wrapping/wrap', { namespace, body: { pin: 1 }, ttl: '5m' });
      return { token, accessor, wrapped: wrapped.json.wrap_info.token, secretIdAccessor: secretId.json.data.secret_id_accessor };
    };
    const [red, blue] = [await makeTenant('red'), await makeTenant('blue')];
    const isRedAlive = async (): Promise<boolean> =>
      (await send('GET', 'auth/token/lookup-self', { namespace: 'red', token: red.token })).status === 200;

    for (const [path, body] of [
      ['auth/token/lookup', { token: red.token }],
      ['auth/token/renew', { token: red.token }],
      ['auth/token/revoke', { token: red.token }],
      ['auth/token/revoke-orphan', { token: red.token }],
      ['auth/token/lookup-accessor', { accessor: red.accessor }],
      ['auth/token/renew-accessor', { accessor: red.accessor }],
      ['auth/token/revoke-accessor', { accessor: red.accessor }],
      ['sys/capabilities', { token: red.token, paths: ['a'] }],
      ['sys/capabilities-accessor', { accessor: red.accessor, paths: ['a'] }],
      ['sys/wrapping/lookup', { token: red.wrapped }],
      ['sys/wrapping/unwrap', { token: red.wrapped }],
      ['sys/wrapping/rewrap', { token: red.wrapped }],
      ['auth/approle/role/r/secret-id-accessor/lookup', { secret_id_accessor: red.secretIdAccessor }],
      ['auth/approle/role/r/secret-id-accessor/destroy', { secret_id_accessor: red.secretIdAccessor }],
      ['sys/leases/lookup', { lease_id: `auth/token/create/${red.accessor}` }],
      ['sys/leases/revoke', { lease_id: `auth/token/create/${red.accessor}` }],
    ] as const) {
      for (const from of [{ namespace: 'blue', token: blue.token }, { namespace: 'blue' }]) {
        const { status, json } = await send('POST', path, { ...from, body });
        // Ending what is not there is no error in Vault; it may do nothing.
        const isHarmless = status >= 400 || (json?.data ?? null) === null;
        expect([path, isHarmless, JSON.stringify(json ?? '').includes(red.accessor)]).toEqual([path, true, false]);
      }
      for (const namespace of ['blue', '']) expect((await send('GET', 'sys/mounts', { namespace, token: red.token })).status).toBe(403);
      expect([path, await isRedAlive()]).toEqual([path, true]);
    }
    const own = await send('POST', 'auth/approle/role/r/secret-id-accessor/lookup', {
      namespace: 'red',
      body: { secret_id_accessor: red.secretIdAccessor },
    });
    expect(own.status).toBe(200);
    expect((await send('POST', 'sys/wrapping/unwrap', { namespace: 'red', token: red.wrapped })).json).toMatchObject({ data: { pin: 1 } });

    // Made again under the same name it is another one.
    await send('DELETE', 'sys/namespaces/red');
    await send('POST', 'sys/namespaces/red');
    expect(await isRedAlive()).toBe(false);
  });

  test('GHSA-c36x-h252-g9x2: a mount that is made again at the same path has none of the old one’s secrets, versions, users or tokens', async () => {
    const harness = new AuthHarness();
    for (let i = 0; i < 3; i++) await harness.done('POST', 'secret/data/a', { data: { i } });
    await harness.enable('userpass');
    await harness.done('POST', 'auth/userpass/users/jo', { password: 'p' });
    const token = await harness.tokenOf('userpass/login/jo', { password: 'p' });
    expect(await harness.isValid(token)).toBe(true);

    for (const [path, type] of [
      ['sys/mounts/secret', 'kv-v2'],
      ['sys/auth/userpass', 'userpass'],
    ] as const) {
      await harness.done('DELETE', path);
      await harness.done('POST', path, { type });
    }
    for (const query of ['', '?version=1', '?version=3']) expect((await harness.send('GET', `secret/data/a${query}`)).status).toBe(404);
    expect((await harness.send('LIST', 'secret/metadata/')).status).toBe(404);
    await harness.send('POST', 'secret/undelete/a', { body: { versions: [1, 2, 3] } });
    expect((await harness.send('GET', 'secret/data/a')).status).toBe(404);
    expect((await harness.done('POST', 'secret/data/a', { data: {}, options: { cas: 0 } })).json.data.version).toBe(1);
    expect(await harness.isValid(token)).toBe(false);
    expect((await harness.logIn('userpass/login/jo', { password: 'p' })).status).toBe(400);
  });
});

describe('records', () => {
  test('CVE-2026-46358: every request that had a valid token has one record, also while commits fail or their outcome is unknown; if the record can’t be kept either, nothing is done or told', async () => {
    const harness = new Harness();
    await harness.send('POST', 'sys/audit/log', { body: { type: 'store' } });
    const token = await harness.tokenWith('path "secret/data/*" { capabilities = ["create", "update", "read"] }', { num_uses: 1000 });
    const ids = async (): Promise<readonly string[]> => {
      const { body } = await harness.send('GET', 'sys/audit-log/export');
      return body.split('\n').flatMap((line) => (line === '' || line.includes('"sys/audit-log') ? [] : [JSON.parse(line).request.id as string]));
    };
    const unrecorded: unknown[] = [];
    let before = (await ids()).length;
    for (const failure of [undefined, 'FAILED', 'COMMIT_UNKNOWN'] as const) {
      for (const [method, path, body] of [
        ['POST', 'secret/data/a', { data: { n: 1 } }],
        ['GET', 'secret/data/a', undefined],
        ['GET', 'secret/data/none', undefined],
        ['LIST', 'secret/metadata/', undefined],
        ['DELETE', 'secret/data/a', undefined],
        ['POST', 'secret/data/a', { data: 'x' }],
        ['PATCH', 'secret/data/a', { data: { n: 2 } }],
      ] as const) {
        if (failure !== undefined) harness.failWrite(1, failure);
        const { status } = await harness.send(method, path, { token, body, headers: method === 'PATCH' ? PATCH : {} });
        const kept = await ids();
        expect(new Set(kept).size).toBe(kept.length);
        if (kept.length === before) unrecorded.push([failure, method, body, status]);
        else expect([failure, method, path, kept.length - before]).toEqual([failure, method, path, 1]);
        before = kept.length;
      }
    }
    // Where keeping the record is all there is to do, and fails: the answer is that of the storage, and not what the request was refused for.
    expect(unrecorded).toEqual([['FAILED', 'POST', { data: 'x' }, 503]]);
  });
});

describe('what leaves the server', () => {
  test('CVE-2026-4525: neither header that a token comes in reaches anything that is asked on the way', async () => {
    const asked: { readonly url: string; readonly headers: Headers; readonly init: RequestInit | undefined }[] = [];
    const harness = new AuthHarness({
      fetch: async (input, init) => {
        const request = new Request(input, init);
        asked.push({ url: request.url, headers: request.headers, init });
        return Response.json({ keys: [] });
      },
    });
    await harness.enable('jwt');
    const secrets = { 'x-vault-token': ROOT, authorization: `Bearer ${ROOT}`, cookie: 'session=canary' };
    const config = { jwks_url: 'https://issuer.example/keys', bound_issuer: 'https://issuer.example' };
    await harness.send('POST', 'auth/jwt/config', { headers: secrets, body: config });
    await harness.done('POST', 'auth/jwt/role/r', { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'x' });
    const unsigned = ['{"alg":"ES256","kid":"a"}', '{"sub":"canary"}', 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.');
    await harness.send('POST', 'auth/jwt/login', { token: null, headers: secrets, body: { role: 'r', jwt: unsigned } });
    expect(asked.length).toBeGreaterThan(0);
    for (const { url, headers, init } of asked) {
      expect(url).toBe('https://issuer.example/keys');
      expect(JSON.stringify([...headers])).not.toMatch(new RegExp(`${ROOT}|canary|authorization|x-vault|cookie`, 'i'));
      expect(init?.body ?? null).toBeNull();
    }
  });

  test('CVE-2026-33758, CVE-2023-2121: there is no page, and what somebody wrote comes back as JSON that no browser takes for one', async () => {
    const harness = new Harness();
    for (const path of ['/ui', '/ui/', '/ui/vault/secrets', '/', '/index.html'])
      expect((await harness.api.handle({ method: 'GET', target: path, headers: [['accept', 'text/html']], body: new Uint8Array() })).status).toBe(
        404,
      );
    const html = '<img src=x onerror=alert(1)><script>alert(1)</script>';
    await harness.send('POST', 'secret/data/a', { body: { data: { [html]: html } } });
    await harness.send('POST', 'secret/metadata/a', { body: { custom_metadata: { a: html } } });
    for (const [method, path] of [
      ['GET', 'secret/data/a'],
      ['GET', 'secret/metadata/a'],
      ['GET', 'secret/subkeys/a'],
      ['GET', `nowhere/${encodeURIComponent(html)}`],
      ['GET', `sys/mounts/${encodeURIComponent(html)}`],
      ['POST', `secret/data/${encodeURIComponent(html)}/`],
      ['LIST', 'secret/metadata/'],
    ] as const) {
      const { headers, json } = await harness.send(method, path, { headers: { accept: 'text/html' } });
      expect([path, headers['Content-Type'], headers['X-Content-Type-Options'], headers['Cache-Control']]).toEqual([
        path,
        'application/json',
        'nosniff',
        'no-store',
      ]);
      expect(json).toBeInstanceOf(Object);
    }
  });

  test('GHSA-7j6w, CVE-2026-46405: an answer is an error or a result, never both', async () => {
    const harness = new AuthHarness();
    await harness.enable('userpass');
    await harness.done('POST', 'auth/userpass/users/jo', { password: 'p' });
    const body = { data: { a: 1 }, type: 'kv', password: 'p', policies: ['default'], paths: ['a'], versions: [1], input: 'a' };
    for (const path of [
      'secret/data/a',
      'secret/data/none',
      'secret/metadata/a',
      'secret/nothing',
      'auth/token/create',
      'auth/token/lookup-self',
      'sys/mounts/x',
      'auth/userpass/login/jo',
      'sys/capabilities-self',
      'sys/none',
    ])
      for (const method of ['POST', 'GET', 'LIST', 'PATCH', 'DELETE'])
        for (const ttl of [{}, { 'x-vault-wrap-ttl': '60' }, { 'x-vault-wrap-ttl': 'x' }])
          for (const failure of [undefined, 'FAILED', 'COMMIT_UNKNOWN'] as const)
            for (const nth of failure === undefined ? [1] : [1, 2]) {
              if (failure !== undefined) harness.failWrite(nth, failure);
              const { status, json } = await harness.send(method, path, { body, headers: { ...PATCH, ...ttl } });
              harness.advance(1);
              const results = ['data', 'auth', 'wrap_info'].filter((name) => (json?.[name] ?? null) !== null);
              if (json?.errors !== undefined) expect([method, path, status >= 400, results]).toEqual([method, path, true, []]);
              // A deleted version, and a hint at the right path, are 404 with a result or a warning.
              else expect([method, path, status < 400 || status === 404, results.length <= 1]).toEqual([method, path, true, true]);
            }
  });

  test('GHSA-rh46: what is no operation of HTTP can’t be asked for: 405, and the store is not touched', async () => {
    const events: string[] = [];
    const harness = new Harness({ store: observedStore(memoryStore(), (event) => void events.push(event)) });
    await using server = await startServer();
    const names = [
      'ROLLBACK',
      'RENEW',
      'REVOKE',
      'HELP',
      'ALIAS_LOOKAHEAD',
      'CONNECT',
      'TRACE',
      'READ',
      'get',
      'Post',
      '__proto__',
      'constructor',
      'toString',
    ];
    await harness.send('GET', 'secret/data/a');
    events.length = 0;
    for (const method of [...names, '']) {
      for (const path of ['secret/data/a', 'auth/token/create', 'sys/mounts'])
        expect([method, (await harness.send(method, path, { body: { type: 'kv' } })).status]).toEqual([method, 405]);
    }
    expect(events).toEqual([]);
    for (const method of names) {
      using wire = await Wire.open(Number(new URL(server.url).port));
      await wire.send(`${method} /v1/sys/mounts HTTP/1.1\r\nHost: x\r\nX-Vault-Token: ${server.rootToken}\r\nConnection: close\r\n\r\n`);
      expect([method, (await wire.answer()).status]).toEqual([method, 405]);
    }
  });
});

describe('large and early', () => {
  test.each([
    ['empty objects', `{"data":[${'{},'.repeat(20_001)}`],
    ['texts', `{"data":[${'"",'.repeat(20_001)}`],
    ['numbers', `{"data":[${'0,'.repeat(20_001)}`],
    ['members', `{"data":{${Array.from({ length: 20_001 }, (_, i) => `"${i}":0,`).join('')}`],
    ['levels', `{"data":${'['.repeat(501)}`],
    ['levels of objects', `{"data":${'{"a":'.repeat(501)}`],
  ])(
    'CVE-2025-6203, CVE-2025-59043: JSON of many %s is refused where the limit is passed, and what comes after is not looked at',
    async (_, start) => {
      const harness = new Harness();
      const writes = harness.writes;
      for (const rest of ['', '!!! no JSON', '{'.repeat(100_000)]) {
        const { status, json } = await harness.send('POST', 'secret/data/a', { body: start + rest });
        expect([status, json.errors]).toEqual([400, [expect.stringMatching(/more than (?:20000 values|500 deep)/)]]);
      }
      expect(harness.writes).toBeLessThanOrEqual(writes + 3);
    },
  );

  test('CVE-2025-12044: a body is looked at only for who may send one: without a token not a byte is read, and with a bad one or over the limit it is not parsed', async () => {
    let pulled = 0;
    const stream = new ReadableStream<Uint8Array>(
      { pull: (controller) => (pulled++, controller.enqueue(new Uint8Array(65_536))) },
      { highWaterMark: 0 },
    );
    const anonymous = new Request('https://vault.example/v1/secret/data/a', { method: 'POST', body: stream, duplex: 'half' } as RequestInit);
    expect([(await readRequest(anonymous)).body, pulled]).toEqual([new Uint8Array(), 0]);
    expect(needsBody({ method: 'POST', target: '/v1/secret/data/a', headers: [] })).toBe(false);

    const harness = new Harness();
    const malformed = '{"data":';
    expect((await harness.send('POST', 'secret/data/a', { token: 'nonsense', body: malformed })).status).toBe(403);
    await harness.send('POST', 'sys/quotas/rate-limit/q', { body: { rate: 1, interval: '1h', path: 'secret' } });
    expect((await harness.send('POST', 'secret/data/a', { body: malformed })).status).toBe(400);
    expect((await harness.send('POST', 'secret/data/a', { body: malformed })).status).toBe(429);
  });

  test('CVE-2023-5954, CVE-2023-6337, CVE-2024-8185: a body that does not say how long it is is cut off at the limit, and the server goes on', async () => {
    await using server = await startServer({ secrets: { 'secret/app': { n: 1 } } });
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { 'X-Vault-Token': server.rootToken, 'Transfer-Encoding': 'chunked' };
      const sent = httpRequest(`${server.url}/v1/secret/data/a`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      let isOver = false;
      // What is still on its way when the answer comes may meet a closed door.
      sent.on('error', (error) => !isOver && reject(error));
      sent.on('response', () => (isOver = true));
      const chunk = Buffer.alloc(65_536, 0x20);
      const pour = (): void => {
        while (!isOver) if (!sent.write(chunk)) return void sent.once('drain', pour);
        sent.destroy();
      };
      pour();
    });
    expect(status).toBe(413);
    expect((await fetch(`${server.url}/v1/secret/data/app`, { headers: { 'X-Vault-Token': server.rootToken } })).status).toBe(200);
  });
});

describe('guessing', () => {
  afterEach(() => void vi.restoreAllMocks());

  test('GHSA-34fc-gh42-pj53: a token is looked up by a keyed hash of it, so that neither the store nor the time of a comparison knows anything of its text', async () => {
    const memory = memoryStore();
    const { store, keys } = watched(memory);
    const harness = new Harness({ store });
    const token = await harness.tokenWith('path "secret/*" { capabilities = ["read"] }');
    const chosen = (await harness.send('POST', 'auth/token/create', { body: { id: 'guessable', policies: ['default'] } })).json.auth
      .client_token as string;
    const lookups = async (text: string): Promise<readonly string[]> => {
      keys.length = 0;
      await harness.send('GET', 'secret/data/a', { token: text });
      return keys.filter((key) => key.startsWith('x/t'));
    };
    const close = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
    const [right, nearly, other] = [await lookups(token), await lookups(close), await lookups('s.another')];
    // One look for each, at keys that have nothing in common: how near a guess is can't be seen.
    expect([nearly.length, other.length]).toEqual([1, 1]);
    expect(new Set([right[0], nearly[0], other[0]]).size).toBe(3);
    const digest = async (text: string): Promise<string> =>
      Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toString('hex');
    const held = (await allRecords(memory))
      .map(({ key, value }) => `${key} ${Buffer.from(value).toString('latin1')} ${Buffer.from(value).toString('hex')}`)
      .join('\n');
    for (const text of [token, chosen, ROOT]) {
      expect(held).not.toContain(text.replace(/^s\./, ''));
      // Without the key of the server the hash of a guess is of no use.
      const plain = await digest(text);
      expect(held).not.toContain(plain);
      expect(held).not.toContain(Buffer.from(plain, 'hex').toString('base64url'));
    }
  });

  test('CVE-2025-6011, CVE-2025-6010: a name that nobody has costs the same hash and gets the same answer as a wrong password', async () => {
    const harness = new AuthHarness();
    await harness.enable('userpass');
    await harness.done('POST', 'auth/userpass/users/jo', { password: 'p' });
    const derive = vi.spyOn(crypto.subtle, 'deriveBits');
    const attempt = async (name: string): Promise<unknown> => {
      derive.mockClear();
      const { status, headers, json } = await harness.logIn(`userpass/login/${name}`, { password: 'wrong' });
      return { status, headers, json, costs: derive.mock.calls.map(([algorithm]) => (algorithm as Pbkdf2Params).iterations) };
    };
    const known = await attempt('jo');
    expect(await attempt('nobody')).toEqual(known);
    expect(known).toMatchObject({ status: 400, costs: [100_000] });
    // And is locked out like anybody.
    for (const name of ['jo', 'nobody']) for (let i = 0; i < 4; i++) await attempt(name);
    expect(await attempt('nobody')).toEqual(await attempt('jo'));
  });

  test('CVE-2025-6004, CVE-2025-6013: spelling a name otherwise is no new set of guesses', async () => {
    const harness = new AuthHarness();
    await harness.enable('userpass');
    await harness.done('POST', 'auth/userpass/users/Jo', { password: 'p' });
    const statuses: number[] = [];
    for (const name of ['jo', 'JO', 'Jo', 'jO', 'jo', 'JO', 'jo'])
      statuses.push((await harness.logIn(`userpass/login/${name}`, { password: 'wrong' })).status);
    expect(statuses).toEqual([400, 400, 400, 400, 400, 403, 403]);
    // None of these is another spelling of a user: there is no such path.
    for (const name of ['%20jo', 'jo%20', 'jo/', 'jo%00', '%EF%BD%8Ao', 'jo%E2%80%8B'])
      expect((await harness.logIn(`userpass/login/${name}`, { password: 'p' })).status).not.toBe(200);
    expect((await harness.logIn('userpass/login/jo', { password: 'p' })).status).toBe(403);
  });
});

test('hashicorp/vault#16488, OpenBao #482: wherever a deletion of metadata breaks off, the secret is whole or gone, and can be read, deleted and written', async () => {
  let [event, failAt] = [0, Infinity];
  let outcomes = '';
  for (let at = 1; ; at++) {
    const memory = memoryStore();
    const store = observedStore(memory, (name) => {
      if (++event === failAt) throw new InjectedFault(`at ${name}`);
    });
    const harness = new Harness({ store });
    failAt = Infinity;
    for (let i = 0; i < 12; i++) await harness.send('POST', 'secret/data/xyz', { body: { data: { i } } });
    const before = await allRecords(memory);
    [event, failAt] = [0, at];
    const { status } = await harness.send('DELETE', 'secret/metadata/xyz');
    const isOver = event < at;
    failAt = Infinity;
    const isWhole = sameRecords(before, await allRecords(memory));
    const read = (await harness.send('GET', 'secret/data/xyz?version=9')).status;
    expect([at, isWhole ? 200 : 404]).toEqual([at, read]);
    if (status < 300) expect(isWhole).toBe(false);
    outcomes += isWhole ? 'w' : 'g';
    expect((await harness.send('DELETE', 'secret/metadata/xyz')).status).toBe(204);
    expect((await harness.send('POST', 'secret/data/xyz', { body: { data: {}, options: { cas: 0 } } })).status).toBe(200);
    expect((await checkStore(memory, { owners: apiOwners })).problems).toEqual([]);
    if (isOver) break;
  }
  // It broke off at some events before the commit, and at one after it.
  expect(outcomes).toMatch(/^w{4,}g+$/);
});
