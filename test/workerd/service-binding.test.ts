import { isSealKvError } from '@sealkv/core';
import { exports } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import type { Secrets } from '../../packages/worker/src/secrets-entrypoint.ts';

/** What a Worker with such a service binding has in its `env`. */
type Binding = (options: { readonly props: { readonly mount?: string } }) => Service<Secrets>;
const bind = (exports as unknown as { readonly Secrets: Binding }).Secrets;
const secrets = bind({ props: {} });

test('a Worker with a service binding calls the engine: values, versions, metadata and lists', async () => {
  const put = await secrets.put('app/login', { user: 'ada' }, { cas: 0 });
  expect([put.version, put.createdAt]).toEqual([1, expect.any(Date)]);
  await secrets.putText('app/login', '{"n":12345678901234567890}');
  expect((await secrets.get('app/login'))?.text).toBe('{"n":12345678901234567890}');
  expect((await secrets.get('app/login', { version: 1 }))?.data).toEqual({ user: 'ada' });
  await secrets.patch('app/login', { user: 'grace' });
  await secrets.putMetadata('app/login', { customMetadata: { owner: 'ada' } });
  expect((await secrets.getMetadata('app/login'))?.versions.size).toBe(3);
  await secrets.delete('app/login');
  expect((await secrets.get('app/login'))?.state).toBe('deleted');
  await secrets.undelete('app/login', [3]);
  await secrets.destroy('app/login', [1]);
  expect(await secrets.list('app')).toEqual(['login']);
  expect(await secrets.scan()).toEqual(['app/login']);
  expect((await secrets.listDetailed('app')).map(({ name, metadata }) => [name, metadata?.currentVersion])).toEqual([['login', 3]]);
  await secrets.deleteMetadata('app/login');
  expect(await secrets.get('app/login')).toBeUndefined();
});

test('an error keeps its code and its details on the way', async () => {
  await secrets.put('taken', { n: 1 });
  const error: unknown = await secrets.put('taken', { n: 2 }, { cas: 7 }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(isSealKvError(error, 'CAS_MISMATCH') && [error.path, error.expectedVersion, error.currentVersion]).toEqual(['taken', 7, 1]);
});

test('a binding is for one mount, which must be there', async () => {
  const error: unknown = await bind({ props: { mount: 'nowhere/' } })
    .get('a')
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  expect(isSealKvError(error, 'MOUNT_NOT_FOUND')).toBe(true);
});
