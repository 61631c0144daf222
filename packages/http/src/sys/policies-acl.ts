import { listing } from '../kv/listing.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { listPolicies, patchPolicy, policyFields, policyOut, readPolicy, removePolicy, writePolicy } from './policies.ts';

/** `sys/policies/acl`: the names of all policies. */
export const policies: Route = route({
  pattern: 'policies/acl/?',
  about: 'All policies.',
  fields: {},
  operations: { list: async (call) => listing([...(await listPolicies(call, '')).keys()]) },
});

/** `sys/policies/acl/:name`: what tokens that have the policy may do. */
export const policy: Route = route({
  pattern: 'policies/acl/:name+',
  about: 'A policy; the list is of those whose names start so.',
  grows: ['update', 'patch'],
  fields: policyFields,
  operations: {
    async read(call) {
      const found = await readPolicy(call, call.params['name']!);
      return found && data(found);
    },
    list: async (call) => listing([...(await listPolicies(call, call.params['name']!)).keys()]),
    update: (call) => writePolicy(call, call.params['name']!, call.values),
    patch: (call) => patchPolicy(call, call.params['name']!, call.values),
    delete: (call) => removePolicy(call, call.params['name']!),
  },
});

/** `sys/policies/detailed/acl`: all policies, and what each of them says. */
export const detailedPolicies: Route = route({
  pattern: 'policies/detailed/acl/:name*',
  about: 'All policies with their texts.',
  fields: {},
  operations: {
    async list(call) {
      const found = await listPolicies(call, call.params['name']!);
      const info = new Map(Array.from(found, ([name, record]) => [name, policyOut(name, record)] as const));
      return listing([...found.keys()], { key_info: info });
    },
  },
});
