import { badRequest, multiError } from '../api-error.ts';
import type { Acl } from '../policy/acl.ts';
import { capabilitiesOf } from '../policy/acl.ts';
import { loadAcl } from '../policy/policy-store.ts';
import type { Reply } from '../reply.ts';
import { data } from '../reply.ts';
import { sortedByName } from '../json-out.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { credentialsOf } from '../tokens/credentials.ts';
import { loadByAccessor, loadNamed } from '../tokens/named-token.ts';

const pathFields = {
  paths: { type: 'strings', about: 'What is asked about: paths behind `/v1/`.' },
  path: { type: 'strings', about: 'An old name of `paths`.' },
} as const;

/** `sys/capabilities-self`: what the caller may do. */
export const capabilitiesSelf: Route = route({
  pattern: 'capabilities-self',
  about: 'What the token of the request may do with paths.',
  injected: true,
  fields: { ...pathFields, token: { type: 'string', about: 'Not looked at.' } },
  operations: {
    async update({ services, store, admission, values }) {
      const paths = pathsOf(values);
      const { acl, prefix } = await store.read(async () => admission.caller.policies);
      return capabilitiesReply(paths, (path) => capabilitiesOf(acl, prefix + path, services.clock()));
    },
  },
});

/** `sys/capabilities`: what the holder of a token may do. */
export const capabilities: Route = route({
  pattern: 'capabilities',
  about: 'What a token may do with paths.',
  injected: true,
  fields: { ...pathFields, token: { type: 'string', about: 'The token.' } },
  operations: {
    async update({ services, store, admission, values }) {
      const id = values.token;
      if (!id) throw badRequest(multiError('no token found'));
      const paths = pathsOf(values);
      const credentials = await credentialsOf(id, services);
      const now = services.clock();
      const acl = await store.read(async (tx): Promise<Acl> => {
        const named = await loadNamed(tx, credentials, admission.caller, now);
        if (named === undefined) throw badRequest(multiError('invalid token'));
        return loadAcl(tx, named.entry.policies, now);
      });
      return capabilitiesReply(paths, (path) => capabilitiesOf(acl, path, now));
    },
  },
});

/** `sys/capabilities-accessor`: for who has no token, only its accessor. */
export const capabilitiesAccessor: Route = route({
  pattern: 'capabilities-accessor',
  about: 'What the token with an accessor may do with paths.',
  injected: true,
  fields: { ...pathFields, accessor: { type: 'string', about: 'The accessor of the token.' } },
  operations: {
    async update({ services, store, admission, values }) {
      const { accessor } = values;
      if (!accessor) throw badRequest('missing accessor');
      const paths = pathsOf(values);
      const now = services.clock();
      const acl = await store.read(async (tx): Promise<Acl> => {
        const named = await loadByAccessor(tx, accessor, admission.caller, now);
        if (named === undefined) throw badRequest(multiError('invalid accessor'));
        return loadAcl(tx, named.entry.policies, now);
      });
      return capabilitiesReply(paths, (path) => capabilitiesOf(acl, path, now));
    },
  },
});

function pathsOf({
  paths = [],
  path = [],
}: {
  readonly paths?: readonly string[] | undefined;
  readonly path?: readonly string[] | undefined;
}): readonly string[] {
  const asked = paths.length > 0 ? paths : path;
  if (asked.length === 0) throw badRequest('paths must be supplied');
  if (asked.includes('')) throw badRequest(multiError('missing path'));
  return asked;
}

function capabilitiesReply(paths: readonly string[], of: (path: string) => readonly string[]): Reply {
  const byPath = new Map(paths.map((path) => [path, of(path)]));
  // So that who asks about one path need not look it up.
  if (paths.length === 1) byPath.set('capabilities', of(paths[0]!));
  return data(sortedByName(byPath));
}
