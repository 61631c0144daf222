import type { Tree } from '@sealkv/core/json';
import type { Caller } from './admit.ts';
import { ApiError, multiError } from './api-error.ts';
import type { Fields, Values } from './fields.ts';
import { decodeFields, FieldProblem } from './fields.ts';
import type { Reply } from './reply.ts';
import type { Operation, RequestHead } from './request.ts';
import type { Services } from './services.ts';

/** A request as its handler sees it. */
export interface Call<F extends Fields = Fields> {
  readonly services: Services;
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
  readonly caller: Caller;
}

export type Handler<F extends Fields, E> = (call: Call<F>, engine: E) => Promise<Reply>;

export interface RouteOptions<F extends Fields, E> {
  /** Relative to its base; `:name` is one segment, `:name+` one or more, `:name*` any number. */
  readonly pattern: string;
  /** For people. */
  readonly about: string;
  readonly fields: F;
  readonly operations: { readonly [O in Operation]?: Handler<F, E> };
  /** Whether a write is a create or an update depends on what is there. Such paths report a bad parameter in other words. */
  readonly createsOrUpdates?: true;
  /** Needs no token, and changes nothing. */
  readonly open?: true;
  /** The members of `data` are at the top level too. */
  readonly injected?: true;
}

/** A row of the route table. `E` is the engine its handlers work on, undefined outside of KV mounts. */
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
      if (handler === undefined) throw row.open ? new ApiError(405) : new ApiError(405, multiError('unsupported operation'));
      return withWarnings(await handler({ ...call, values: decoded(options, call) }, engine), row, call);
    },
  };
}

function compile(pattern: string): RegExp {
  const source = pattern
    .replace(/[.]/g, '\\.')
    .replace(/:(\w+)([+*]?)/g, (_, name: string, count: string) => `(?<${name}>${count === '' ? '[^/]+' : `.${count}`})`);
  return new RegExp(`^${source}$`, 's');
}

function decoded<F extends Fields>({ fields, createsOrUpdates }: RouteOptions<F, never>, { operation, input }: Omit<Call, 'values'>): Values<F> {
  try {
    return decodeFields(fields, input);
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
    const bare = createsOrUpdates && operation === 'update';
    throw new ApiError(400, bare ? error.message : `Field validation failed: ${error.message}`);
  }
}

function withWarnings(reply: Reply, { fields }: Pick<Route, 'fields'>, { input, params }: Omit<Call, 'values'>): Reply {
  if (reply?.kind !== 'data' || reply.status !== 200) return reply;
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
