import VaultClient from 'node-vault-client';
import { expect, test, vi } from 'vitest';
import { describeClient } from './places.ts';

const status = (statusCode: number): object => ({ name: 'StatusCodeError', statusCode });

describeClient('node-vault-client', { refusedVerb: (answer) => expect(answer).rejects.toMatchObject(status(501)) }, (session) => {
  const clientWith = (auth: VaultClient.Options['auth'], logger: VaultClient.Options['logger'] = false): VaultClient =>
    session.counted(new VaultClient({ api: { url: session.url }, auth, logger }));
  const client = (token = session.rootToken): VaultClient => clientWith({ type: 'token', config: { token } });

  test('a secret of KV v1 is written, read and listed', async () => {
    const vault = client();
    await vault.write('sys/mounts/kv1', { type: 'kv', options: { version: '1' } });
    await vault.write('kv1/app', { user: 'ada' });
    const lease = await vault.read('kv1/app');
    expect([lease.getData(), lease.getValue('user'), lease.isRenewable()]).toEqual([{ user: 'ada' }, 'ada', false]);
    await vault.write('kv1/folder/deep', { n: 1 });
    await session.list(vault.list('kv1'), async (answer) => expect((await answer).getValue('keys')).toEqual(['app', 'folder/']));
    await expect(vault.read('kv1/nothing')).rejects.toMatchObject({ ...status(404), error: { errors: [] } });
  });

  test('a secret of KV v2 is written, read and listed', async () => {
    const vault = client();
    expect(await vault.write('secret/data/app', { data: { user: 'ada' } })).toMatchObject({ data: { version: 1 } });
    expect((await vault.read('/secret/data/app')).getValue('data')).toEqual({ user: 'ada' });
    await session.list(vault.list('secret/metadata'), async (answer) => expect((await answer).getValue('keys')).toEqual(['app']));
    await session.list(vault.list('secret/metadata/nothing'), (answer) => expect(answer).rejects.toMatchObject(status(404)));
    await vault.write('secret/delete/app', { versions: [1] });
    await expect(vault.read('secret/data/app')).rejects.toMatchObject({ ...status(404), error: { data: { metadata: { version: 1 } } } });
  });

  test('a wrong token is refused before anything is asked for', async () => {
    await expect(client('s.wrong').read('secret/data/app')).rejects.toMatchObject({ ...status(403), error: { errors: ['permission denied'] } });
  });

  test('an empty namespace is the root namespace', async () => {
    const vault = clientWith({ type: 'token', config: { token: session.rootToken, namespace: '' } });
    expect(await vault.write('secret/data/rooted', { data: {} })).toMatchObject({ data: { version: 1 } });
  });

  test('a client is booted once for each name', async () => {
    const options = { api: { url: session.url }, auth: { type: 'token', config: { token: session.rootToken } }, logger: false } as const;
    const vault = VaultClient.boot('main', options);
    expect([VaultClient.boot('main', options), VaultClient.get('main')]).toEqual([vault, vault]);
    expect((await session.counted(vault).read('auth/token/lookup-self')).getValue('policies')).toEqual(['root']);
    VaultClient.clear();
  });

  test('AppRole: the client logs in, and renews its token by itself', async () => {
    const root = client();
    await root.write('sys/auth/approle', { type: 'approle' });
    await root.write('auth/approle/role/app', { role_id: 'the-app', token_policies: ['default'], token_ttl: '1h' });
    const secretId = await root.write('auth/approle/role/app/secret-id', {});
    const { secret_id } = (secretId as { data: { secret_id: string } }).data;

    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const lines: string[] = [];
      const renewed = Promise.withResolvers<void>();
      const info = (line: unknown): void => {
        lines.push(String(line));
        if (line === 'successfully renewed token') renewed.resolve();
      };
      const error = (...line: unknown[]): void => renewed.reject(new Error(line.join(' ')));
      const quiet = (): void => undefined;
      const logger = { info, error, warn: quiet, debug: quiet, trace: quiet };
      const vault = clientWith({ type: 'appRole', config: { role_id: 'the-app', secret_id } }, logger);
      expect((await vault.read('auth/token/lookup-self')).getData()).toMatchObject({
        path: 'auth/approle/login',
        policies: ['default'],
        renewable: true,
      });
      await vi.advanceTimersByTimeAsync(1800_000);
      await renewed.promise;
      expect(lines).toContain('successfully renewed token');
      expect((await vault.read('auth/token/lookup-self')).getData()).toHaveProperty('last_renewal_time');
    } finally {
      vi.useRealTimers();
    }

    const stranger = clientWith({ type: 'appRole', config: { role_id: 'the-app', secret_id: 'wrong' } });
    await expect(stranger.read('secret/data/app')).rejects.toMatchObject(status(400));
  });
});
