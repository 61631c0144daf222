import type { ApiRequest } from '@sealkv/http';
import type { FieldType } from '../../packages/http/src/fields.ts';
import type { Section } from '../../packages/http/src/openapi.ts';
import type { Operation } from '../../packages/http/src/request.ts';
import type { Random } from './random.ts';

export type Row = Section['routes'][number];

const METHODS: Readonly<Record<Operation, readonly string[]>> = {
  read: ['GET'],
  list: ['LIST'],
  scan: ['SCAN'],
  head: ['HEAD'],
  update: ['POST', 'PUT'],
  patch: ['PATCH'],
  delete: ['DELETE'],
};

const NAMES = ['a', 'b', 'app', 'app/login', 'app/db', 'x/y/z', 'ü', 'sp ace', '1', 'default', 'root', 'jo', 'ci', 'r'];
const MOUNTS: Readonly<Record<string, readonly string[]>> = {
  kv_v2_mount_path: ['secret', 'team/two'],
  kv_v1_mount_path: ['kv1'],
  approle_mount_path: ['approle'],
  jwt_mount_path: ['jwt'],
  userpass_mount_path: ['userpass'],
};

/** A request that a client could have meant, of this row of the route table. */
export function validRequest(random: Random, section: Section, row: Row, operation: Operation, tokens: readonly string[]): ApiRequest {
  const base = section.base.replace(/\{(\w+)\}/g, (_, name: string) => random.of(MOUNTS[name] ?? ['secret']));
  const inner = row.pattern.replace(/\/\?$/, '').replace(/:(\w+)([+*=]?)/g, (_, _name, count: string) => {
    const name = random.of(NAMES);
    return encodeURIComponent(count === '' ? name.split('/')[0]! : name).replaceAll('%2F', '/');
  });
  const hasBody = operation === 'update' || operation === 'patch';
  const fields = Object.entries(row.fields).filter(() => random.chance(0.6));
  const values = fields.map(([name, { type }]) => [name, valueOf(random, type)] as const);
  const query = hasBody
    ? ''
    : values.map(([name, value]) => `${name}=${encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value))}`).join('&');
  const content = row.pattern === ':path*' && hasBody ? { n: random.below(9), text: 'x' } : Object.fromEntries(values);
  return {
    method: random.of(METHODS[operation]),
    target: `/v1/${base}${inner}${query === '' ? '' : `?${query}`}`,
    headers: [
      ['host', 'localhost'],
      ['x-vault-token', random.of(tokens)],
      ...(operation === 'patch' ? [['content-type', 'application/merge-patch+json'] as const] : []),
    ],
    body: new TextEncoder().encode(hasBody ? JSON.stringify(content) : ''),
  };
}

function valueOf(random: Random, type: FieldType): unknown {
  switch (type) {
    case 'string':
      return random.of(['a', '', 'kv', 'kv-v2', '1h', 'path "secret/*" { capabilities = ["read", "list"] }', 'app', 'https://a.example', 'userpass']);
    case 'int':
      return random.of<unknown>([0, 1, 2, 3, '2', -1, 10]);
    case 'float':
      return random.of([0.5, 1, 10]);
    case 'bool':
      return random.chance(0.5);
    case 'map':
      return random.of<unknown>([{}, { cas: 0 }, { a: 1, b: { c: [1, 2, { d: null }] } }, { version: '2' }, { owner: 'ada' }, null]);
    case 'maps':
      return [
        { operation: 'put', path: random.of(NAMES), data: { n: 1 } },
        { operation: random.of(['delete', 'destroy', 'undelete', 'x']), path: 'a', versions: [1] },
      ];
    case 'duration':
    case 'signedDuration':
      return random.of<unknown>(['1h', 30, '0s', '2d', '1h30m']);
    case 'time':
      return random.of<unknown>([2_000_000_000, '2030-01-01T00:00:00Z']);
    case 'ints':
      return random.of<unknown>([[1], [1, 2, 3], '1,2', 5, []]);
    case 'strings':
    case 'wholeStrings':
      return random.of<unknown>([['a'], ['default'], 'a,b', []]);
    case 'texts':
      return random.of<unknown>([{ version: '2' }, { a: 'b' }, ['a=b'], {}]);
    default:
      return type satisfies never;
  }
}

