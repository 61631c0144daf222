import { printTree } from '@sealkv/core/json';
import type { Out } from '../json-out.ts';
import { ExactJson, sortedByName } from '../json-out.ts';
import type { Permissions } from '../policy/acl.ts';
import { permissionsByPattern } from '../policy/acl.ts';
import type { Parameters } from '../policy/parameters.ts';
import type { Capability } from '../policy/parse-policy.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';

/** `sys/internal/ui/resultant-acl`: by which a user interface knows what to offer. */
export const resultantAcl: Route = route({
  pattern: 'internal/ui/resultant-acl',
  about: 'What all policies of the token of the request allow together.',
  fields: {},
  operations: {
    async read({ services, store, admission }) {
      const { acl } = await store.read(async () => admission.caller.policies);
      if (acl.isRoot) return data({ root: true });
      const { exact, prefixes } = permissionsByPattern(acl, services.clock());
      return data({ exact_paths: patternsOut(exact), glob_paths: patternsOut(prefixes), root: false });
    },
  },
});

function patternsOut(patterns: ReadonlyMap<string, Permissions>): Out {
  return sortedByName(Array.from(patterns, ([text, permissions]) => [text, permissionsOut(permissions)] as const));
}

// In OpenBao's order.
const SHOWN: readonly Capability[] = ['create', 'delete', 'list', 'read', 'sudo', 'update', 'patch', 'scan'];

function permissionsOut(permissions: Permissions): Out {
  const capabilities = SHOWN.filter((capability) => permissions.capabilities.has(capability));
  const { minWrappingTtlSeconds: min, maxWrappingTtlSeconds: max, allowedParameters, deniedParameters, requiredParameters } = permissions;
  return {
    ...(allowedParameters.size > 0 && { allowed_parameters: parametersOut(allowedParameters) }),
    capabilities: capabilities.length === 0 ? ['deny'] : capabilities,
    ...(deniedParameters.size > 0 && { denied_parameters: parametersOut(deniedParameters) }),
    ...(max !== undefined && { max_wrapping_ttl: Math.trunc(max) }),
    ...(min !== undefined && { min_wrapping_ttl: Math.trunc(min) }),
    ...(requiredParameters.size > 0 && { required_parameters: [...requiredParameters] }),
  };
}

function parametersOut(parameters: Parameters): Out {
  return sortedByName(Array.from(parameters, ([name, values]) => [name, values.map((value) => new ExactJson(printTree(value)))] as const));
}
