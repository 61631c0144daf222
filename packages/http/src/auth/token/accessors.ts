import type { ReadTx } from '@sealkv/core';
import { data } from '../../reply.ts';
import { accessorKey, forEachEntry, readRecord } from '../../records.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import { loadToken } from '../../tokens/token-store.ts';

/** `auth/token/accessors`: of all tokens that are valid. Takes `sudo`, since an accessor is enough to end a token. */
export const accessors: Route = route({
  pattern: 'token/accessors/?',
  about: 'The accessors of all tokens.',
  needsSudo: true,
  fields: {},
  operations: {
    async list({ services, store }) {
      const keys = await store.read((tx) => loadAccessors(tx, services.clock()));
      return data({ keys });
    },
  },
});

async function loadAccessors(tx: ReadTx, now: number): Promise<string[]> {
  const prefix = accessorKey('');
  const found: string[] = [];
  await forEachEntry(tx, prefix, async ({ key, value }) => {
    const { hash } = readRecord<{ hash: string }>(value).facts;
    if ((await loadToken(tx, hash, now)) !== undefined) found.push(key.slice(prefix.length));
  });
  return found;
}
