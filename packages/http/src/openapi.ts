import type { Field, FieldType } from './fields.ts';
import type { Out } from './json-out.ts';
import type { Operation } from './request.ts';
import { MERGE_PATCH } from './request.ts';
import type { Route } from './route.ts';
import { VERSION } from './version.ts';

type Row = Pick<Route, 'pattern' | 'about' | 'fields' | 'operations' | 'open'>;

/** Routes that hang below one path. A mount's own path is a parameter: `{mount_path}`. */
export interface Section {
  readonly tag: string;
  readonly base: string;
  readonly routes: readonly Row[];
}

type Schema = { readonly [name: string]: Out };

/** The route table as an OpenAPI 3.1 document. Lists and scans are `GET` with `list=true` or `scan=true`: OpenAPI has no such methods. */
export function openApiDocument(sections: readonly Section[]): Out {
  const paths = new Map<string, Map<string, Schema>>();
  for (const { tag, base, routes } of sections) {
    for (const row of routes) {
      const path = `/${base}${row.pattern.replace(/\/\?$/, '').replace(/:(\w+)[+*=]?/g, '{$1}')}`.replace(/\/$/, '') || '/';
      const methods = paths.get(path) ?? new Map<string, Schema>();
      for (const [method, operation] of methodsOf(row, tag, path)) if (!methods.has(method)) methods.set(method, operation);
      paths.set(path, methods);
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'SealKV',
      version: VERSION,
      summary: 'The HTTP API of the Vault / OpenBao KV secrets engine',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/v1' }],
    security: [{ token: [] }, { bearer: [] }],
    tags: [...new Set(sections.map(({ tag }) => tag))].map((name) => ({ name })),
    paths: new Map([...paths].sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Vault-Token' }, bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Envelope: ENVELOPE, Errors: ERRORS },
      responses: {
        Answer: { description: 'What was asked for.', content: { 'application/json': { schema: { $ref: '#/components/schemas/Envelope' } } } },
        Done: { description: 'Done; there is nothing to tell.' },
        Refused: {
          description:
            'Refused, and nothing was done: 400 the request is wrong, 403 the token or its policies do not allow it, 404 there is nothing, 405, 413, 415, 429, 503, 507.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Errors' } } },
        },
      },
    },
  };
}

const ENVELOPE: Schema = {
  type: 'object',
  required: ['request_id', 'lease_id', 'renewable', 'lease_duration', 'data', 'wrap_info', 'warnings', 'auth'],
  properties: {
    request_id: { type: 'string' },
    lease_id: { type: 'string' },
    renewable: { type: 'boolean' },
    lease_duration: { type: 'integer' },
    data: { type: ['object', 'null'] },
    wrap_info: { type: ['object', 'null'] },
    warnings: { type: ['array', 'null'], items: { type: 'string' } },
    auth: { type: ['object', 'null'] },
  },
};
const ERRORS: Schema = { type: 'object', required: ['errors'], properties: { errors: { type: 'array', items: { type: 'string' } } } };

const METHOD: Readonly<Record<Operation, string>> = {
  read: 'get',
  list: 'get',
  scan: 'get',
  head: 'head',
  update: 'post',
  patch: 'patch',
  delete: 'delete',
};

function* methodsOf(row: Row, tag: string, path: string): Generator<[string, Schema]> {
  const methods = new Map<string, Operation[]>();
  for (const operation of row.operations) methods.set(METHOD[operation], [...(methods.get(METHOD[operation]) ?? []), operation]);
  for (const [method, operations] of methods) {
    const hasBody = method === 'post' || method === 'patch';
    yield [
      method,
      {
        tags: [tag],
        operationId: `${method}-${path.replace(/[{}]/g, '').replace(/\W+/g, '-').replace(/^-|-$/g, '')}`,
        summary: row.about,
        ...(row.open && { security: [] }),
        parameters: [...pathParameters(path), ...(hasBody ? [] : queryParameters(row, operations))],
        ...(hasBody && Object.keys(row.fields).length > 0 && { requestBody: bodyOf(row.fields, method) }),
        responses: {
          '200': { $ref: '#/components/responses/Answer' },
          ...(method !== 'get' && { '204': { $ref: '#/components/responses/Done' } }),
          '4XX': { $ref: '#/components/responses/Refused' },
          '5XX': { $ref: '#/components/responses/Refused' },
        },
      },
    ];
  }
}

function pathParameters(path: string): Schema[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({ name: name!, in: 'path', required: true, schema: { type: 'string' } }));
}

function queryParameters({ fields }: Row, operations: readonly Operation[]): Schema[] {
  const flags = (['list', 'scan'] as const).filter((flag) => operations.includes(flag));
  return [
    ...flags.map((name) => ({ name, in: 'query', description: FLAGS[name], required: operations.length === 1, schema: { type: 'boolean' } })),
    ...Object.entries(fields).map(([name, { type, about }]) => ({ name, in: 'query', description: about, schema: SCHEMA[type] })),
  ];
}

const FLAGS = { list: 'What lies directly in this folder.', scan: 'Everything below this folder.' };

function bodyOf(fields: Readonly<Record<string, Field>>, method: string): Schema {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, { type, about }]) => [name, { ...SCHEMA[type], description: about }]));
  return { content: { [method === 'patch' ? MERGE_PATCH : 'application/json']: { schema: { type: 'object', properties } } } };
}

const SCHEMA: Readonly<Record<FieldType, Schema>> = {
  string: { type: 'string' },
  int: { type: 'integer' },
  float: { type: 'number' },
  bool: { type: 'boolean' },
  map: { type: ['object', 'null'] },
  maps: { type: 'array', items: { type: 'object' } },
  duration: { type: ['integer', 'string'], examples: [3600, '1h30m'] },
  signedDuration: { type: ['integer', 'string'], examples: [3600, '-1s'] },
  time: { type: ['integer', 'string'], examples: [1767225600, '2026-01-01T00:00:00Z'] },
  ints: { type: 'array', items: { type: 'integer' } },
  strings: { type: 'array', items: { type: 'string' } },
  wholeStrings: { type: 'array', items: { type: 'string' } },
  texts: { type: 'object', additionalProperties: { type: 'string' } },
};
