import type { MountBinding } from '@sealkv/core';
import { SecretEngine } from '@sealkv/core';
import type { Admission } from './admission.ts';
import { ApiError } from './api-error.ts';
import type { AuthMount } from './auth/auth-mount.ts';
import { findAuthMount, mountedStore, noHandler } from './auth/auth-mount.ts';
import type { Reply } from './reply.ts';
import type { RequestHead } from './request.ts';
import { parseTarget, tokenOf } from './request.ts';
import type { Call, Route } from './route.ts';
import { find } from './route.ts';
import { authRoutes, bases, kv1Routes, kv2Routes, unsupportedPath, unsupportedPathInAuth } from './routes.ts';
import type { Services } from './services.ts';

/*
 * Which row of the route table a path is for: below a fixed path, an auth mount or a KV mount.
 */

export interface Found {
  readonly route: Pick<Route, 'injected' | 'exists' | 'needsSudo' | 'grows' | 'open'>;
  readonly params: Readonly<Record<string, string>>;
  run(call: Omit<Call, 'values'>): Promise<Reply>;
}

export type Fixed = NonNullable<ReturnType<typeof find<undefined>>>;

export const AUTH = 'auth/';

const LOGIN = /^auth\/.+\/login(?:\/|$)/;

export const LOGIN_IN_NAMESPACE: RegExp = /^[^/]+\/auth\/.+\/login(?:\/|$)/;

export function findFixed(path: string): Fixed | undefined {
  const base = bases.find(({ prefix }) => path.startsWith(prefix) || `${path}/` === prefix);
  if (base === undefined) return undefined;
  const found = find(base.routes, path.slice(base.prefix.length));
  if (found === undefined && isInAuth(path)) return undefined;
  return found ?? { route: unsupportedPath, params: {} };
}

/** Whether a path is one of an auth mount; tokens have no mount. */
export function isInAuth(path: string): boolean {
  return path.startsWith(AUTH) && !path.startsWith('auth/token/') && path !== 'auth/token';
}

/** The login that a path is for, if there is such a mount and it has such a login. */
export async function findLogin(services: Services, path: string): Promise<Found | undefined> {
  if (!isInAuth(path) || !LOGIN.test(path)) return undefined;
  const mount = await services.store.read((tx) => findAuthMount(tx, path.slice(AUTH.length)));
  const found = mount && findInAuthMount(mount, path);
  return found?.route.open ? found : undefined;
}

export function findInAuthMount(mount: AuthMount | undefined, path: string): Found {
  if (mount === undefined) throw noHandler(path);
  const inner = path.slice(AUTH.length + mount.path.length);
  const { route, params } = find(authRoutes[mount.type], inner) ?? { route: unsupportedPathInAuth, params: {} };
  return { route, params, run: (call) => route.run({ ...call, store: mountedStore(call.store, mount) }, mount) };
}

export function inFixed({ route, params }: Fixed): Found {
  return { route, params, run: (call) => route.run(call, undefined) };
}

export function findInMount(services: Services, mount: MountBinding | undefined, path: string, { scope }: Admission): Found {
  if (mount === undefined) throw new ApiError(404, `no handler for route "${path}". route entry not found.`);
  const inner = path.slice(mount.path.length);
  const engine = services.engineOf(mount, scope);
  const found = <E>(routes: readonly Route<E>[], of: E): Found => {
    const { route, params } = find(routes, inner)!;
    return { route, params, run: (call) => route.run(call, of) };
  };
  return engine instanceof SecretEngine ? found(kv2Routes, engine) : found(kv1Routes, engine);
}

export function isForSudo(path: string): boolean {
  return findFixed(path)?.route.needsSudo === true;
}

/** Whether the body of a request is looked at at all: without a token it is not, except where none is needed. */
export function needsBody(head: RequestHead): boolean {
  if (head.method !== 'POST' && head.method !== 'PUT' && head.method !== 'PATCH') return false;
  return tokenOf(head) !== undefined || isOpenToWrites(head);
}

function isOpenToWrites(head: RequestHead): boolean {
  try {
    const { path } = parseTarget(head);
    const found = findFixed(path);
    // Which mounts and namespaces there are is not known here.
    return LOGIN.test(path) || LOGIN_IN_NAMESPACE.test(path) || (found?.route.open === true && found.route.operations.includes('update')) === true;
  } catch {
    return false; // it is refused whatever its body is
  }
}