const CRUMBS = [
  '/',
  '//',
  '..',
  '%2e%2e',
  '%2F',
  '%',
  '%zz',
  '%ff',
  '%00',
  '\u0000',
  '\ud800',
  '?',
  '&',
  '=',
  '#',
  '"',
  '{',
  '[',
  '\\',
  ' ',
  '💥',
  'é',
  '%F0%9F%98%80',
  '*',
  '+',
  ';',
  '\u2028',
  '-1',
  '1e400',
];
const VALUES = [
  'null',
  'true',
  '-0',
  '1e999',
  '9007199254740993',
  '""',
  '[]',
  '{}',
  '"\\ud800"',
  '{"a":{"a":{"a":1}}}',
  '[[[[1]]]]',
  '"\u0000"',
  '1.5',
  '"x"',
  '{"__proto__":{"a":1}}',
  `"${'y'.repeat(3000)}"`,
];
const HEADERS = [
  ['x-vault-wrap-ttl', '60'],
  ['x-vault-wrap-ttl', 'soon'],
  ['x-vault-wrap-ttl', '-5'],
  ['x-vault-wrap-format', 'jwt'],
  ['x-vault-namespace', 'invented'],
  ['x-vault-namespace', '/'],
  ['x-vault-namespace', '../..'],
  ['authorization', 'Bearer nope'],
  ['content-type', 'text/plain'],
  ['content-type', 'application/x-www-form-urlencoded'],
  ['content-type', ';;;'],
  ['origin', 'https://evil.example'],
  ['x-vault-request', 'true'],
] as const;
const BAD_TOKENS = ['', 's.nope', 'b.nope', `s.x.${'0'.repeat(64)}`, 'b.'.padEnd(9000, 'A'), '💥', ' '];

/** The request with one thing about it changed, or two or three: spelling, parameters, body, headers, method or token. */
export function mutated(random: Random, request: ApiRequest): ApiRequest {
  let changed = request;
  for (let n = random.of([1, 1, 1, 2, 3]); n > 0; n--) changed = random.of(MUTATIONS)(random, changed);
  return changed;
}

type Mutation = (random: Random, request: ApiRequest) => ApiRequest;

const MUTATIONS: readonly Mutation[] = [
  (random, request) => ({ ...request, target: spliced(random, request.target, random.of(CRUMBS), 4) }),
  (random, request) => ({
    ...request,
    target: `${request.target}${request.target.includes('?') ? '&' : '?'}${random.of(['list', 'scan', 'version', 'after', 'limit', 'x', '%'])}=${random.of(['true', 'x', '', '-1', '%', 'max', '%ff'])}`,
  }),
  (random, request) => ({ ...request, target: request.target.slice(0, 4 + random.below(request.target.length)) }),
  (_, request) => ({ ...request, target: `${request.target}/` }),
  (random, request) => withBody(request, spliced(random, textOf(request), random.of(CRUMBS))),
  (random, request) => withBody(request, textOf(request).replace(/(:)(?:"[^"]*"|\d+|true|false|null|\[[^\]]*\])/, `$1${random.of(VALUES)}`)),
  (random, request) =>
    withBody(
      request,
      textOf(request).replace(/"(\w+)":/, (_, name: string) => `"${random.of([name.toUpperCase(), 'path', '__proto__', 'constructor', ''])}":`),
    ),
  (random, request) => withBody(request, random.of(VALUES)),
  (random, request) => withBody(request, textOf(request).slice(0, random.below(textOf(request).length + 1))),
  (random, request) => withBody(request, `${'['.repeat(random.of([1, 499, 501, 5000]))}`),
  (random, request) => withBody(request, `{"data":{"${'k'.repeat(random.of([1, 100, 70_000]))}":1,"k":1,"k":2}}`),
  (random, request) => ({ ...request, body: new Uint8Array([...(request.body as Uint8Array), 0xff, random.below(256)]) }),
  (random, request) => ({ ...request, body: random.chance(0.1) ? 'too large' : request.body }),
  (random, request) => ({ ...request, headers: [...request.headers, random.of(HEADERS)] }),
  (random, request) => ({
    ...request,
    headers: request.headers.map(([name, value]) => [name, name === 'x-vault-token' && random.chance(0.3) ? random.of(BAD_TOKENS) : value]),
  }),
  (_, request) => ({ ...request, headers: request.headers.filter(([name]) => name !== 'content-type') }),
  (random, request) => ({
    ...request,
    method: random.of(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'LIST', 'SCAN', 'HEAD', 'OPTIONS', 'TRACE', 'FOO', 'get']),
  }),
];

function spliced(random: Random, text: string, crumb: string, from = 0): string {
  const at = from + random.below(Math.max(1, text.length - from));
  return text.slice(0, at) + crumb + text.slice(at + (random.chance(0.5) ? 1 : 0));
}

function textOf({ body }: ApiRequest): string {
  return body === 'too large' ? '' : new TextDecoder().decode(body);
}

function withBody(request: ApiRequest, text: string): ApiRequest {
  return { ...request, body: new TextEncoder().encode(text) };
}
