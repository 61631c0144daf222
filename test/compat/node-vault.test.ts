import { generateKeyPairSync, sign } from 'node:crypto';
import nodeVault from 'node-vault';
import { describe, expect, test, vi } from 'vitest';
import { describeClient } from './places.ts';

const status = (statusCode: number): object => ({ response: { statusCode } });
const refusal = (statusCode: number, ...errors: string[]): object => ({ response: { statusCode, body: { errors } } });

describeClient('node-vault', { refusedVerb: (answer) => expect(answer).rejects.toMatchObject(status(501)) }, (session) => {
  const client = (options: nodeVault.VaultOptions = {}): nodeVault.client =>
    session.counted(nodeVault({ endpoint: session.url, token: session.rootToken, ...options }));
  /** A client with a new token, which expires after an hour: the client goes over to a token that it has made. */
  const clientWith = async (options: object): Promise<nodeVault.client> => {
    const vault = client();
    await vault.tokenCreate({ ttl: '1h', ...options });
    return vault;
  };

  describe('secrets', () => {
    test('a secret is written and read, the version before it too', async () => {
      const vault = client();
      expect((await vault.write('secret/data/app', { data: { user: 'ada' } })).data.version).toBe(1);
      expect((await vault.write('secret/data/app', { data: { user: 'grace' }, options: { cas: 1 } })).data.version).toBe(2);
      expect((await vault.read('secret/data/app')).data).toMatchObject({ data: { user: 'grace' }, metadata: { version: 2, destroyed: false } });
      expect((await vault.read('secret/data/app?version=1')).data.data).toEqual({ user: 'ada' });
    });

    test('a check-and-set that does not match is a 400 with the message of Vault', async () => {
      const vault = client();
      await vault.write('secret/data/cas', { data: {} });
      await expect(vault.write('secret/data/cas', { data: {}, options: { cas: 0 } })).rejects.toMatchObject({
        message: 'check-and-set parameter did not match the current version',
        ...refusal(400, 'check-and-set parameter did not match the current version'),
      });
    });

    test('update patches data and metadata', async () => {
      const vault = client();
      await vault.write('secret/data/patched', { data: { a: 1, b: 2 } });
      await vault.update('secret/data/patched', { data: { b: null, c: 3 } });
      expect((await vault.read('secret/data/patched')).data.data).toEqual({ a: 1, c: 3 });
      await vault.update('secret/metadata/patched', { custom_metadata: { owner: 'ada' } });
      expect((await vault.read('secret/metadata/patched')).data.custom_metadata).toEqual({ owner: 'ada' });
      expect((await vault.read('secret/subkeys/patched')).data.subkeys).toEqual({ a: null, c: null });
    });

    test('versions are deleted, undeleted and destroyed', async () => {
      const vault = client();
      await vault.write('secret/data/versions', { data: { n: 1 } });
      await vault.write('secret/data/versions', { data: { n: 2 } });

      await vault.delete('secret/data/versions');
      await expect(vault.read('secret/data/versions')).rejects.toMatchObject({
        response: { statusCode: 404, body: { data: { data: null, metadata: { version: 2, deletion_time: expect.stringMatching(/Z$/) } } } },
      });
      await vault.write('secret/undelete/versions', { versions: [2] });
      expect((await vault.read('secret/data/versions')).data.data).toEqual({ n: 2 });

      await vault.destroySecretVersions({ path: 'versions', versions: [1] });
      await vault.write('secret/delete/versions', { versions: [2] });
      const { versions } = (await vault.read('secret/metadata/versions')).data;
      expect(versions).toMatchObject({ 1: { destroyed: true }, 2: { destroyed: false, deletion_time: expect.stringMatching(/Z$/) } });
    });

    test('metadata is written, read, and deleted with all versions', async () => {
      const vault = client();
      await vault.write('secret/metadata/about', { max_versions: 7, custom_metadata: { owner: 'ada' } });
      await vault.write('secret/data/about', { data: {} });
      const { data } = await vault.read('secret/metadata/about');
      expect(data).toMatchObject({ max_versions: 7, custom_metadata: { owner: 'ada' }, current_version: 1 });
      await vault.delete('secret/metadata/about');
      for (const kind of ['data', 'metadata']) {
        await expect(vault.read(`secret/${kind}/about`)).rejects.toMatchObject({ message: 'Status 404', ...refusal(404) });
      }
    });

    test('list gives names and folders', async () => {
      const vault = client();
      await vault.write('secret/data/folder/b', { data: {} });
      await vault.write('secret/data/folder/a/deep', { data: {} });
      await session.list(vault.list('secret/metadata/folder'), (answer) => expect(answer).resolves.toMatchObject({ data: { keys: ['a/', 'b'] } }));
      await session.list(vault.list('secret/metadata/nothing'), (answer) => expect(answer).rejects.toMatchObject(status(404)));
      const withoutVerbs = client({ noCustomHTTPVerbs: true });
      expect((await withoutVerbs.list('secret/metadata/folder')).data.keys).toEqual(['a/', 'b']);
      await expect(withoutVerbs.list('secret/metadata/nothing')).rejects.toMatchObject(status(404));
    });

    test('the settings of a mount are written and read', async () => {
      const vault = client();
      await vault.mount({ mount_point: 'settings', type: 'kv-v2' });
      await vault.write('settings/config', { max_versions: 3, delete_version_after: '30m' });
      expect((await vault.read('settings/config')).data).toMatchObject({ max_versions: 3, cas_required: false, delete_version_after: '30m0s' });
    });
  });

  test('a mount of KV v1 is made, used, listed among all, moved and removed', async () => {
    const vault = client();
    await vault.mount({ mount_point: 'old', type: 'kv', description: 'of old', options: { version: '1' } });
    expect((await vault.mounts()).data['old/']).toMatchObject({ type: 'kv', description: 'of old', options: { version: '1' } });
    await vault.write('old/app', { user: 'ada' });
    expect((await vault.read('old/app')).data).toEqual({ user: 'ada' });
    await vault.remount({ from: 'old', to: 'older' });
    await vault.delete('older/app');
    await expect(vault.read('older/app')).rejects.toMatchObject(refusal(404));
    await vault.unmount({ mount_point: 'older' });
    await expect(vault.read('older/app')).rejects.toMatchObject({ message: 'no handler for route "older/app". route entry not found.' });
  });

  test('what the server is, and that it needs no unsealing, is told without a token', async () => {
    const vault = client({ token: '' });
    expect(await vault.health()).toMatchObject({ initialized: true, sealed: false });
    expect(await vault.status()).toMatchObject({ initialized: true, sealed: false });
    expect(await vault.initialized()).toEqual({ initialized: true });
    expect(await vault.leader()).toMatchObject({ ha_enabled: false });
    await expect(vault.init({ secret_shares: 1, secret_threshold: 1 })).rejects.toMatchObject(status(400));
  });

  test('a wrong token is refused', async () => {
    const stranger = client({ token: 's.wrong' });
    await expect(stranger.read('secret/data/app')).rejects.toMatchObject({ message: 'permission denied', ...status(403) });
  });

  test('policies are written, listed, read and removed, and decide', async () => {
    const vault = client();
    await vault.addPolicy({ name: 'reader', rules: 'path "secret/data/app" { capabilities = ["read"] }' });
    expect((await vault.policies()).policies).toEqual(['default', 'reader', 'root']);
    expect((await vault.getPolicy({ name: 'reader' })).rules).toContain('secret/data/app');

    const reader = await clientWith({ policies: ['reader'] });
    await vault.write('secret/data/app', { data: { user: 'ada' } });
    expect((await reader.read('secret/data/app')).data.data).toEqual({ user: 'ada' });
    await expect(reader.write('secret/data/app', { data: {} })).rejects.toMatchObject(status(403));

    await vault.removePolicy({ name: 'reader' });
    await expect(reader.read('secret/data/app')).rejects.toMatchObject(status(403));
  });

  describe('tokens', () => {
    test('a token is made, looked up, renewed and revoked, by itself, by its id and by its accessor', async () => {
      const vault = client();
      const { auth } = await client().tokenCreate({ ttl: '1h', display_name: 'app', meta: { team: 'a' }, policies: ['default'] });
      const { client_token: token, accessor } = auth;
      expect(auth).toMatchObject({ lease_duration: 3600, renewable: true, policies: ['default'], metadata: { team: 'a' } });
      expect((await vault.tokenLookup({ token })).data).toMatchObject({ id: token, display_name: 'token-app' });
      expect((await vault.tokenLookupAccessor({ accessor })).data).toMatchObject({ accessor, id: '' });
      await session.list(vault.tokenAccessors(), (answer) =>
        expect(answer).resolves.toMatchObject({ data: { keys: expect.arrayContaining([accessor]) } }),
      );

      const own = client({ token });
      expect((await own.tokenLookupSelf()).data).toMatchObject({ id: token, meta: { team: 'a' } });
      expect((await own.tokenRenewSelf({ increment: 7200 })).auth).toMatchObject({ client_token: token, lease_duration: 7200 });
      expect((await client().tokenRenew({ token, increment: '30m' })).auth.lease_duration).toBe(1800);
      await own.tokenRevokeSelf();
      await expect(own.tokenLookupSelf()).rejects.toMatchObject(refusal(403, 'permission denied'));

      const [byId, byAccessor] = [await clientWith({}), await clientWith({})];
      await vault.tokenRevoke({ token: byId.token });
      await vault.tokenRevokeAccessor({ accessor: (await byAccessor.tokenLookupSelf()).data.accessor });
      for (const gone of [byId, byAccessor]) await expect(gone.tokenLookupSelf()).rejects.toMatchObject(status(403));
    });

    test('an orphan outlives its maker, and children can be left behind as orphans', async () => {
      const vault = client();
      const { token: maker } = await clientWith({ policies: ['root'] });
      const { auth: child } = await client({ token: maker }).tokenCreate({ ttl: '1h' });
      const { auth: orphan } = await client({ token: maker }).tokenCreateOrphan({ ttl: '1h' });
      expect((await vault.tokenLookup({ token: child.client_token })).data.orphan).toBe(false);
      await vault.tokenRevokeOrphan({ token: maker });
      for (const { client_token: token } of [child, orphan]) expect((await vault.tokenLookup({ token })).data.orphan).toBe(true);
    });

    test('a role for tokens is made, listed, read, used and removed', async () => {
      const vault = client();
      await vault.addTokenRole({ role_name: 'app', allowed_policies: 'default', orphan: true });
      expect((await vault.tokenRoles()).data.keys).toEqual(['app']);
      expect((await vault.getTokenRole({ role_name: 'app' })).data).toMatchObject({ allowed_policies: ['default'], orphan: true });
      expect((await client().tokenCreateRole({ role_name: 'app' })).auth).toMatchObject({ orphan: true, policies: ['default'] });
      await vault.removeTokenRole({ role_name: 'app' });
      await expect(vault.getTokenRole({ role_name: 'app' })).rejects.toMatchObject(status(404));
    });

    test('the client renews its token by itself', async () => {
      const own = await clientWith({});
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      try {
        await own.startTokenRenewal({ ttl: 3600 });
        const renewed = new Promise((resolve, reject) => {
          own.on('token:renewed', resolve);
          own.on('token:error:renew', reject);
        });
        await vi.advanceTimersByTimeAsync(0.8 * 3600 * 1000);
        expect(await renewed).toMatchObject({ auth: { client_token: own.token, lease_duration: 3600 } });
      } finally {
        own.stopAllRenewals();
        vi.useRealTimers();
      }
    });
  });

  describe('logins', () => {
    test('auth mounts are made, listed and removed', async () => {
      const vault = client();
      await vault.enableAuth({ mount_point: 'people', type: 'userpass', description: 'who has a password' });
      expect((await vault.auths()).data).toMatchObject({
        'people/': { type: 'userpass', description: 'who has a password' },
        'token/': { type: 'token' },
      });
      await vault.disableAuth({ mount_point: 'people' });
      expect((await vault.auths()).data).not.toHaveProperty('people/');
    });

    test('userpass: who has the password gets a token', async () => {
      const vault = client();
      await vault.enableAuth({ mount_point: 'userpass', type: 'userpass' });
      await vault.write('auth/userpass/users/ada', { password: 'correct horse', policies: ['default'] });
      const own = client({ token: '' });
      expect((await own.userpassLogin({ username: 'ada', password: 'correct horse' })).auth).toMatchObject({ metadata: { username: 'ada' } });
      expect((await own.tokenLookupSelf()).data.path).toBe('auth/userpass/login/ada');
      await expect(own.userpassLogin({ username: 'ada', password: 'wrong' })).rejects.toMatchObject(status(400));
    });

    test('AppRole: roles and secret ids are made, looked up, destroyed, and logged in with', async () => {
      const vault = client();
      const role = { role_name: 'app' };
      await vault.enableAuth({ mount_point: 'approle', type: 'approle' });
      await vault.addApproleRole({ ...role, policies: 'default', secret_id_num_uses: 2 });
      expect((await vault.getApproleRole(role)).data).toMatchObject({ token_policies: ['default'], secret_id_num_uses: 2 });
      await session.list(vault.approleRoles(), (answer) => expect(answer).resolves.toMatchObject({ data: { keys: ['app'] } }));
      await vault.updateApproleRoleId({ ...role, role_id: 'the-app' });
      const { role_id } = (await vault.getApproleRoleId(role)).data;
      expect(role_id).toBe('the-app');

      const { secret_id, secret_id_accessor } = (await vault.getApproleRoleSecret(role)).data;
      await session.list(vault.approleSecretAccessors(role), (answer) =>
        expect(answer).resolves.toMatchObject({ data: { keys: [secret_id_accessor] } }),
      );
      expect((await vault.approleSecretLookup({ ...role, secret_id })).data).toMatchObject({ secret_id_accessor });
      expect((await vault.approleSecretAccessorLookup({ ...role, secret_id_accessor })).data).toMatchObject({ secret_id_num_uses: 2 });

      const own = client({ token: '' });
      expect((await own.approleLogin({ role_id, secret_id })).auth).toMatchObject({ metadata: { role_name: 'app' } });
      expect((await own.tokenLookupSelf()).data.path).toBe('auth/approle/login');
      await vault.approleSecretDestroy({ ...role, secret_id });
      await expect(own.approleLogin({ role_id, secret_id })).rejects.toMatchObject(status(400));
      const other = (await vault.getApproleRoleSecret(role)).data;
      await vault.approleSecretAccessorDestroy({ ...role, secret_id_accessor: other.secret_id_accessor });
      await expect(own.approleLogin({ role_id, secret_id: other.secret_id })).rejects.toMatchObject(status(400));
      await vault.deleteApproleRole(role);
      await expect(vault.getApproleRole(role)).rejects.toMatchObject(status(404));
    });

    test('JWT: who has a token of the issuer gets one of ours', async () => {
      const vault = client();
      const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      await vault.enableAuth({ mount_point: 'jwt', type: 'jwt' });
      await vault.write('auth/jwt/config', { jwt_validation_pubkeys: [publicKey.export({ type: 'spki', format: 'pem' })] });
      await vault.write('auth/jwt/role/app', { role_type: 'jwt', bound_audiences: ['sealkv'], user_claim: 'sub', token_policies: ['default'] });
      const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
      const signed = `${encode({ alg: 'RS256' })}.${encode({ sub: 'ada', aud: 'sealkv', exp: Date.now() / 1000 + 60 })}`;
      const jwt = `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
      expect((await client({ token: '' }).jwtLogin({ role: 'app', jwt })).auth).toMatchObject({ policies: ['default'], metadata: { role: 'app' } });
    });
  });

  test('what is wrapped is unwrapped once', async () => {
    const vault = client();
    await vault.write('secret/data/gift', { data: { what: 'a book' } });
    const { wrap_info } = await vault.read('secret/data/gift', { headers: { 'X-Vault-Wrap-TTL': '60' } });
    const recipient = client({ token: wrap_info.token });
    expect((await recipient.unwrap()).data.data).toEqual({ what: 'a book' });
    await expect(recipient.unwrap()).rejects.toMatchObject(status(400));
  });

  test('the audit log is switched on, shown and switched off', async () => {
    const vault = client();
    await vault.enableAudit({ name: 'log', type: 'store' });
    expect((await vault.audits()).data).toMatchObject({ 'log/': { type: 'store' } });
    await vault.disableAudit({ name: 'log' });
    expect((await vault.audits()).data).toEqual({});
  });

  test('there are no leases to renew; revoking one that is not there is fine', async () => {
    const vault = client();
    await expect(vault.renew({ lease_id: 'secret/data/app/1' })).rejects.toMatchObject(refusal(400, 'lease not found'));
    await vault.revoke({ lease_id: 'secret/data/app/1' });
  });
});
