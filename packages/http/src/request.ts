import { isSealKvError, isWellFormed } from '@sealkv/core';
import type { Tree } from '@sealkv/core/json';
import { parseTree } from '@sealkv/core/json';
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

// A map: `constructor` and `__proto__` are methods that a client can send.
const OPERATION_BY_METHOD: ReadonlyMap<string, Operation> = new Map([
  ['GET', 'read'],
  ['LIST', 'list'],
  ['SCAN', 'scan'],
  ['POST', 'update'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
  ['HEAD', 'head'],
]);

/**
 * Method, path and query as one operation on one path: the path that routing, policy and storage all see. An odd path is refused, never cleaned.
 * @throws ApiError
 */
export function parseTarget({ method, target }: RequestHead): Target {
  const asked = OPERATION_BY_METHOD.get(method);
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
const UNUSABLE = /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u;

function decodePath(encoded: string): string {
  let path: string;
  try {
    path = decodeURIComponent(encoded);
  } catch {
    throw badRequest('the path is not well-formed: a percent sign must start an escape of UTF-8');
  }
  const segments = path.split('/');
  if (segments.some((segment) => segment === '.' || segment === '..')) throw badRequest('relative paths not supported');
  if (UNUSABLE.test(path)) throw badRequest('the path has a control character or a lone surrogate');
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
    const text = decodeURIComponent(encoded.replaceAll('+', ' '));
    if (isWellFormed(text)) return text;
  } catch {
    // It is told below.
  }
  throw badRequest('the query or form is not well-formed: a percent sign must start an escape of UTF-8, and no surrogate stands alone');
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

/** What a body may hold; deeper or larger ones are refused. */
export const BODY_LIMITS: BodyLimits = { maxDepth: 500, maxValues: 20_000 };

export interface BodyLimits {
  /** Nested objects and arrays of a body. */
  readonly maxDepth: number;
  /** Texts, numbers, objects, arrays and the like, all told: a body of nothing but empty objects takes up most memory for its length. */
  readonly maxValues: number;
}

/**
 * The members of a body: a JSON object, whatever the content type says, or a form if it is one; none if it is empty or null.
 * @throws ApiError 400
 */
export function parseBody(head: RequestHead, body: Uint8Array, limits: BodyLimits): ReadonlyMap<string, Tree> {
  const text = decodeUtf8(body);
  if (/^\s*$/.test(text)) return new Map();
  if (head.method !== 'PATCH' && isForm(head, text)) {
    // What has no "=" is no form, whatever its content type says (curl's is this one by default); and it would be taken for a name, which records tell.
    if (
      !text
        .trim()
        .split('&')
        .every((field) => field === '' || field.includes('='))
    )
      throw badRequest('a field of a form is a name, "=" and a value');
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
    // Not where: its `member` is made of names, and in a text that is out of joint a secret can stand in the place of one.
    if (isSealKvError(error, 'INVALID_VALUE')) throw badRequest(`failed to decode JSON input: ${error.problem}`);
    if (isSealKvError(error, 'VALUE_TOO_DEEP')) throw badRequest(`failed to decode JSON input: nested more than ${error.maxDepth} deep`);
    throw error;
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

/** The token a request carries: `X-Vault-Token`, or `Authorization: Bearer`, the former if both are there; undefined if none. */
export function tokenOf(head: RequestHead): string | undefined {
  const own = header(head, 'x-vault-token');
  if (own !== undefined && own !== '') return own;
  const bearer = head.headers.find(([name, value]) => name === 'authorization' && value.startsWith('Bearer '));
  return bearer?.[1].slice('Bearer '.length).trim() || undefined;
}
