import { data } from '../../reply.ts';
import type { Route } from '../../route.ts';
import { route } from '../../route.ts';
import type { AuthMount } from '../auth-mount.ts';
import { sweepSecretIds } from './secret-id-entry.ts';

const MAX_SWEPT = 1000;

/** `tidy/secret-id`: removes secret ids that have expired. Housekeeping does so anyway, and none is good for anything after its time. */
export const tidySecretIds: Route<AuthMount> = route({
  pattern: 'tidy/secret-id',
  about: 'Removes up to 1,000 secret ids that have expired.',
  fields: {},
  operations: {
    async update({ services, store }, { id }: AuthMount) {
      await store.write(async (tx) => ({ result: undefined, writes: await sweepSecretIds(tx, id, services.clock(), MAX_SWEPT) }));
      return data(null, { status: 202 });
    },
  },
});
