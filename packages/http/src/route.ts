import type { Tree } from '@sealkv/core/json';
import type { KvStore, MountBinding, Mounts, ReadTx } from '@sealkv/core';
import type { Admission } from './admission.ts';
import { ApiError, multiError } from './api-error.ts';
import type { AuthMount } from './auth/auth-mount.ts';
import type { Fields, Values } from './fields.ts';
import { decodeFields, FieldProblem } from './fields.ts';
import type { Reply } from './reply.ts';
import type { Operation, RequestHead } from './request.ts';
import type { Services } from './services.ts';
import type { Principal } from './tokens/credentials.ts';

/** A request as its handler sees it. */
export interface Call<F extends Fields = Fields> {
  readonly services: Services;
  /** What the answer tells the request by, and its record. */
  readonly requestId: string;
  readonly head: RequestHead;
  readonly operation: Operation;
  /** The path behind `/v1/`. */
  readonly path: string;
  /** What the route's pattern captured. */
  readonly params: Readonly<Record<string, string>>;
  /** The parameters as given: of the body for a write, of the query for all else. */
  readonly input: ReadonlyMap<string, Tree>;
  /** Those of the route's fields that were given, decoded. */
  readonly values: Values<F>;
  /** Who asks: known in and after a transaction of `store`, `mounts` or the engine, which all admit the caller first. */
  readonly admission: Admission;
  /** There is no token, which this endpoint allows: nobody is admitted. */
  readonly isAnonymous: boolean;
  readonly store: KvStore;
  readonly mounts: Mounts;
  /** The KV mount that the path is in. */
  readonly mount: MountBinding | undefined;
}

/** Where a path is, for looking whether something is there. */
export interface Place {
  readonly params: Readonly<Record<string, string>>;
  /** The KV mount the path lies in. */
  readonly mount: MountBinding | undefined;
  /** The auth mount the path lies in. */
  readonly auth?: AuthMount | undefined;
}

export type Handler<F extends Fields, E> = (call: Call<F>, engine: E) => Promise<Reply>;

export interface RouteOptions<F extends Fields, E> {
  /**
   * Relative to its base; `:name` is one segment, `:name+` one or more, `:name*` any number, `:name=` one of letters, digits, `_`, `-` and `.`
   * (what OpenBao takes for a name); a slash at the end may be there if `/?` is.
   */
  readonly pattern: string;
  /** For people. */
  readonly about: string;
  readonly fields: F;
  readonly operations: { readonly [O in Operation]?: Handler<F, E> };
  /** Whether something is there: then a write is an update, else a create. Such paths report a bad parameter in other words. */
  readonly exists?: (tx: ReadTx, place: Place, caller: Principal) => Promise<boolean>;
  /** Needs no token, and changes nothing unless `writesAfter` says so; or it answers something else where there is none. */
  readonly open?: true | 'without a token';
  /** What an open endpoint asks for before it writes anything (but counts of failures): the proof of a login, or the bootstrap secret. */
  readonly writesAfter?: 'login' | 'bootstrap';
  /** Every valid token may: no policy is asked, and no use is taken off. */
  readonly forEveryToken?: true;
  /** The members of `data` are at the top level too. */
  readonly injected?: true;
  /** Takes the capability `sudo` besides that of the operation. */
  readonly needsSudo?: true;
  /** The operations after which there is more in the store. They are refused once it is nearly full. */
  readonly grows?: readonly Operation[];
  /** A wrapping token is a credential for it, where the parameters name none. */
  readonly takesWrappingToken?: true;
  /** Parameters of any name. */
  readonly takesAnything?: true;
}

/** A row of the route table. `E` is what its handlers work on: a KV mount's engine, an auth mount; undefined outside of mounts. */
export interface Route<E = undefined> extends Omit<RouteOptions<Fields, E>, 'operations'> {
  readonly operations: readonly Operation[];
  /** What the pattern captures of a path; undefined if it does not match. */
  match(path: string): Readonly<Record<string, string>> | undefined;
  /** @throws ApiError and the engine's errors */
  run(call: Omit<Call, 'values'>, engine: E): Promise<Reply>;
}

export function route<F extends Fields, E = undefined>(options: RouteOptions<F, E>): Route<E> {
  const { operations, ...row } = options;
  const regExp = compile(row.pattern);
  return {
    ...row,
    operations: Object.keys(operations) as Operation[],
    match(path) {
      const match = regExp.exec(path);
      return match === null ? undefined : { ...match.groups };
    },
    async run(call, engine) {
      const handler = operations[call.operation];
      if (handler === undefined)
        throw row.open
          ? new ApiError(405, row.writesAfter === 'login' ? 'unsupported operation' : [])
          : new ApiError(405, multiError('unsupported operation'));
      return withWarnings(await handler({ ...call, values: decoded(options, call) }, engine), row, call);
    },
  };
}

const SOURCE_BY_KIND: Readonly<Record<string, string>> = { '': '[^/]+', '+': '.+', '*': '.*', '=': '\\w(?:[\\w.-]*\\w)?' };

function compile(pattern: string): RegExp {
  const source = pattern.replace(/[.]/g, '\\.').replace(/:(\w+)([+*=]?)/g, (_, name: string, kind: string) => `(?<${name}>${SOURCE_BY_KIND[kind]})`);
  return new RegExp(`^${source}$`, 's');
}

function decoded<F extends Fields>({ fields, exists }: RouteOptions<F, never>, { operation, input }: Omit<Call, 'values'>): Values<F> {
  try {
    return decodeFields(fields, input);
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
    const bare = exists !== undefined && operation === 'update';
    throw new ApiError(400, bare ? error.message : `Field validation failed: ${error.message}`);
  }
}

function withWarnings(
  reply: Reply,
  { fields, takesAnything }: Pick<Route, 'fields' | 'takesAnything'>,
  { input, params }: Omit<Call, 'values'>,
): Reply {
  if (reply?.kind !== 'data' || reply.status !== 200 || takesAnything) return reply;
  const ignored = [...input.keys()].filter((name) => !Object.hasOwn(fields, name) && !Object.hasOwn(params, name)).sort();
  const replaced = [...input].flatMap(([name, tree]) => (Object.hasOwn(params, name) && tree !== 'null' ? [name] : []));
  const warnings = [...reply.warnings];
  if (ignored.length > 0) warnings.push(`Endpoint ignored these unrecognized parameters: [${ignored.join(' ')}]`);
  if (replaced.length > 0)
    warnings.push(`Endpoint replaced the value of these parameters with the values captured from the endpoint's path: [${replaced.join(' ')}]`);
  return { ...reply, warnings };
}

/** The first row that matches. */
export function find<E>(
  routes: readonly Route<E>[],
  path: string,
): { readonly route: Route<E>; readonly params: Readonly<Record<string, string>> } | undefined {
  for (const row of routes) {
    const params = row.match(path);
    if (params !== undefined) return { route: row, params };
  }
  return undefined;
}
