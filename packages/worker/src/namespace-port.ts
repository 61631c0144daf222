import type { NamespacePort } from '@sealkv/http';
import { ApiError } from '@sealkv/http';
import type { NamespaceObject } from './namespace-object.ts';
import { newNamespaceId, objectWithId } from './object-names.ts';

/** How the root namespace reaches the others: by calls from object to object. */
export function namespacePort(objects: DurableObjectNamespace<NamespaceObject>): NamespacePort {
  return {
    newId({ jurisdiction }) {
      try {
        return newNamespaceId(objects, jurisdiction);
      } catch {
        throw new ApiError(400, `the jurisdiction "${jurisdiction}" is not to be had here`);
      }
    },
    forward: async (forwarded) => objectWithId(objects, forwarded.to.id).handleForwarded(forwarded),
    end: async (id) => objectWithId(objects, id).end(),
  };
}
