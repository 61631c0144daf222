import type { Tree } from '@sealkv/core/json';
import { JsonTextError, parseTree } from '@sealkv/core/json';
import { ApiError, badRequest } from './api-error.ts';
import { parseBool } from './fields.ts';

/** A request, whatever brought it: the local server's front, a Worker, a Service Worker. */
export interface ApiRequest {
  /** LIST and SCAN are understood besides HTTP's own. */
  readonly method: string;
  /** Path and query as sent, still encoded, without origin. */
  readonly target: string;
  /** Names in lower case; a name can come more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** `'too large'`: it was not read, because it is larger than what is taken. */
  readonly body: Uint8Array | 'too large';
}

/** What is known of a request before its body is read. */
export type RequestHead = Omit<ApiRequest, 'body'>;

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is asked for. LIST and `GET ?list=true` are the same. */
export type Operation = 'read' | 'list' | 'scan' | 'update' | 'patch' | 'delete' | 'head';

export interface Target {
  readonly operation: Operation;
  /** The path behind `/v1/`, decoded once; ends in a slash if it was sent so, and always for list and scan. */
  readonly path: string;
  /** The parameters of the query; one that is repeated is a list. */
  readonly query: ReadonlyMap<string, Tree>;
}

const OPERATION_BY_METHOD: Readonly<Record<string, Operation>> = {
  GET: 'read',
  LIST: 'list',
  SCAN: 'scan',
  POST: 'update',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
  HEAD: 'head',
};

/**
 * Method, path and query as one operation on one path: the path that routing, policy and storage all see. An odd path is refused, never cleaned.
 * @throws ApiError
 */
export function parseTarget({ method, target }: RequestHead): Target {
  const asked = OPERATION_BY_METHOD[method];
  if (asked === undefined) throw new ApiError(405);
  const [encodedPath = '', encodedQuery = ''] = splitOnce(target, '?');
  if (!encodedPath.startsWith('/v1/')) throw new ApiError(404);
  const path = decodePath(encodedPath.slice('/v1/'.length));
  const query = parseQuery(encodedQuery);
  const operation = asked === 'read' ? flagged(query) : asked;
  const isFolder = operation === 'list' || operation === 'scan';
  return { operation, path: isFolder && !path.endsWith('/') ? `${path}/` : path, query };
}

/** `?list=true` and `?scan=true` make a read a list or a scan; the flag is no parameter then. */
function flagged(query: Map<string, Tree>): 'read' | 'list' | 'scan' {
  const [list, scan] = (['list', 'scan'] as const).map((name) => {
    const tree = query.get(name);
    const text = typeof tree === 'string' ? (JSON.parse(tree) as string) : Array.isArray(tree) ? (JSON.parse(tree[0] as string) as string) : '';
    const flag = text === '' ? false : parseBool(text);
    if (flag === undefined) throw new ApiError(400);
    return flag;
  });
  if (list && scan) throw new ApiError(400);
  const operation = list ? 'list' : scan ? 'scan' : 'read';
  query.delete(operation);
  return operation;
}

// C0, DEL, C1; U+FEFF and the like are ordinary characters.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

function decodePath(encoded: string): string {
  let path: string;
  try {
    path = decodeURIComponent(encoded);
  } catch {
    throw badRequest('the path is not well-formed: a percent sign must start an escape of UTF-8');
  }
  const segments = path.split('/');
  if (segments.some((segment) => segment === '.' || segment === '..')) throw badRequest('relative paths not supported');
  if (CONTROL.test(path)) throw badRequest('the path has a control character');
  // A trailing slash makes the last one empty: that is no parse error.
  if (segments.slice(0, -1).includes('')) throw badRequest('the path has an empty segment');
  return path;
}

function parseQuery(encoded: string): Map<string, Tree> {
  const query = new Map<string, string[]>();
  for (const part of encoded.split('&')) {
    if (part === '') continue;
    const [name = '', value = ''] = splitOnce(part, '=').map(decodeFormText);
    query.set(name, [...(query.get(name) ?? []), JSON.stringify(value)]);
  }
  return new Map(Array.from(query, ([name, values]) => [name, values.length === 1 ? values[0]! : values]));
}

function decodeFormText(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    throw badRequest('the query or form is not well-formed: a percent sign must start an escape of UTF-8');
  }
}

/** The first header of this name. */
export function header({ headers }: RequestHead, name: string): string | undefined {
  return headers.find(([other]) => other === name)?.[1];
}

export const MERGE_PATCH = 'application/merge-patch+json';

/**
 * The content type of a PATCH, which is looked at before anything else about it.
 * @throws ApiError 400, 415
 */
export function checkPatchType(head: RequestHead): void {
  const type = header(head, 'content-type');
  const mediaType = type?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (mediaType === '') throw badRequest('mime: no media type');
  if (mediaType !== MERGE_PATCH) throw new ApiError(415, `PATCH requires Content-Type of ${MERGE_PATCH}, provided ${mediaType}`);
}

export interface BodyLimits {
  /** Nested objects and arrays of a body. */
  readonly maxDepth: number;
}

/**
 * The members of a body: a JSON object, whatever the content type says, or a form if it is one; none if it is empty or null.
 * @throws ApiError 400
 */
export function parseBody(head: RequestHead, body: Uint8Array, limits: BodyLimits): ReadonlyMap<string, Tree> {
  const text = decodeUtf8(body);
  if (/^\s*$/.test(text)) return new Map();
  if (head.method !== 'PATCH' && isForm(head, text)) {
    const fields = parseQuery(text.trim());
    return new Map(
      Array.from(fields, ([name, value]) => [
        name,
        Array.isArray(value) ? JSON.stringify(value.map((v) => JSON.parse(v as string) as string).join()) : value,
      ]),
    );
  }
  let tree: Tree;
  try {
    tree = parseTree(text, { ...limits, maxBytes: Infinity });
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw badRequest(`failed to decode JSON input: ${error.message}${error.path === '$' ? '' : ` at ${error.path}`}`);
  }
  if (tree === 'null') return new Map();
  if (!(tree instanceof Map)) throw badRequest(`failed to decode JSON input: the body must be a JSON object`);
  return tree as ReadonlyMap<string, Tree>;
}

function isForm(head: RequestHead, text: string): boolean {
  const type = header(head, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  return type === 'application/x-www-form-urlencoded' && !/^\s*[{[]/.test(text);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badRequest('failed to decode JSON input: the body is not UTF-8');
  }
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
