import type { MountBinding } from '@sealkv/core';
import { permissionDenied } from './api-error.ts';
import type { AuthMount } from './auth/auth-mount.ts';
import { findAuthMount } from './auth/auth-mount.ts';
import type { EdgeSettings } from './edge-settings.ts';
import { loadEdgeSettings } from './edge-settings.ts';
import type { Fixed } from './endpoints.ts';
import { AUTH, isInAuth } from './endpoints.ts';
import type { ApiRequest, RequestHead, Target } from './request.ts';
import { BODY_LIMITS, parseBody, tokenOf } from './request.ts';
import type { Services } from './services.ts';
import type { Credentials, Delegate } from './tokens/credentials.ts';
import { credentialsOf, loadPrincipal, unknownToken } from './tokens/credentials.ts';

const MAX_TOKEN_BODY = 4096;

/** @throws ApiError 403 if there is no token, or what there is can't be one */
export async function identify(services: Services, request: RequestHead, delegate: Delegate | undefined): Promise<Credentials> {
  if (delegate !== undefined) return { kind: 'delegate', ...delegate };
  const id = tokenOf(request);
  const credentials = id === undefined ? undefined : await credentialsOf(id, services);
  if (credentials === undefined) throw permissionDenied();
  return credentials;
}

export interface Located {
  readonly credentials: Credentials;
  readonly mount: MountBinding | undefined;
  readonly auth: AuthMount | undefined;
  readonly settings: EdgeSettings;
}

/**
 * Looks, in one read, whether the token is one at all, before anything else is done for it; for the mount that the path is in; and for what is
 * asked of every request.
 * @throws ApiError 403; 400 where a wrapping token is what there should be
 */
export async function locate(
  services: Services,
  credentials: Credentials,
  request: ApiRequest,
  { path }: Target,
  fixed: Fixed | undefined,
): Promise<Located> {
  const asWrapping = fixed?.route.takesWrappingToken && credentials.kind === 'stored' ? ({ ...credentials, kind: 'wrapping' } as const) : undefined;
  const inAuth = fixed === undefined && isInAuth(path);
  const finding = fixed === undefined && !inAuth ? services.mounts.finding(path) : undefined;
  const { valid, seen, auth, settings } = await services.store.read(async (tx) => {
    const isValid = async (candidate: Credentials): Promise<boolean> => (await loadPrincipal(tx, candidate, services.clock())) !== undefined;
    const known = (await isValid(credentials)) ? credentials : asWrapping && (await isValid(asWrapping)) ? asWrapping : undefined;
    const auth = inAuth ? await findAuthMount(tx, path.slice(AUTH.length)) : undefined;
    return { valid: known, seen: await finding?.read(tx), auth, settings: await loadEdgeSettings(tx) };
  });
  if (valid === undefined) throw unknownToken(asWrapping !== undefined && !namesToken(request) ? asWrapping : credentials);
  return { credentials: valid, mount: seen && (await finding?.finish(seen)), auth, settings };
}

/** Whether the parameters name a wrapping token, so that the one of the request was to be another. Only looks at as much as it takes to do so. */
function namesToken(request: ApiRequest): boolean {
  if (request.body === 'too large' || request.body.length > MAX_TOKEN_BODY) return true;
  try {
    return (parseBody(request, request.body, BODY_LIMITS).get('token') ?? 'null') !== 'null';
  } catch {
    return true;
  }
}
