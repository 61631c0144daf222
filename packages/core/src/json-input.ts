import type { JsonText, JsonValue, TextLimits } from './json-text.ts';
import { checkJsonText, encodeJson } from './json-text.ts';

export interface JsonLimits {
  /** Bytes of UTF-8 of a value's JSON text. Default 1 MiB. */
  readonly maxBytes: number;
  /** How deep objects and arrays may be nested. Default 500. */
  readonly maxDepth: number;
}

declare const rawJsonBrand: unique symbol;

/** Exact JSON text as a value: see {@link rawJson}. */
export interface RawJson {
  readonly [rawJsonBrand]: true;
}

// Who has no exact text does not load what checks it, so it comes with the value. Nobody else can have a member of this name.
const exactText = Symbol('exactText');

interface ExactText {
  readonly [exactText]?: (limits: TextLimits) => JsonText;
}

/**
 * A value given as JSON text, which is stored exactly: 64-bit integers, `1.0`, the order of members.
 * Checked when it is used; an object with a member `text` is an ordinary value.
 */
export function rawJson(text: string): RawJson {
  const raw: ExactText = { [exactText]: (limits) => checkJsonText(text, limits) };
  return raw as unknown as RawJson;
}

/** What can be stored: a type with something that JSON would change or drop does not compile, where TypeScript can tell. */
export type Storable<T> = T extends JsonValue
  ? T
  : T extends undefined | bigint | symbol | ((...args: never[]) => unknown)
    ? never
    : { readonly [K in keyof T]: Storable<T[K]> };

/** A secret's value: a JSON object, null, or `rawJson(text)`. */
export type JsonInput<T> = T & (T extends RawJson ? T : T extends Scalar | readonly unknown[] ? never : Storable<T>);

type Scalar = string | number | boolean | bigint | symbol | undefined;

/**
 * The exact text of a value that was given to `put`.
 * @throws KvError `INVALID_VALUE`, `VALUE_TOO_LARGE`, `VALUE_TOO_DEEP`
 */
export function jsonTextOf(value: unknown, limits: TextLimits): JsonText {
  return (value as ExactText | null | undefined)?.[exactText]?.(limits) ?? encodeJson(value, limits);
}
