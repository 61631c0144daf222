import { KvError, rawJson, SecretEngine } from '@sealkv/core';
import { Admission } from './admission.ts';
import { requestRecorder } from './audit/request-recorder.ts';
import type { Operation } from './request.ts';
import type { Services } from './services.ts';
import type { Delegate } from './tokens/credentials.ts';

/** The methods of `SecretEngine` that can be called from afar: their arguments and results are data. `putText` is `put` of exact JSON. */
export type EngineMethod =
  | 'put'
  | 'putText'
  | 'get'
  | 'patch'
  | 'delete'
  | 'deleteVersions'
  | 'undelete'
  | 'destroy'
  | 'subkeys'
  | 'getMetadata'
  | 'putMetadata'
  | 'patchMetadata'
  | 'deleteMetadata'
  | 'list'
  | 'scan'
  | 'listDetailed';

/** One call of a method, by somebody whom the platform vouches for: another Worker that was given a service binding. */
export interface EngineCall {
  /** The mount's path: `secret/`. */
  readonly mount: string;
  readonly method: EngineMethod;
  readonly args: readonly unknown[];
}

// As which request each would be known, had it come over HTTP: for the audit log.
const METHODS: Readonly<Record<EngineMethod, readonly [operation: Operation, endpoint: string]>> = {
  put: ['update', 'data'],
  putText: ['update', 'data'],
  get: ['read', 'data'],
  patch: ['patch', 'data'],
  delete: ['delete', 'data'],
  deleteVersions: ['update', 'delete'],
  undelete: ['update', 'undelete'],
  destroy: ['update', 'destroy'],
  subkeys: ['read', 'subkeys'],
  getMetadata: ['read', 'metadata'],
  putMetadata: ['update', 'metadata'],
  patchMetadata: ['patch', 'metadata'],
  deleteMetadata: ['delete', 'metadata'],
  list: ['list', 'metadata'],
  scan: ['scan', 'metadata'],
  listDetailed: ['list', 'detailed-metadata'],
};

/** No token: whoever may deploy a Worker with the binding may do everything with the mount. */
const SERVICE_BINDING: Delegate = {
  entry: {
    accessor: '',
    policies: ['root'],
    path: 'service binding',
    displayName: 'service-binding',
    numUses: 0,
    createdAt: 0,
    creationTtl: 0,
    explicitMaxTtl: 0,
    period: 0,
    renewable: false,
    type: 'service',
  },
  policyTexts: [],
  prefix: '',
};

/**
 * Calls the engine of a KV v2 mount. Recorded like a request, in the same transaction as what it does.
 * @throws whatever the engine does; KvError `MOUNT_NOT_FOUND`, `MOUNT_VERSION`; TypeError for a method there is not
 */
export async function callEngine(services: Services, { mount: path, method, args }: EngineCall): Promise<unknown> {
  if (!Object.hasOwn(METHODS, method)) throw new TypeError(`there is no method ${String(method)} to call`);
  const mount = await services.mounts.find(path);
  if (mount === undefined) throw new KvError('MOUNT_NOT_FOUND', { mount: path });
  const [operation, endpoint] = METHODS[method];
  const [secretPath = ''] = args;
  const wanted = { operation, path: `${mount.path}${endpoint}/${String(secretPath)}`, input: new Map() };
  const admission = new Admission({
    store: services.store,
    credentials: { kind: 'delegate', ...SERVICE_BINDING },
    clock: services.clock,
    recorder: requestRecorder(services, () => ({ id: services.newUuid(), ...wanted })),
    wanted: [wanted],
  });
  const engine = services.engineOf(mount, admission.scope);
  if (!(engine instanceof SecretEngine)) throw new KvError('MOUNT_VERSION', { mount: mount.path, version: mount.version });
  if (operation === 'update' || operation === 'patch') services.checkRoom();
  if (method === 'putText') return engine.put(args[0] as string, rawJson(args[1] as string), args[2] as object | undefined);
  return (engine[method] as (...given: readonly unknown[]) => Promise<unknown>).apply(engine, args as unknown[]);
}
