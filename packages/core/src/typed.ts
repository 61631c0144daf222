/** Secrets whose values a schema describes: checked when written, checked and typed when read. */
import type { PutOptions, PutResult, ReadOptions, Secret, SecretEngine } from './engine.ts';
import { KvError } from './errors.ts';
import type { JsonInput } from './json-input.ts';
import type { InputOf, OutputOf, StandardSchema } from './standard-schema.ts';
import type { TxOptions } from './store.ts';

export type { InputOf, OutputOf, StandardSchema } from './standard-schema.ts';

/** A version as read; `data` is what the schema made of it, undefined unless live. */
export interface TypedRead<S extends StandardSchema> extends Omit<Secret, 'data'> {
  readonly data: OutputOf<S> | undefined;
}

type Change<S extends StandardSchema> = (data: OutputOf<S> | undefined) => JsonInput<InputOf<S>> | Promise<JsonInput<InputOf<S>>>;

/** One secret whose values fit a schema. */
export interface TypedSecret<S extends StandardSchema> {
  /** As `SecretEngine.get`. */
  get(options?: ReadOptions): Promise<TypedRead<S> | undefined>;
  /** As `SecretEngine.put`. */
  put(data: JsonInput<InputOf<S>>, options?: PutOptions): Promise<PutResult>;
  /** As `SecretEngine.update`; `fn` sees what the schema makes of the value, and returns what the schema takes. */
  update(fn: Change<S>, options?: TxOptions): Promise<PutResult>;
}

/** The secrets below a folder, by their paths relative to it, whose values all fit one schema. */
export interface TypedFolder<S extends StandardSchema> {
  get(path: string, options?: ReadOptions): Promise<TypedRead<S> | undefined>;
  put(path: string, data: JsonInput<InputOf<S>>, options?: PutOptions): Promise<PutResult>;
  update(path: string, fn: Change<S>, options?: TxOptions): Promise<PutResult>;
}

/**
 * The secret at `path`, or with a trailing slash all secrets below that folder, with values that fit `schema`: any Standard Schema
 * (https://standardschema.dev), so zod, valibot, arktype and others.
 *
 * What is written is checked and stored *as given*; what is read goes through the schema, which may fill in defaults and make other types of it (a
 * date of a string). So the schema has to take what it once took, also where it transforms. Everything else, `delete`, `list`, is the engine's.
 *
 * Every method rejects with KvError `SCHEMA_MISMATCH` if the value does not fit: a write has then written nothing, and what a read has found can be
 * had by `secrets.get`.
 */
export function typed<S extends StandardSchema>(secrets: SecretEngine, path: `${string}/`, schema: S): TypedFolder<S>;
export function typed<S extends StandardSchema>(secrets: SecretEngine, path: string, schema: S): TypedSecret<S>;
export function typed<S extends StandardSchema>(secrets: SecretEngine, path: string, schema: S): TypedFolder<S> | TypedSecret<S> {
  const folder = folderOf(secrets, path.endsWith('/') ? path : '', schema);
  if (path.endsWith('/')) return folder;
  const secret: TypedSecret<S> = {
    get: (options) => folder.get(path, options),
    put: (data, options) => folder.put(path, data, options),
    update: (fn, options) => folder.update(path, fn, options),
  };
  return secret;
}

function folderOf<S extends StandardSchema>(secrets: SecretEngine, folder: string, schema: S): TypedFolder<S> {
  const checked = async (path: string, data: JsonInput<InputOf<S>>): Promise<JsonInput<unknown>> => {
    await fit(path, schema, data);
    return data as JsonInput<unknown>;
  };
  return {
    async get(name, options) {
      const path = folder + name;
      const secret = await secrets.get(path, options);
      return secret && { ...secret, data: secret.data === undefined ? undefined : await fit(path, schema, secret.data) };
    },
    async put(name, data, options) {
      const path = folder + name;
      return secrets.put(path, await checked(path, data), options);
    },
    async update(name, fn, options) {
      const path = folder + name;
      return secrets.update(path, async (data) => checked(path, await fn(data === undefined ? undefined : await fit(path, schema, data))), options);
    },
  };
}

/** @throws KvError `SCHEMA_MISMATCH` */
async function fit<S extends StandardSchema>(path: string, schema: S, value: unknown): Promise<OutputOf<S>> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map((issue) => ({ member: memberOf(issue.path ?? []), problem: issue.message }));
  throw new KvError('SCHEMA_MISMATCH', { issues }, { path });
}

/** As in `INVALID_VALUE`: `$.a[3].b`. */
function memberOf(path: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }>): string {
  const keys = path.map((part) => (typeof part === 'object' ? part.key : part));
  return `$${keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')}`;
}
