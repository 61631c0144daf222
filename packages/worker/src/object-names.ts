import type { NamespaceObject } from './namespace-object.ts';

/**
 * How Durable Objects are named: all of it is here, because names can't be changed once there is data behind them
 * (`docs/decisions/0003-object-names.md`).
 *
 * The root namespace is the one object with a name. No other name is ever made, least of all out of anything that a client sent.
 */
const ROOT = 'root';

/**
 * The object that a request is for: that of the namespace whose id its token ends in, else the root object. An id that this Worker never made is refused
 * by the runtime, so it leads to the root object too, where the token is unknown.
 */
export function objectFor(objects: DurableObjectNamespace<NamespaceObject>, token: string | undefined): DurableObjectStub<NamespaceObject> {
  const id = /^[sb]\.[\w-]+\.([0-9a-f]{64})$/.exec(token ?? '')?.[1];
  return objects.get((id === undefined ? undefined : knownId(objects, id)) ?? objects.idFromName(ROOT));
}

/** The id of a namespace's object, as it came from {@link newNamespaceId}. */
export function objectWithId(objects: DurableObjectNamespace<NamespaceObject>, id: string): DurableObjectStub<NamespaceObject> {
  return objects.get(objects.idFromString(id));
}

/**
 * The id of a new namespace's object: random, and where its data is to stay part of it.
 * @throws the runtime's error for a jurisdiction that it does not know
 */
export function newNamespaceId(objects: DurableObjectNamespace<NamespaceObject>, jurisdiction: string | undefined): string {
  const within = jurisdiction === undefined ? objects : objects.jurisdiction(jurisdiction as DurableObjectJurisdiction);
  return within.newUniqueId().toString();
}

export function isRoot(objects: DurableObjectNamespace<NamespaceObject>, id: DurableObjectId): boolean {
  return id.equals(objects.idFromName(ROOT));
}

function knownId(objects: DurableObjectNamespace<NamespaceObject>, id: string): DurableObjectId | undefined {
  try {
    return objects.idFromString(id);
  } catch {
    return undefined;
  }
}
