import type { Reply } from '../reply.ts';
import { data } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { route } from '../route.ts';
import { listPolicies, policyFields, readPolicy, removePolicy, writePolicy } from './policies.ts';

/** `sys/policy`: as clients from before there was `sys/policies/acl` ask for it. */
export const oldPolicies: Route = route({
  pattern: 'policy/?',
  about: 'All policies.',
  injected: true,
  fields: {},
  operations: { read: (call) => list(call, ''), list: (call) => list(call, '') },
});

/** `sys/policy/:name`: the text is called `rules`. */
export const oldPolicy: Route = route({
  pattern: 'policy/:name+',
  about: 'A policy; the list is of those whose names start so.',
  injected: true,
  grows: ['update'],
  fields: { ...policyFields, rules: { type: 'string', about: 'An old name of `policy`.' } },
  operations: {
    async read(call) {
      const found = await readPolicy(call, call.params['name']!);
      if (found === undefined) return undefined;
      const { policy, version, ...facts } = found;
      return data({ ...facts, rules: policy!, version: version! });
    },
    list: (call) => list(call, call.params['name']!),
    update(call) {
      const { policy, rules = '', ...values } = call.values;
      if (policy) return writePolicy(call, call.params['name']!, { ...values, policy });
      return writePolicy(
        call,
        call.params['name']!,
        { ...values, policy: rules },
        { warnings: ["'rules' is deprecated, please use 'policy' instead"] },
      );
    },
    delete: (call) => removePolicy(call, call.params['name']!),
  },
});

async function list(call: Pick<Call, 'services' | 'store'>, folder: string): Promise<Reply> {
  const keys = [...(await listPolicies(call, folder)).keys()];
  return data(keys.length === 0 ? {} : { keys, policies: keys });
}
