import { Client } from '@litehex/node-vault';
import { describe, expect, test } from 'vitest';
import { describeClient } from './places.ts';

const FAILED = { error: expect.any(Error) };
let lastStatus: number | undefined;

const refusedVerb = async (answer: Promise<unknown>): Promise<void> => {
  expect(await answer).toEqual(FAILED);
  expect(lastStatus).toBe(501);
};

// It checks every answer against a schema, and never rejects: an answer that does not fit has an error in place of the data.
describeClient('@litehex/node-vault', { refusedVerb }, (session) => {
  const client = (token = session.rootToken): Client => {
    const fetcher = async (...args: Parameters<typeof fetch>): Promise<Response> => {
      const response = await fetch(...args);
      lastStatus = response.status;
      return response;
    };
    return session.counted(new Client({ endpoint: session.url, token, fetcher }));
  };
  const failed = (status: number, message: string): object => ({
    error: expect.objectContaining({ message, cause: expect.objectContaining({ status }) }),
  });
  const NOT_FOUND = failed(404, 'Not Found');

  describe('KV v2', () => {
    const at = (path: string): { mountPath: string; path: string } => ({ mountPath: 'secret', path });

    test('a secret is written, patched and read, and its version before', async () => {
      const { kv2 } = client();
      expect(await kv2.write({ ...at('app'), data: { user: 'ada' } })).toMatchObject({ data: { data: { version: 1, custom_metadata: null } } });
      expect(await kv2.write({ ...at('app'), data: { user: 'grace' }, options: { cas: 1 } })).toMatchObject({ data: { data: { version: 2 } } });
      expect(await kv2.write({ ...at('app'), data: {}, options: { cas: 1 } })).toEqual(
        failed(400, 'check-and-set parameter did not match the current version'),
      );
      expect(await kv2.patch({ ...at('app'), data: { role: 'admin' } })).toMatchObject({ data: { data: { version: 3 } } });
      expect(await kv2.read(at('app'))).toMatchObject({ data: { data: { data: { user: 'grace', role: 'admin' }, metadata: { version: 3 } } } });
      expect(await kv2.read({ ...at('app'), version: 1 })).toMatchObject({ data: { data: { data: { user: 'ada' } } } });
      expect(await kv2.subKeys({ ...at('app'), depth: 1 })).toMatchObject({ data: { data: { subkeys: { user: null, role: null } } } });
      expect(await kv2.read(at('nothing'))).toEqual(NOT_FOUND);
    });

    test('versions are deleted, undeleted and destroyed', async () => {
      const { kv2 } = client();
      for (const n of ['1', '2']) await kv2.write({ ...at('versions'), data: { n } });
      expect(await kv2.deleteLatest(at('versions'))).toEqual({ data: true });
      expect(lastStatus).toBe(204);
      expect(await kv2.undelete({ ...at('versions'), versions: [2] })).toEqual({ data: true });
      expect(await kv2.read(at('versions'))).toMatchObject({ data: { data: { data: { n: '2' } } } });
      expect(await kv2.delete({ ...at('versions'), versions: [2] })).toEqual({ data: true });
      expect(await kv2.destroy({ ...at('versions'), versions: [1] })).toEqual({ data: true });
      expect(await kv2.readMetadata(at('versions'))).toMatchObject({
        data: { data: { versions: { 1: { destroyed: true }, 2: { destroyed: false, deletion_time: expect.stringMatching(/Z$/) } } } },
      });
    });

    test('metadata is written, patched and deleted', async () => {
      const { kv2 } = client();
      expect(await kv2.writeMetadata({ ...at('about'), max_versions: 7, custom_metadata: { a: '1', b: '2' } })).toEqual({ data: true });
      expect(await kv2.patchMetadata({ ...at('about'), custom_metadata: { b: '3' } })).toEqual({ data: true });
      expect(await kv2.readMetadata(at('about'))).toMatchObject({ data: { data: { max_versions: 7, custom_metadata: { a: '1', b: '3' } } } });
      expect(await kv2.deleteMetadata(at('about'))).toEqual({ data: true });
      expect(await kv2.readMetadata(at('about'))).toEqual(NOT_FOUND);
    });

    test('names and folders are listed', async () => {
      const { kv2 } = client();
      await kv2.write({ ...at('folder/b'), data: {} });
      await kv2.write({ ...at('folder/a/deep'), data: {} });
      await session.list(kv2.list(at('folder')), (answer) => expect(answer).resolves.toMatchObject({ data: { data: { keys: ['a/', 'b'] } } }));
      await session.list(kv2.list(at('nothing')), (answer) => expect(answer).resolves.toEqual(NOT_FOUND));
    });

    test('a mount is made, described, set up, tuned and removed', async () => {
      const vault = client();
      const team = { mountPath: 'team' };
      expect(await vault.mount({ ...team, type: 'kv-v2', description: 'of the team' })).toEqual({ data: true });
      expect(await vault.mounts()).toMatchObject({ data: { data: { 'team/': { type: 'kv', options: { version: '2' } } } } });
      expect(await vault.kv2.info(team)).toMatchObject({ data: { type: 'kv', data: { description: 'of the team', options: { version: '2' } } } });
      expect(await vault.engineInfo(team)).toMatchObject({ data: { uuid: expect.any(String) } });
      expect(await vault.kv2.config({ ...team, max_versions: 3, delete_version_after: '30m' })).toEqual({ data: true });
      expect(await vault.kv2.readConfig(team)).toMatchObject({
        data: { data: { max_versions: 3, cas_required: false, delete_version_after: '30m0s' } },
      });
      expect(await vault.config(team)).toEqual({ data: true });
      expect(await vault.tuneMount({ ...team, default_lease_ttl: 60, max_lease_ttl: 3600 })).toEqual({ data: true });
      expect(await vault.tune(team)).toMatchObject({ data: { default_lease_ttl: 60, max_lease_ttl: 3600, force_no_cache: false } });
      expect(await vault.unmount(team)).toEqual({ data: true });
      expect(await vault.engineInfo(team)).toEqual(failed(400, 'No secret engine mount at team/'));
    });
  });

  test('KV v1: a secret is written, read, listed and deleted', async () => {
    const vault = client();
    const { kv } = vault;
    await vault.mount({ mountPath: 'kv1', type: 'kv' });
    const app = { mountPath: 'kv1', path: 'folder/app' };
    expect(await kv.info(app)).toMatchObject({ data: { type: 'kv', options: {} } });
    expect(await kv.write({ ...app, data: { user: 'ada', port: 5432 } })).toEqual({ data: true });
    expect(await kv.read(app)).toMatchObject({ data: { data: { user: 'ada', port: 5432 } } });
    await session.list(kv.list({ ...app, path: 'folder' }), (answer) => expect(answer).resolves.toMatchObject({ data: { data: { keys: ['app'] } } }));
    expect(await kv.delete(app)).toEqual({ data: true });
    expect(await kv.read(app)).toEqual(NOT_FOUND);
  });

  test('any path is read, written, listed and deleted', async () => {
    const vault = client();
    const path = 'cubbyhole/own';
    expect(await vault.write({ path, data: { n: 1 } })).toEqual({ data: true });
    expect(await vault.read({ path })).toMatchObject({ data: { data: { n: 1 } } });
    await session.list(vault.list({ path: 'cubbyhole' }), (answer) => expect(answer).resolves.toMatchObject({ data: { data: { keys: ['own'] } } }));
    expect(await vault.delete({ path })).toEqual({ data: true });
    expect(await client('s.wrong').read({ path })).toEqual(failed(403, 'permission denied'));
  });

  test('policies and tokens are made at their paths, and decide', async () => {
    const vault = client();
    const policy = 'path "secret/data/app" { capabilities = ["read"] }';
    expect(await vault.write({ path: 'sys/policies/acl/reader', data: { policy } })).toEqual({ data: true });
    const made = await vault.write({ path: 'auth/token/create', data: { policies: ['reader'], ttl: '1h' } });
    const { client_token: token } = (made.data as { auth: { client_token: string } }).auth;
    const reader = client(token);
    await vault.kv2.write({ mountPath: 'secret', path: 'app', data: { user: 'ada' } });
    expect(await reader.read({ path: 'secret/data/app' })).toMatchObject({ data: { data: { data: { user: 'ada' } } } });
    expect(await reader.read({ path: 'secret/data/other' })).toEqual(failed(403, '1 error occurred:\n\t* permission denied\n\n'));
    // The schema has it that the answer is a boolean.
    const asked = { token, paths: ['secret/data/app'] };
    expect(await vault.queryCapabilities(asked, { strictSchema: false })).toMatchObject({ data: { capabilities: ['read'] } });
  });

  test('userpass and AppRole log in at their paths', async () => {
    const vault = client();
    for (const type of ['userpass', 'approle']) expect(await vault.write({ path: `sys/auth/${type}`, data: { type } })).toEqual({ data: true });
    await vault.write({ path: 'auth/userpass/users/ada', data: { password: 'correct horse' } });
    const stranger = client('');
    const login = await stranger.write({ path: 'auth/userpass/login/ada', data: { password: 'correct horse' } });
    expect(login).toMatchObject({ data: { auth: { metadata: { username: 'ada' } } } });
    await vault.write({ path: 'auth/approle/role/app', data: { role_id: 'the-app' } });
    const made = await vault.write({ path: 'auth/approle/role/app/secret-id', data: {} });
    const { secret_id } = (made.data as { data: { secret_id: string } }).data;
    const asApp = { path: 'auth/approle/login', data: { role_id: 'the-app', secret_id } };
    expect(await stranger.write(asApp)).toMatchObject({ data: { auth: { metadata: { role_name: 'app' } } } });
    expect(await stranger.write({ ...asApp, data: { role_id: 'the-app' } })).toEqual(failed(400, 'invalid role or secret ID'));
  });

  test('what the server is fits the schemas of Vault', async () => {
    const vault = client('');
    expect(await vault.health()).toMatchObject({ data: { initialized: true, sealed: false } });
    expect(await vault.sealStatus()).toMatchObject({ data: { initialized: true, sealed: false } });
    expect(await vault.initialized()).toEqual({ data: { initialized: true } });
    expect(await vault.init({ secret_shares: 1, secret_threshold: 1 })).toMatchObject(FAILED);
    expect(await client().listDevices()).toMatchObject({ data: { data: {} } });
    expect(await client().disableDevice({ path: 'log' })).toEqual({ data: true });
  });
});
