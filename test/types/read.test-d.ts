import type { JsonObject, JsonValue, Metadata, MetadataWritten, PutResult, Secret, SecretEngine } from '@sealkv/core';

/** Compiles only if both types are the very same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;
declare function same<A, B>(_: Same<A, B>): void;

declare const secrets: SecretEngine;

async function reads(): Promise<void> {
  const login = await secrets.get('app/login');
  same<typeof login, Secret | undefined>(true);
  same<NonNullable<typeof login>['state'], 'live' | 'deleted' | 'destroyed'>(true);
  same<NonNullable<typeof login>['data'], JsonObject | null | undefined>(true);
  same<NonNullable<typeof login>['text'], string | undefined>(true);
  const user = login?.data?.user;
  same<typeof user, JsonValue | undefined>(true);
  // @ts-expect-error there may be no secret
  void login.data;
  // @ts-expect-error there may be no data
  void login?.data.user;
  // @ts-expect-error a member may be anything
  void login?.data?.user.length;
  // @ts-expect-error what was read is not to be written to
  if (login) login.version = 2;
  // @ts-expect-error what was read is not to be written to
  if (login?.data) login.data['user'] = 'bob';

  const metadata = await secrets.getMetadata('app/login');
  same<typeof metadata, Metadata | undefined>(true);
  const deletionAt = metadata?.versions.get(1)?.deletionAt;
  same<typeof deletionAt, Date | undefined>(true);
  same<NonNullable<typeof metadata>['deleteVersionAfterMs'], number>(true);
  const config = await secrets.getConfig();
  same<(typeof config)['deleteVersionAfterMs'], number | 'disabled'>(true);

  const names = await secrets.list('app/');
  same<typeof names, string[]>(true);
  for await (const name of secrets.names('app/')) same<typeof name, string>(true);
  const [detailed] = await secrets.listDetailed();
  same<NonNullable<typeof detailed>['metadata'], Metadata | undefined>(true);
  const nothing = await secrets.deleteMetadata('app/login');
  same<typeof nothing, void>(true);
}

async function atomicResults(): Promise<void> {
  const [written, removed, settings] = await secrets.atomic((tx) => [
    tx.put('app/a', { n: 1 }, { cas: 0 }),
    tx.delete('app/b'),
    tx.putMetadata('app/c', { maxVersions: 3 }),
  ]);
  same<typeof written, PutResult>(true);
  same<typeof removed, undefined>(true);
  same<typeof settings, MetadataWritten>(true);
  // @ts-expect-error there are three results
  const [, , , _fourth] = await secrets.atomic((tx) => [tx.put('a', {}), tx.delete('b'), tx.deleteMetadata('c')]);

  const [second] = await secrets.atomic((tx) => {
    tx.put('a', {});
    return [tx.put('b', {})];
  });
  same<typeof second, PutResult>(true);

  const all = await secrets.atomic((tx) => {
    tx.put('a', {});
    tx.delete('b');
  });
  same<typeof all, readonly (PutResult | MetadataWritten | undefined)[]>(true);

  // @ts-expect-error operations of atomic() need no value to be read
  void secrets.atomic((tx) => [tx.patch('a', {})]);
  // @ts-expect-error there are no reads in it
  void secrets.atomic((tx) => [tx.get('a')]);
}

async function metadataInput(): Promise<void> {
  await secrets.putMetadata('a', { maxVersions: 3, casRequired: true, deleteVersionAfterMs: 0, customMetadata: { owner: 'ada' } });
  await secrets.putMetadata('a', { customMetadata: null, maxVersions: undefined }, { metadataCas: 1 });
  await secrets.patchMetadata('a', { maxVersions: null, customMetadata: { owner: null, team: 'red' } });
  await secrets.putConfig({ deleteVersionAfterMs: 'disabled', maxVersions: 3 });
  // @ts-expect-error only a patch removes by null
  await secrets.putMetadata('a', { maxVersions: null });
  // @ts-expect-error only a patch removes members
  await secrets.putMetadata('a', { customMetadata: { owner: null } });
  // @ts-expect-error custom metadata are texts
  await secrets.putMetadata('a', { customMetadata: { n: 1 } });
  // @ts-expect-error a secret's own setting can't switch expiry off
  await secrets.putMetadata('a', { deleteVersionAfterMs: 'disabled' });
  // @ts-expect-error Vault's names are those of the wire
  await secrets.putMetadata('a', { max_versions: 3 });
}

export type { atomicResults, metadataInput, reads };
