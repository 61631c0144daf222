import Vault from 'hashi-vault-js';
import { describe, expect, test } from 'vitest';
import { describeClient } from './places.ts';

const status = (code: number): object => ({ isVaultError: true, response: { status: code } });

type Methods = {
  // oxlint-disable-next-line typescript/no-explicit-any -- its types say `Object` for all that it gives
  readonly [name in keyof Vault]: Vault[name] extends (...args: infer A) => unknown ? (...args: Partial<A>) => Promise<any> : Vault[name];
};

describeClient('hashi-vault-js', { refusedVerb: (answer) => expect(answer).rejects.toMatchObject(status(501)) }, (session) => {
  const client = (): Methods => session.counted(new Vault({ baseUrl: `${session.url}/v1`, timeout: 60_000 })) as unknown as Methods;
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { 'X-Vault-Token': session.rootToken };
    const { status: code } = await fetch(`${session.url}/v1/${path}`, { method, headers, body: JSON.stringify(body) });
    if (code !== 204) throw new Error(`${method} ${path}: ${code}`);
  };

  describe('secrets', () => {
    test('a secret is made once, then updated with the version it has, and each version is read', async () => {
      const [vault, root] = [client(), session.rootToken];
      expect(await vault.createKVSecret(root, 'app', { user: 'ada' })).toMatchObject({ version: 1 });
      await expect(vault.createKVSecret(root, 'app', {})).rejects.toMatchObject({
        ...status(400),
        response: { data: { errors: ['check-and-set parameter did not match the current version'] } },
      });
      expect(await vault.updateKVSecret(root, 'app', { user: 'grace' }, 1)).toMatchObject({ version: 2 });
      expect(await vault.readKVSecret(root, 'app')).toMatchObject({ data: { user: 'grace' }, metadata: { version: 2 } });
      expect(await vault.readKVSecret(root, 'app', 1)).toMatchObject({ data: { user: 'ada' }, metadata: { version: 1 } });
      await expect(vault.readKVSecret(root, 'nothing')).rejects.toMatchObject(status(404));
    });

    test('versions are deleted, undeleted and destroyed, and at last all is eliminated', async () => {
      const [vault, root] = [client(), session.rootToken];
      await vault.createKVSecret(root, 'versions', { n: 1 });
      await vault.updateKVSecret(root, 'versions', { n: 2 }, 1);
      expect(await vault.deleteLatestVerKVSecret(root, 'versions')).toMatchObject({ status: 204 });
      await expect(vault.readKVSecret(root, 'versions')).rejects.toMatchObject(status(404));
      await vault.undeleteVersionsKVSecret(root, 'versions', [2]);
      expect(await vault.readKVSecret(root, 'versions')).toMatchObject({ data: { n: 2 } });
      await vault.deleteVersionsKVSecret(root, 'versions', [2]);
      await vault.destroyVersionsKVSecret(root, 'versions', [1]);
      const { versions } = await vault.readKVSecretMeta(root, 'versions');
      expect(versions).toMatchObject({ 1: { destroyed: true }, 2: { destroyed: false, deletion_time: expect.stringMatching(/Z$/) } });
      await vault.eliminateKVSecret(root, 'versions');
      await expect(vault.readKVSecretMeta(root, 'versions')).rejects.toMatchObject(status(404));
    });

    test('metadata is made and updated', async () => {
      const [vault, root] = [client(), session.rootToken];
      await vault.createKVSecretMeta(root, 'about', { max_versions: 7, custom_metadata: { owner: 'ada' } } as never);
      await vault.updateKVSecretMeta(root, 'about', { cas_required: true } as never);
      expect(await vault.readKVSecretMeta(root, 'about')).toMatchObject({ max_versions: 7, cas_required: true, custom_metadata: { owner: 'ada' } });
    });

    test('a folder and the root of a mount are listed', async () => {
      const [vault, root] = [client(), session.rootToken];
      await send('POST', 'sys/mounts/listed', { type: 'kv-v2' });
      await vault.createKVSecret(root, 'folder/b', {}, 'listed');
      await vault.createKVSecret(root, 'folder/a/deep', {}, 'listed');
      await session.list(vault.listKVSecrets(root, 'folder', 'listed'), (answer) => expect(answer).resolves.toEqual({ keys: ['a/', 'b'] }));
      await session.list(vault.listKVSecrets(root, '', 'listed'), (answer) => expect(answer).resolves.toEqual({ keys: ['folder/'] }));
      await session.list(vault.listKVSecrets(root, 'nothing', 'listed'), (answer) => expect(answer).rejects.toMatchObject(status(404)));
    });

    test('the settings of a mount are updated and read', async () => {
      const [vault, root] = [client(), session.rootToken];
      await send('POST', 'sys/mounts/settings', { type: 'kv-v2' });
      await vault.updateKVEngineConfig(root, { max_versions: 3, cas_required: true, delete_version_after: '3h25m19s' }, 'settings');
      const settings = { max_versions: 3, cas_required: true, delete_version_after: '3h25m19s' };
      expect(await vault.readKVEngineConfig(root, 'settings')).toMatchObject(settings);
    });
  });

  test('what the server is is told without a token', async () => {
    const vault = client();
    expect(await vault.healthCheck()).toMatchObject({ initialized: true, sealed: false, standby: false });
    expect(await vault.healthCheck({ activecode: 299 })).toMatchObject({ sealed: false });
    expect(await vault.sealStatus()).toMatchObject({ sealed: false, t: 1, n: 1, progress: 0 });
  });

  test('what a token may is told to itself and to others', async () => {
    const [vault, root] = [client(), session.rootToken];
    await send('PUT', 'sys/policies/acl/reader', { policy: 'path "secret/data/app" { capabilities = ["read"] }' });
    const { client_token: token } = await vault.createToken(root, { policies: ['reader'] as never });
    expect(await vault.sysCapabilities(root, token, ['secret/data/app', 'secret/data/b'])).toMatchObject({
      'secret/data/app': ['read'],
      'secret/data/b': ['deny'],
    });
    expect(await vault.sysCapabilitiesSelf(token, ['secret/data/app'])).toMatchObject({ capabilities: ['read'] });
  });

  test('a token is made, looked up, renewed and revoked, by itself, by its id and by its accessor', async () => {
    const [vault, root] = [client(), session.rootToken];
    const made = await vault.createToken(root, { ttl: '1h', display_name: 'app', meta: { team: 'a' }, policies: ['default'] as never });
    const { client_token: token, accessor } = made;
    expect(made).toMatchObject({ lease_duration: 3600, renewable: true, policies: ['default'], metadata: { team: 'a' }, token_type: 'service' });
    expect(await vault.lookupToken(root, token)).toMatchObject({ id: token, display_name: 'token-app' });
    expect(await vault.lookupSelfToken(token)).toMatchObject({ id: token, accessor });
    expect(await vault.lookupAccessor(root, accessor)).toMatchObject({ accessor, id: '' });
    await session.list(vault.listAccessors(root), (answer) => expect(answer).resolves.toMatchObject({ keys: expect.arrayContaining([accessor]) }));
    expect(await vault.renewToken(root, token, '2h')).toMatchObject({ lease_duration: 7200 });
    expect(await vault.renewSelfToken(token, '90m')).toMatchObject({ lease_duration: 5400 });
    expect(await vault.renewAccessor(root, accessor)).toMatchObject({ client_token: '', lease_duration: expect.any(Number) });
    await vault.revokeSelfToken(token);
    await expect(vault.lookupSelfToken(token)).rejects.toMatchObject(status(403));

    const [byId, byAccessor] = [await vault.createToken(root, {}), await vault.createToken(root, {})];
    await vault.revokeToken(root, byId.client_token);
    await vault.revokeAccessor(root, byAccessor.accessor);
    for (const gone of [byId, byAccessor]) await expect(vault.lookupSelfToken(gone.client_token)).rejects.toMatchObject(status(403));
    await expect(vault.createToken('s.wrong', {})).rejects.toMatchObject(status(403));
  });

  test('a token is made by a role', async () => {
    await send('POST', 'auth/token/roles/app', { allowed_policies: ['default'], orphan: true });
    expect(await client().createToken(session.rootToken, { role_name: 'app' })).toMatchObject({ orphan: true, policies: ['default'] });
  });

  test('userpass: users are made, read, changed, listed and removed, and log in', async () => {
    const [vault, root] = [client(), session.rootToken];
    await send('POST', 'sys/auth/userpass', { type: 'userpass' });
    await vault.createUserpassUser(root, 'ada', 'correct horse', ['default'] as never);
    expect(await vault.readUserpassUser(root, 'ada')).toMatchObject({ token_policies: ['default'] });
    expect(await vault.loginWithUserpass('ada', 'correct horse')).toMatchObject({ policies: ['default'], metadata: { username: 'ada' } });
    await vault.updateUserpassUser(root, 'ada', 'battery staple', ['default'] as never);
    await vault.updateUserpassPassword(root, 'ada', 'paper clip');
    await vault.updateUserpassPolicies(root, 'ada', ['default', 'reader'] as never);
    await expect(vault.loginWithUserpass('ada', 'battery staple')).rejects.toMatchObject(status(400));
    expect(await vault.loginWithUserpass('ada', 'paper clip')).toMatchObject({ policies: ['default', 'reader'] });
    await session.list(vault.listUserpassUsers(root), (answer) => expect(answer).resolves.toEqual({ keys: ['ada'] }));
    await vault.deleteUserpassUser(root, 'ada');
    await expect(vault.readUserpassUser(root, 'ada')).rejects.toMatchObject(status(404));
  });

  test('AppRole: a secret id is made, read, used and destroyed', async () => {
    const [vault, root] = [client(), session.rootToken];
    await send('POST', 'sys/auth/approle', { type: 'approle' });
    await send('POST', 'auth/approle/role/app', { token_policies: ['default'], role_id: 'the-app' });
    const { secret_id, secret_id_accessor } = await vault.generateAppRoleSecretId(root, 'app', '{"host":"a"}');
    expect(await vault.readAppRoleSecretId(root, 'app', secret_id)).toMatchObject({ secret_id_accessor, metadata: { host: 'a' } });
    expect(await vault.loginWithAppRole('the-app', secret_id)).toMatchObject({ policies: ['default'], metadata: { role_name: 'app', host: 'a' } });
    await vault.destroyAppRoleSecretId(root, 'app', secret_id);
    await expect(vault.loginWithAppRole('the-app', secret_id)).rejects.toMatchObject(status(400));
  });
});
