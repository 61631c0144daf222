import { isWellFormed } from './store.ts';

declare const brand: unique symbol;

/** Compact JSON text that is well-formed, within limits, and can be read back exactly. Made by this file only. */
export type JsonText = string & { readonly [brand]: 'JsonText' };

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/**
 * JSON with everything that JavaScript's own values lose: a scalar is its literal text (`1.0`, `12345678901234567890`), an object keeps the order
 * of its members, `"10"` and `__proto__` included.
 */
export type Tree = string | readonly Tree[] | ReadonlyMap<string, Tree>;

export interface TextLimits {
  /** Bytes of UTF-8. */
  readonly maxBytes: number;
  /** Nested objects and arrays; the outermost counts 1. */
  readonly maxDepth: number;
}

export type JsonTextProblem = 'SYNTAX' | 'DUPLICATE' | 'DEPTH' | 'SIZE' | 'SURROGATE' | 'TOP_LEVEL' | 'NOT_JSON';

/** Why a text or value can't be stored. The message and `path` (`$.a[3].b`) name members, never values. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
  readonly code: JsonTextProblem;
  readonly path: string;

  constructor(code: JsonTextProblem, message: string, path: readonly (string | number)[]) {
    super(message);
    this.code = code;
    this.path = path.reduce<string>((at, step) => (typeof step === 'number' ? `${at}[${step}]` : `${at}.${step}`), '$');
  }
}

/**
 * Checks a secret's JSON text: an object or null, no member twice, no lone surrogate, within limits. Returns it without white space.
 * @throws JsonTextError
 */
export function checkJsonText(text: string, limits: TextLimits): JsonText {
  return storable(parseTree(text, limits), limits);
}

/**
 * The JSON text of a JavaScript value, as `JSON.stringify` writes it; but what that would change or drop is refused.
 * @throws JsonTextError `NOT_JSON` for undefined, NaN, bigint, Date, Map, class instances, cycles, holes and the like
 */
export function encodeJson(value: unknown, limits: TextLimits): JsonText {
  return storable(treeOf(value, limits), limits);
}

/** Plain `JSON.parse`: an own `__proto__` stays an own member. */
export function parseJson(text: JsonText): JsonValue {
  return JSON.parse(text);
}

/**
 * Merges a patch into a value (RFC 7396): null removes a member, objects merge, all else is replaced; nulls inside new objects vanish, and so they
 * do in objects within new arrays, as in Vault. Null as the target counts as `{}`.
 * @throws JsonTextError if the result is too large or too deep
 */
export function mergePatch(target: JsonText, patch: JsonText, limits: TextLimits): JsonText {
  const into = parseTree(target, limits);
  return storable(merge(into instanceof Map ? into : new Map(), parseTree(patch, limits)), limits);
}

/** Every leaf (scalar, array, empty object) becomes null. `depth` 0: all levels; n: n levels of members. The subkeys of null are `{}`. */
export function subkeys(text: JsonText, depth: number): JsonText {
  const strip = (tree: Tree, level: number): Tree =>
    tree instanceof Map && tree.size > 0 && level !== depth
      ? new Map(Array.from(tree, ([name, member]) => [name, strip(member, level + 1)]))
      : 'null';
  const tree = parseTree(text);
  const levels = depth < 0 ? 1 : depth;
  return printTree(tree instanceof Map ? new Map(Array.from(tree, ([name, member]) => [name, levels === 1 ? 'null' : strip(member, 1)])) : new Map());
}

/** The tree of any JSON text, with the checks of {@link checkJsonText} except that of the top level. */
export function parseTree(text: string, { maxBytes, maxDepth }: TextLimits = { maxBytes: Infinity, maxDepth: Infinity }): Tree {
  const path: (string | number)[] = [];
  let at = 0;
  const fail = (code: JsonTextProblem, message: string): never => {
    throw new JsonTextError(code, message, path);
  };
  const syntax = (): never => fail('SYNTAX', at < text.length ? `unexpected character at position ${at}` : 'the text ends too early');
  const skipSpace = (): number => {
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      at++;
    }
  };
  const string = (): string => {
    const start = at++;
    let escaped = false;
    for (;;) {
      const code = text.charCodeAt(at);
      if (!(code >= 0x20)) syntax(); // a control character, or the end (NaN)
      at++;
      if (code === 0x22) break;
      if (code !== 0x5c) continue;
      escaped = true;
      ESCAPE.lastIndex = at;
      if (!ESCAPE.test(text)) syntax();
      at = ESCAPE.lastIndex;
    }
    const literal = text.slice(start, at);
    if (escaped && !isWellFormed(JSON.parse(literal))) fail('SURROGATE', 'a string has a lone surrogate');
    return literal;
  };
  const members = (close: number, member: (index: number) => void): void => {
    at++;
    if (skipSpace() === close) {
      at++;
      return;
    }
    for (let index = 0; ; index++) {
      member(index);
      const code = skipSpace();
      if (code !== close && code !== 0x2c) syntax(); // still in that member: `01` is a 0 and something odd
      path.pop();
      at++;
      if (code === close) return;
    }
  };
  const value = (depth: number): Tree => {
    const code = skipSpace();
    if (code === 0x22) return string();
    if ((code === 0x7b || code === 0x5b) && depth > maxDepth) fail('DEPTH', `nested more than ${maxDepth} deep`);
    if (code === 0x7b) {
      const object = new Map<string, Tree>();
      members(0x7d, () => {
        if (skipSpace() !== 0x22) syntax();
        const literal = string();
        const name: string = literal.includes('\\') ? JSON.parse(literal) : literal.slice(1, -1);
        path.push(name);
        if (object.has(name)) fail('DUPLICATE', 'a member appears twice');
        if (skipSpace() !== 0x3a) syntax();
        at++;
        object.set(name, value(depth + 1));
      });
      return object;
    }
    if (code === 0x5b) {
      const array: Tree[] = [];
      members(0x5d, (index) => {
        path.push(index);
        array.push(value(depth + 1));
      });
      return array;
    }
    SCALAR.lastIndex = at;
    const literal = SCALAR.exec(text)?.[0] ?? syntax();
    at += literal.length;
    return literal;
  };

  if (text.length > maxBytes) tooLarge(maxBytes);
  if (!isWellFormed(text)) fail('SURROGATE', 'the text has a lone surrogate');
  const tree = value(1);
  skipSpace();
  if (at < text.length) syntax();
  return tree;
}

