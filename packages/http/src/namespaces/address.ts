import { ApiError } from '../api-error.ts';
import { accessDenied } from '../admission.ts';
import type { ApiRequest, RequestHead } from '../request.ts';
import { header } from '../request.ts';

/*
 * A request names its namespace by the header `X-Vault-Namespace`, by the beginning of its path, or by both, one behind the other. Both are only data:
 * no object comes into being because somebody made up a name.
 */

const HEADER = 'x-vault-namespace';

/** The namespace that the header names: without slashes around it; undefined for the root namespace. */
export function namespaceHeader(head: RequestHead): string | undefined {
  const name = header(head, HEADER)?.replace(/^\/+|\/+$/g, '');
  return name === '' || name === 'root' ? undefined : name;
}

/** What is always asked of the namespace that a token is of, whatever the header says. */
export function isOfTheToken(path: string): boolean {
  return /^(?:auth\/token\/(?:lookup|renew|revoke)-self|sys\/wrapping\/(?:lookup|unwrap|rewrap))$/.test(path);
}

/** What makes no sense in a namespace. */
export function isOfTheServer(path: string): boolean {
  return /^sys\/(?:init|seal|unseal|health|seal-status|leader|namespaces(?:\/.*)?)$/.test(path);
}

/** The request as seen from within a namespace, whose name the header or the path begins with. */
export function addressedWithin(request: ApiRequest, name: string): ApiRequest {
  const named = namespaceHeader(request);
  const headers = request.headers.filter(([other]) => other !== HEADER);
  if (named === undefined) return { ...request, headers, target: request.target.replace(/^\/v1\/[^/?]*\/?/, '/v1/') };
  const rest = named.slice(name.length).replace(/^\//, '');
  // What the header goes on with comes before the path.
  return { ...request, headers, target: rest === '' ? request.target : request.target.replace(/^\/v1\//, `/v1/${encodeURI(rest)}/`) };
}

/**
 * A request that came straight to a namespace's object, by its token: it must address this namespace.
 * @throws ApiError 403
 */
export function addressedDirectly(request: ApiRequest, own: { readonly path: string }, path: string): ApiRequest {
  const name = own.path.slice(0, -1);
  const named = namespaceHeader(request);
  if (named === undefined && isOfTheToken(path)) return request;
  const addressed = named === undefined ? path.startsWith(own.path) : named === name || named.startsWith(own.path);
  if (!addressed) throw accessDenied();
  return addressedWithin(request, name);
}

export function noSuchNamespace(): ApiError {
  return new ApiError(404, 'namespace not found');
}
