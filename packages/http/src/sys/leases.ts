import { badRequest } from '../api-error.ts';
import { data } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { route } from '../route.ts';

/*
 * Nothing here gives leases that could be looked up: secrets of KV have none, and tokens are ended through `auth/token`. These endpoints answer what
 * OpenBao answers where there are no leases, as some clients ask them before they finish.
 */

const lease = { type: 'string', about: 'The id of a lease.' } as const;

// Other types there are none, and OpenBao then finds nothing: 404.
const irrevocable = {
  type: { type: 'string', about: '`irrevocable`.' },
  include_child_namespaces: { type: 'bool', about: 'Of no effect.' },
} as const;

const leaseCount: Route = route({
  pattern: 'leases/count',
  about: 'How many leases could not be ended. There are none.',
  fields: irrevocable,
  operations: { read: async ({ values }) => (values.type === 'irrevocable' ? data({ counts: {}, lease_count: 0 }) : undefined) },
});

const leasesLeft: Route = route({
  pattern: 'leases',
  about: 'The leases that could not be ended. There are none.',
  needsSudo: true,
  fields: { ...irrevocable, limit: { type: 'string', about: 'How many at most; or `none`.' } },
  operations: {
    async read({ values: { type, limit } }) {
      if (type !== 'irrevocable') return undefined;
      if (limit !== undefined && limit !== 'none' && !/^[1-9]\d*$/.test(limit)) throw badRequest("limit must be 'none' or a positive integer");
      return data({ lease_count: 0, leases: [] });
    },
  },
});

const leaseLookup: Route = route({
  pattern: 'leases/lookup',
  about: 'A lease. There are none.',
  fields: { lease_id: lease },
  operations: {
    async update({ values }) {
      if (!values.lease_id) throw badRequest('lease_id must be specified');
      throw badRequest('invalid lease');
    },
  },
});

const leaseList: Route = route({
  pattern: 'leases/lookup/:prefix*',
  about: 'The leases below a prefix. There are none.',
  needsSudo: true,
  fields: {},
  operations: { list: async () => undefined },
});

/** With the id in the path or as a parameter. */
const leaseRenew: readonly Route[] = ['leases/renew', 'leases/renew/:url_lease_id+'].map((pattern) =>
  route({
    pattern,
    about: 'Renews a lease. There are none.',
    fields: { lease_id: lease, increment: { type: 'signedDuration', about: 'How long it is to live from now on.' } },
    operations: {
      async update(call) {
        mustGiveLease(call);
        throw badRequest('lease not found');
      },
    },
  }),
);

const leaseRevoke: readonly Route[] = ['leases/revoke', 'leases/revoke/:url_lease_id+'].map((pattern) =>
  route({
    pattern,
    about: 'Ends a lease. There are none, which is fine.',
    fields: { lease_id: lease, sync: { type: 'bool', about: 'Of no effect.' } },
    operations: {
      async update(call) {
        mustGiveLease(call);
        return undefined;
      },
    },
  }),
);

const revokeBelow = async ({ params }: Call): Promise<undefined> => {
  // OpenBao ends tokens by this. To say that it was done, when it was not, would be worse than to refuse.
  if (/^\/?auth(?:\/|$)/.test(params['prefix']!))
    throw badRequest('tokens have no leases here: revoke them through auth/token, or disable the auth mount');
};

const leaseRevokePrefix: Route = route({
  pattern: 'leases/revoke-prefix/:prefix+',
  about: 'Ends all leases below a prefix. There are none, which is fine; tokens are not ended this way.',
  needsSudo: true,
  fields: { sync: { type: 'bool', about: 'Of no effect.' } },
  operations: { update: revokeBelow },
});

const leaseRevokeForce: Route = route({
  pattern: 'leases/revoke-force/:prefix+',
  about: 'As `revoke-prefix`.',
  needsSudo: true,
  fields: {},
  operations: { update: revokeBelow },
});

const leaseTidy: Route = route({
  pattern: 'leases/tidy',
  about: 'Removes what is left of leases. Nothing is.',
  fields: {},
  operations: { update: async () => data(null, { status: 202 }) },
});

function mustGiveLease({ values, params }: Call<{ readonly lease_id: typeof lease }>): void {
  if (!values.lease_id && !params['url_lease_id']) throw badRequest('lease_id must be specified');
}

export const leases: readonly Route[] = [
  leaseCount,
  leasesLeft,
  leaseLookup,
  leaseList,
  ...leaseRenew,
  ...leaseRevoke,
  leaseRevokePrefix,
  leaseRevokeForce,
  leaseTidy,
];