const ESCAPE = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;
const SCALAR = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;

export function printTree(tree: Tree): JsonText {
  if (typeof tree === 'string') return tree as JsonText;
  const parts = Array.isArray(tree)
    ? (tree as readonly Tree[]).map(printTree)
    : Array.from(tree as ReadonlyMap<string, Tree>, ([name, member]) => `${JSON.stringify(name)}:${printTree(member)}`);
  return (Array.isArray(tree) ? `[${parts.join()}]` : `{${parts.join()}}`) as JsonText;
}

function storable(tree: Tree, { maxBytes }: TextLimits): JsonText {
  if (!(tree instanceof Map) && tree !== 'null') throw new JsonTextError('TOP_LEVEL', 'the value must be an object or null', []);
  const text = printTree(tree);
  // A UTF-16 unit is one to three bytes of UTF-8.
  if (text.length * 3 > maxBytes && new TextEncoder().encode(text).length > maxBytes) tooLarge(maxBytes);
  return text;
}

function tooLarge(maxBytes: number): never {
  throw new JsonTextError('SIZE', `larger than ${maxBytes} bytes`, []);
}

function treeOf(top: unknown, { maxDepth }: TextLimits): Tree {
  const path: (string | number)[] = [];
  const refuse = (what: string): never => {
    throw new JsonTextError('NOT_JSON', `${what} can't be stored as JSON`, path);
  };
  const string = (text: string): string => {
    if (!isWellFormed(text)) throw new JsonTextError('SURROGATE', 'a string has a lone surrogate', path);
    return JSON.stringify(text);
  };
  const step = (name: string | number, member: unknown, depth: number): Tree => {
    path.push(name);
    const tree = walk(member, depth);
    path.pop();
    return tree;
  };
  const walk = (value: unknown, depth: number): Tree => {
    if (value === null || typeof value === 'boolean') return String(value);
    if (typeof value === 'string') return string(value);
    if (typeof value === 'number') return Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : refuse(String(value));
    if (typeof value !== 'object') return refuse(`a value of type ${typeof value}`);
    // A cycle is found here too: it is deeper than any limit.
    if (depth > maxDepth) throw new JsonTextError('DEPTH', `nested more than ${maxDepth} deep`, path);
    const isArray = Array.isArray(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    // Objects of another realm have an Object.prototype of their own, whose prototype is null too.
    const plain = prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf'));
    if (!isArray && !plain) refuse('an instance of a class');
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') refuse('an object with toJSON');
    const array: Tree[] = [];
    const object = new Map<string, Tree>();
    let length = 0;
    for (const name of Reflect.ownKeys(value)) {
      if (isArray && name === 'length') continue;
      const property = Object.getOwnPropertyDescriptor(value, name)!;
      if (typeof name === 'symbol') return refuse('a member named by a symbol');
      if (!('value' in property)) return refuse(`the accessor ${name}`);
      if (!property.enumerable) return refuse(`the hidden member ${name}`);
      if (!isArray) {
        string(name);
        object.set(name, step(name, property.value, depth + 1));
      } else if (name === String(length)) array.push(step(length++, property.value, depth + 1));
      else return refuse('an array with holes or named members');
    }
    if (isArray && length !== value.length) refuse('an array with holes');
    return isArray ? array : object;
  };
  return walk(top, 1);
}

function merge(target: ReadonlyMap<string, Tree> | undefined, patch: Tree): Tree {
  if (!(patch instanceof Map)) return Array.isArray(patch) ? patch.map(pruned) : patch;
  const merged = new Map(target);
  for (const [name, member] of patch as ReadonlyMap<string, Tree>) {
    const old = merged.get(name);
    if (member === 'null') merged.delete(name);
    else merged.set(name, merge(old instanceof Map ? old : undefined, member));
  }
  return merged;
}

/** A new value of an array: objects in it lose their nulls, the array keeps its own. */
function pruned(tree: Tree): Tree {
  return tree === 'null' ? tree : merge(undefined, tree);
}
