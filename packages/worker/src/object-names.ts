import type { NamespaceObject } from './namespace-object.ts';

/**
 * How Durable Objects are named: all of it is here, because names can't be changed once there is data behind them
 * (`docs/decisions/0003-object-names.md`).
 *
 * The root namespace is the one object with a name. No other name is ever made, least of all out of anything that a client sent.
 */
const ROOT = 'root';

/** The object that a request is for. */
export function objectFor(objects: DurableObjectNamespace<NamespaceObject>): DurableObjectStub<NamespaceObject> {
  return objects.get(objects.idFromName(ROOT));
}
