import type { ReadTx } from '@sealkv/core';
import { Admission } from '../admission.ts';
import { permissionDenied } from '../api-error.ts';
import { requestRecorder } from '../audit/request-recorder.ts';
import { needsBody } from '../endpoints.ts';
import { identify } from '../locate.ts';
import { loadPolicy } from '../policy/policy-store.ts';
import type { ApiAnswer, ApiRequest } from '../request.ts';
import { parseTarget, tokenOf } from '../request.ts';
import type { Services } from '../services.ts';
import type { Delegate } from '../tokens/credentials.ts';
import { addressedWithin, noSuchNamespace } from './address.ts';
import type { NamespaceEntry } from './namespace-entry.ts';
import { loadNamespace, loadOwnNamespace } from './namespace-entry.ts';

/**
 * Sends a request on to the namespace of this name, with whom it is from, which is verified here. At most once: a namespace has none below it.
 * @throws ApiError 403 before anything is told about which namespaces there are
 */
export async function forward(services: Services, request: ApiRequest, name: string): Promise<ApiAnswer> {
  const isLogin = tokenOf(request) === undefined && needsBody(request);
  const { entry, delegate } = isLogin ? await forLogin(services, name) : await forCaller(services, request, name);
  return services.namespaces!.forward({ to: { id: entry.id, path: `${name}/` }, request: addressedWithin(request, name), delegate });
}

export async function isAlive(tx: ReadTx): Promise<boolean> {
  const own = await loadOwnNamespace(tx);
  return own !== undefined && own !== 'ended';
}

interface Way {
  readonly entry: NamespaceEntry;
  readonly delegate: Delegate | undefined;
}

async function forLogin({ store }: Services, name: string): Promise<Way> {
  const entry = await store.read((tx) => loadNamespace(tx, name));
  // As where there is no such login.
  if (entry === undefined) throw permissionDenied();
  return { entry, delegate: undefined };
}

/** What the caller may do there is decided there, by the policies of here. A use of the token, and a record of its own, are left here. */
async function forCaller(services: Services, request: ApiRequest, name: string): Promise<Way> {
  const { operation, path } = parseTarget(request);
  const recorded = { id: services.newUuid(), operation, path, input: undefined };
  const admission = new Admission({
    store: services.store,
    credentials: await identify(services, request, undefined),
    clock: services.clock,
    recorder: requestRecorder(services, () => recorded),
    wanted: [],
  });
  return admission.scope.store.read(async (tx) => {
    const entry = await loadNamespace(tx, name);
    if (entry === undefined) throw noSuchNamespace();
    const caller = admission.caller.entry;
    const records = await Promise.all(caller.policies.map((policy) => loadPolicy(tx, policy, services.clock())));
    const policyTexts = records.flatMap((record) => (record === undefined ? [] : [record.text]));
    return { entry, delegate: { entry: caller, policyTexts, prefix: `${name}/` } };
  });
}
