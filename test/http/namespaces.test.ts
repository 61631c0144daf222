import { startServer } from '@sealkv/server';
import { expect, test } from 'vitest';

interface Answer {
  readonly status: number;
  readonly body: {
    readonly errors?: readonly string[];
    readonly data?: Record<string, unknown>;
    readonly warnings?: readonly string[];
    readonly auth?: { readonly client_token: string; readonly policies: readonly string[] };
  };
}
interface Sent {
  readonly token?: string;
  readonly namespace?: string;
}

type Send = (method: string, path: string, body?: object, sent?: Sent) => Promise<Answer>;

async function withServer(run: (send: Send, rootToken: string) => Promise<void>): Promise<void> {
  await using server = await startServer();
  await run(async (method, path, body, { token = server.rootToken, namespace } = {}) => {
    const headers = {
      'X-Vault-Token': token,
      'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      ...(namespace !== undefined && { 'X-Vault-Namespace': namespace }),
    };
    const response = await fetch(`${server.url}/v1/${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }, server.rootToken);
}

const EVERYTHING = { policy: 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "patch", "scan", "sudo"] }' };

async function newNamespace(send: Send, namespace: string): Promise<void> {
  expect((await send('POST', `sys/namespaces/${namespace}`, {})).status).toBe(200);
  expect((await send('POST', 'sys/mounts/secret', { type: 'kv-v2' }, { namespace })).status).toBe(204);
}

async function newToken(send: Send, namespace: string, policies = ['all']): Promise<string> {
  await send('PUT', 'sys/policies/acl/all', EVERYTHING, { namespace });
  const { body } = await send('POST', 'auth/token/create', { policies, ttl: '1h' }, { namespace });
  return body.auth!.client_token;
}

test('data, policies, mounts and tokens of a namespace are its own', () =>
  withServer(async (send) => {
    for (const namespace of ['red', 'blue']) {
      await newNamespace(send, namespace);
      await send('POST', 'secret/data/a', { data: { of: namespace } }, { namespace });
    }
    expect((await send('GET', 'red/secret/data/a')).body.data).toMatchObject({ data: { of: 'red' } });
    expect((await send('GET', 'secret/data/a', undefined, { namespace: 'blue/' })).body.data).toMatchObject({ data: { of: 'blue' } });
    expect((await send('GET', 'secret/data/a')).status).toBe(404);

    await send('POST', 'sys/mounts/team', { type: 'kv' }, { namespace: 'red' });
    expect((await send('GET', 'sys/mounts/team', undefined, { namespace: 'red' })).status).toBe(200);
    expect((await send('GET', 'sys/mounts/team', undefined, { namespace: 'blue' })).status).toBe(400);
    await send('PUT', 'sys/policies/acl/only-red', EVERYTHING, { namespace: 'red' });
    expect((await send('GET', 'sys/policies/acl/only-red', undefined, { namespace: 'blue' })).status).toBe(404);
    expect((await send('GET', 'sys/policies/acl/only-red')).status).toBe(404);
  }));

test('a token works in its namespace by header, by path, and nowhere else', () =>
  withServer(async (send) => {
    for (const namespace of ['red', 'blue']) await newNamespace(send, namespace);
    const token = await newToken(send, 'red');
    expect((await send('POST', 'secret/data/a', { data: {} }, { token, namespace: 'red' })).status).toBe(200);
    expect((await send('GET', 'red/secret/data/a', undefined, { token })).status).toBe(200);
    expect((await send('GET', 'auth/token/lookup-self', undefined, { token })).body.data).toMatchObject({
      policies: ['all', 'default'],
      namespace_path: 'red/',
    });
    for (const sent of [{ token }, { token, namespace: 'blue' }, { token, namespace: 'red/deeper' }, { token, namespace: 'redder' }])
      expect([403, 404]).toContain((await send('GET', 'secret/data/a', undefined, sent)).status);
    expect((await send('GET', 'blue/secret/data/a', undefined, { token })).status).toBe(403);
    expect((await send('GET', 'sys/mounts', undefined, { token })).status).toBe(403);
    expect((await send('LIST', 'sys/namespaces', undefined, { token, namespace: 'red' })).status).toBe(404);
  }));

test('a token of the root namespace may do in a namespace what its policies say of paths that begin with the name', () =>
  withServer(async (send) => {
    await newNamespace(send, 'red');
    await send('POST', 'secret/data/a', { data: { n: 1 } }, { namespace: 'red' });
    await send('PUT', 'sys/policies/acl/reader', { policy: 'path "red/secret/data/*" { capabilities = ["read"] }' });
    await send('PUT', 'sys/policies/acl/other', { policy: 'path "secret/data/*" { capabilities = ["read"] }' });
    const token = async (policy: string, more = {}): Promise<string> =>
      (await send('POST', 'auth/token/create', { policies: [policy], ...more })).body.auth!.client_token;
    const reader = await token('reader');
    expect((await send('GET', 'secret/data/a', undefined, { token: reader, namespace: 'red' })).status).toBe(200);
    expect((await send('POST', 'secret/data/a', { data: {} }, { token: reader, namespace: 'red' })).status).toBe(403);
    expect((await send('GET', 'secret/data/a', undefined, { token: await token('other'), namespace: 'red' })).status).toBe(403);
    // A use in a namespace is a use.
    const once = await token('reader', { num_uses: 1 });
    expect((await send('GET', 'red/secret/data/a', undefined, { token: once })).status).toBe(200);
    expect((await send('GET', 'red/secret/data/a', undefined, { token: once })).status).toBe(403);
  }));

test('a batch token of one namespace opens nothing in another', () =>
  withServer(async (send) => {
    for (const namespace of ['red', 'blue']) {
      await send('POST', `sys/namespaces/${namespace}`, {});
      await send('PUT', 'sys/policies/acl/all', EVERYTHING, { namespace });
    }
    const { body } = await send('POST', 'auth/token/create', { policies: ['all'], type: 'batch', ttl: '1h' }, { namespace: 'red' });
    const token = body.auth!.client_token;
    expect((await send('LIST', 'sys/mounts', undefined, { token, namespace: 'red' })).status).not.toBe(403);
    const [, blob] = token.split('.');
    const blueId = (await newToken(send, 'blue')).split('.')[2];
    for (const forged of [`b.${blob}`, `b.${blob}.${blueId}`])
      for (const namespace of [undefined, 'red', 'blue'])
        expect((await send('GET', 'sys/mounts', undefined, { token: forged, ...(namespace && { namespace }) })).status).toBe(403);
  }));

test('a namespace that is removed is gone at once, for its own tokens too, and a new one of that name is empty', () =>
  withServer(async (send) => {
    await newNamespace(send, 'red');
    await send('PATCH', 'sys/namespaces/red', { custom_metadata: { owner: 'ada' } });
    await send('POST', 'secret/data/a', { data: { n: 1 } }, { namespace: 'red' });
    const token = await newToken(send, 'red');
    expect((await send('GET', 'sys/namespaces/red')).body.data).toMatchObject({ path: 'red/', custom_metadata: { owner: 'ada' } });
    expect((await send('DELETE', 'sys/namespaces/red')).body.data).toEqual({ status: 'in-progress' });
    expect((await send('GET', 'secret/data/a', undefined, { token, namespace: 'red' })).status).toBe(403);
    expect((await send('GET', 'red/secret/data/a')).status).toBe(404);
    expect((await send('GET', 'secret/data/a', undefined, { namespace: 'red' })).body.errors).toEqual(['namespace not found']);
    expect((await send('DELETE', 'sys/namespaces/red')).body.warnings).toEqual(['requested namespace does not exist']);
    await send('POST', 'sys/namespaces/red', {});
    expect((await send('GET', 'secret/data/a', undefined, { namespace: 'red' })).status).toBe(404);
    expect((await send('GET', 'secret/data/a', undefined, { token, namespace: 'red' })).status).toBe(403);
  }));

test.each([
  ['root', 'is a reserved path'],
  ['Root', 'is a reserved path'],
  ['%20root%20', 'is a reserved path'],
  ['sys', 'is a reserved path'],
  ['auth', 'is a reserved path'],
  ['a/b', 'namespace name cannot contain /'],
  ['a%2Fb', 'namespace name cannot contain /'],
  ['a%20b', 'contains space characters'],
  ['a*', 'contains wildcard characters'],
  ['a+', 'contains wildcard characters'],
  ['a%5Cb', 'contains characters that cannot be used'],
])('no namespace is called %s', (name, message) =>
  withServer(async (send) => {
    const { status, body } = await send('POST', `sys/namespaces/${name}`, {});
    expect([status, body.errors?.[0]]).toEqual([400, expect.stringContaining(message)]);
  }),
);

test('what is of the server is not to be had in a namespace; nobody learns which namespaces there are without a token', () =>
  withServer(async (send) => {
    await send('POST', 'sys/namespaces/red', {});
    for (const path of ['sys/health', 'sys/seal-status', 'sys/init', 'sys/namespaces/x'])
      expect((await send('GET', path, undefined, { namespace: 'red' })).body.errors).toEqual(['operation unavailable in namespaces']);
    for (const namespace of ['red', 'invented'])
      expect(await send('GET', 'secret/data/a', undefined, { token: 's.nope', namespace })).toMatchObject({
        status: 403,
        body: { errors: ['permission denied'] },
      });
    expect((await send('POST', 'sys/namespaces/x', { jurisdiction: 'nowhere' })).body.errors).toEqual([
      'the jurisdiction "nowhere" is not to be had here',
    ]);
    expect((await send('LIST', 'sys/namespaces')).body.data).toMatchObject({ keys: ['red/'] });
  }));

test('a token of the root namespace makes tokens in a namespace with sudo, no root tokens, and none that would outlive it unless told to', () =>
  withServer(async (send) => {
    await newNamespace(send, 'red');
    const make = async (token: string | undefined, body: object): Promise<unknown> => {
      const { status, body: answer } = await send('POST', 'auth/token/create', body, { namespace: 'red', ...(token !== undefined && { token }) });
      return status === 200 ? status : answer.errors?.[0];
    };
    const holderOf = async (capabilities: string): Promise<string> => {
      const policy = capabilities.replaceAll(/\W/g, '');
      await send('PUT', `sys/policies/acl/${policy}`, { policy: `path "red/auth/token/create" { capabilities = [${capabilities}] }` });
      return (await send('POST', 'auth/token/create', { policies: [policy] })).body.auth!.client_token;
    };
    const plain = await holderOf('"update"');
    const sudo = await holderOf('"update", "sudo"');
    const root = (await send('POST', 'auth/token/create', {})).body.auth!.client_token;
    expect(await make(plain, { no_parent: true })).toBe('root or sudo privileges required to directly generate a token in a child namespace');
    for (const token of [undefined, root, sudo]) {
      expect(await make(token, { policies: [' Root'], no_parent: true })).toBe('root tokens may not be created from a parent namespace');
      expect(await make(token, { policies: ['any'], no_parent: true })).toBe(200);
    }
    // Their own policies are names of another namespace.
    const { auth } = (await send('POST', 'auth/token/create', { no_parent: true }, { namespace: 'red', token: sudo })).body;
    expect(auth!.policies).toEqual(['default']);
    expect(await make(undefined, { policies: ['any'] })).toBe(200);
    for (const token of [root, sudo]) {
      expect(await make(token, { policies: ['any'] })).toBe('a token of another namespace cannot be a parent; ask for an orphan');
    }
    expect(await make(undefined, { policies: ['any'], id: 'my-own' })).toBe('token IDs can only be manually specified in the root namespace');
  }));
