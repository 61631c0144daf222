import type { Tree } from '@sealkv/core/json';
import { badRequest } from '../api-error.ts';
import { decodeString } from '../fields.ts';
import type { Out } from '../json-out.ts';
import { sortedByName } from '../json-out.ts';
import type { NamespaceEntry } from '../namespaces/namespace-entry.ts';
import { deleteNamespace, loadNamespace, loadNamespaces, parseNamespaceName, putNamespace } from '../namespaces/namespace-entry.ts';
import type { NamespacePort } from '../namespaces/namespace-port.ts';
import { data, empty } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';

/** `sys/namespaces`: the tenants. */
export const namespaces: Route = route({
  pattern: 'namespaces/?',
  about: 'All namespaces.',
  fields: {},
  operations: {
    async list({ store }) {
      const all = await store.read(loadNamespaces);
      if (all.size === 0) return data({});
      const info = Array.from(all, ([name, entry]): [string, Out] => [`${name}/`, namespaceOut(name, entry)]);
      return data({ key_info: new Map(info), keys: info.map(([name]) => name) });
    },
  },
});

/** `sys/namespaces/:path`: one tenant. Its data, tokens and policies are in an object of its own. */
export const namespace: Route = route({
  pattern: 'namespaces/:path+',
  about: 'A namespace: make it, look at it, or remove it with everything in it.',
  fields: {
    custom_metadata: { type: 'texts', about: 'Names and texts of your own.' },
    jurisdiction: { type: 'string', about: 'Where its data is to stay, such as `eu`; only when it is made.' },
  },
  operations: {
    async read({ store, params }) {
      const name = parseNamespaceName(params['path']!);
      const entry = await store.read((tx) => loadNamespace(tx, name));
      return entry && data(namespaceOut(name, entry));
    },

    async update({ services, store, params, values }) {
      const name = parseNamespaceName(params['path']!);
      const port = mustPort(services.namespaces);
      const customMetadata = values.custom_metadata && Object.fromEntries(values.custom_metadata);
      const fresh = {
        id: port.newId({ jurisdiction: values.jurisdiction || undefined }),
        uuid: services.newUuid(),
        customMetadata: customMetadata ?? {},
      };
      const entry = await store.write(async (tx) => {
        const before = await loadNamespace(tx, name);
        const after = before === undefined ? fresh : { ...before, customMetadata: customMetadata ?? before.customMetadata };
        return { result: after, writes: [putNamespace(name, after)] };
      });
      return data(namespaceOut(name, entry));
    },

    async patch({ store, params, input }) {
      const name = parseNamespaceName(params['path']!);
      const patch = input.get('custom_metadata');
      const entry = await store.write(async (tx) => {
        const before = await loadNamespace(tx, name);
        if (before === undefined) return { result: undefined, writes: [] };
        const after = { ...before, customMetadata: patched(before.customMetadata, patch) };
        return { result: after, writes: [putNamespace(name, after)] };
      });
      return entry === undefined ? empty(404) : data(namespaceOut(name, entry));
    },

    async delete({ services, store, params }) {
      const name = parseNamespaceName(params['path']!);
      const port = mustPort(services.namespaces);
      const entry = await store.write(async (tx) => {
        const before = await loadNamespace(tx, name);
        return { result: before, writes: before === undefined ? [] : deleteNamespace(name, before) };
      });
      if (entry === undefined) return data(null, { warnings: ['requested namespace does not exist'] });
      // From here on nobody gets there through the registry; the object's own tokens end with this call.
      await port.end(entry.id);
      return data({ status: 'in-progress' });
    },
  },
});

function patched(before: NamespaceEntry['customMetadata'], patch: Tree | undefined): NamespaceEntry['customMetadata'] {
  if (patch === undefined) return before;
  if (patch === 'null') return {};
  if (!(patch instanceof Map)) throw badRequest('custom_metadata must be an object');
  const after = new Map(Object.entries(before));
  for (const [name, member] of patch as ReadonlyMap<string, Tree>) {
    if (member === 'null') after.delete(name);
    else after.set(name, decodeString(member));
  }
  return Object.fromEntries(after);
}

function mustPort(port: NamespacePort | undefined): NamespacePort {
  if (port === undefined) throw badRequest('operation only available in root namespace');
  return port;
}

function namespaceOut(name: string, { id, uuid, customMetadata }: NamespaceEntry): Out {
  return { custom_metadata: sortedByName(Object.entries(customMetadata)), id, locked: false, path: `${name}/`, tainted: false, uuid };
}
