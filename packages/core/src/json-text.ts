import { KvError, StoreError } from './errors.ts';
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
  /** Scalars, objects and arrays, all told. Unbounded by default. */
  readonly maxValues?: number | undefined;
  /** The secret whose value it is: what a refusal names as its `path`. */
  readonly path?: string | undefined;
}

// Names are the user's, and may be as long as values.
const MAX_MEMBER_SHOWN = 2000;

/**
 * Checks a secret's JSON text: an object or null, no member twice, no lone surrogate, within limits. Returns it without white space.
 * @throws KvError `INVALID_VALUE`, `VALUE_TOO_LARGE`, `VALUE_TOO_DEEP`; none of them tells a value
 */
export function checkJsonText(text: string, limits: TextLimits): JsonText {
  return storable(compact(text, limits), limits);
}

/**
 * The JSON text of a JavaScript value, as `JSON.stringify` writes it; but what that would change or drop is refused.
 * @throws KvError `INVALID_VALUE` for undefined, NaN, bigint, Date, Map, class instances, cycles, holes and the like; `VALUE_TOO_LARGE`, `VALUE_TOO_DEEP`
 */
export function encodeJson(value: unknown, limits: TextLimits): JsonText {
  return storable(textOf(value, limits), limits);
}

/** Plain `JSON.parse`: an own `__proto__` stays an own member. */
export function parseJson(text: JsonText): JsonValue {
  return JSON.parse(text);
}

/**
 * Merges a patch into a value (RFC 7396): null removes a member, objects merge, all else is replaced; nulls inside new objects vanish, and so they
 * do in objects within new arrays, as in Vault. Null as the target counts as `{}`. The result is no deeper than the deeper of the two.
 * @throws KvError `VALUE_TOO_LARGE`
 */
export function mergePatch(target: JsonText, patch: JsonText, limits: TextLimits): JsonText {
  const into = treeOf(target);
  return storable(printTree(merge(into instanceof Map ? into : new Map(), treeOf(patch))), limits);
}

/** Every leaf (scalar, array, empty object) becomes null. `depth` 0: all levels; n: n levels of members. The subkeys of null are `{}`. */
export function subkeys(text: JsonText, depth: number): JsonText {
  const levels = depth < 0 ? 1 : depth;
  const strip = (object: ReadonlyMap<string, Tree>, level: number): Tree =>
    new Map(
      Array.from(object, ([name, member]) => [
        name,
        member instanceof Map && member.size > 0 && level !== levels ? strip(member, level + 1) : 'null',
      ]),
    );
  const tree = treeOf(text);
  return printTree(tree instanceof Map ? strip(tree, 1) : new Map());
}

/** The tree of any JSON text, with the checks of {@link checkJsonText} except that of the top level. */
export function parseTree(text: string, limits: TextLimits = { maxBytes: Infinity, maxDepth: Infinity }): Tree {
  return treeOf(compact(text, limits));
}

/**
 * The tree of a text that has been checked, and is not checked again.
 * @throws StoreError `CORRUPT` if it cannot have been: stored without a seal, and damaged
 */
function treeOf(text: JsonText): Tree {
  let at = 0;
  const scalar = (): string => {
    const start = at;
    if (text[at] !== '"') at = endOf(WORD, text, at);
    else {
      for (at = endOf(PLAIN, text, at + 1); text[at] === '\\'; at = endOf(PLAIN, text, at + 2));
      at++;
    }
    if (at === start || at > text.length) throw new SyntaxError('not JSON');
    return text.slice(start, at);
  };
  const value = (): Tree => {
    const isArray = text[at] === '[';
    if (!isArray && text[at] !== '{') return scalar();
    const close = isArray ? ']' : '}';
    const array: Tree[] = [];
    const object = new Map<string, Tree>();
    at++;
    while (text[at] !== close) {
      if (isArray) array.push(value());
      else {
        const name: string = JSON.parse(scalar());
        at++;
        object.set(name, value());
      }
      if (text[at] === ',') at++;
    }
    at++;
    return isArray ? array : object;
  };
  try {
    return value();
  } catch {
    // Not the cause: what JSON.parse says has a piece of the text in it.
    throw new StoreError('CORRUPT', 'a stored value is no JSON');
  }
}

/** The text of any JSON, checked, without white space. */
function compact(text: string, limits: TextLimits): JsonText {
  const { maxValues = Infinity } = limits;
  const { steps, refuse, checkDepth } = walkOf(limits);
  let values = 0;
  let at = 0;
  const syntax = (): never => refuse(at < text.length ? `unexpected character at position ${at}` : 'the text ends too early');
  /** Goes past what the pattern matches here. */
  const pass = (pattern: RegExp): boolean => {
    const start = at;
    at = endOf(pattern, text, at);
    return at > start;
  };
  /** The character after white space; undefined at the end. */
  const next = (): string | undefined => {
    pass(SPACE);
    return text[at];
  };
  const string = (): string => {
    const start = at++;
    while (pass(CHARACTERS));
    if (text[at] !== '"') syntax();
    const literal = text.slice(start, ++at);
    if (literal.includes('\\u') && !isWellFormed(JSON.parse(literal))) refuse('a string has a lone surrogate');
    return literal;
  };
  const value = (depth: number): string => {
    const first = next();
    if (++values > maxValues) refuse(`more than ${maxValues} values`);
    if (first === '"') return string();
    const start = at;
    if (pass(SCALAR)) return text.slice(start, at);
    const isArray = first === '[';
    if (!isArray && first !== '{') syntax();
    checkDepth(depth);
    const close = isArray ? ']' : '}';
    const members: string[] = [];
    const names = new Set<string>();
    at++;
    for (let last = next() === close; !last;) {
      let label = '';
      if (isArray) steps.push(members.length);
      else {
        if (next() !== '"') syntax();
        const name: string = JSON.parse(string());
        steps.push(name);
        if (names.has(name)) refuse('a member appears twice');
        names.add(name);
        if (next() !== ':') syntax();
        at++;
        label = `${JSON.stringify(name)}:`;
      }
      members.push(label + value(depth + 1));
      last = next() === close;
      if (!last && text[at] !== ',') syntax(); // still in that member: `01` is a 0 and something odd
      steps.pop();
      if (!last) at++;
    }
    at++;
    return bracketed(isArray, members);
  };

  if (text.length > limits.maxBytes) tooLarge(limits);
  if (!isWellFormed(text)) refuse('the text has a lone surrogate');
  const compact = value(1);
  if (next() !== undefined) syntax();
  return compact as JsonText;
}

const SPACE = /[ \t\n\r]*/y;
// Of a string. No more than some at a time: engines keep a way back for each.
const CHARACTERS = /(?:[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[\da-fA-F]{4})){1,999}/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
// The same in a text that has been checked.
const PLAIN = /[^"\\]*/y;
const WORD = /[^,\]}]*/y;

/** Where that ends which the pattern matches at a place; the place itself if it matches nothing. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

export function printTree(tree: Tree): JsonText {
  if (typeof tree === 'string') return tree as JsonText;
  const isArray = Array.isArray(tree);
  const members = isArray
    ? (tree as readonly Tree[]).map(printTree)
    : Array.from(tree as ReadonlyMap<string, Tree>, ([name, member]) => `${JSON.stringify(name)}:${printTree(member)}`);
  return bracketed(isArray, members) as JsonText;
}

function bracketed(isArray: boolean, members: readonly string[]): string {
  return isArray ? `[${members.join()}]` : `{${members.join()}}`;
}

/** The text, if it is one that a secret may have. */
function storable(text: string, limits: TextLimits): JsonText {
  if (text[0] !== '{' && text !== 'null') walkOf(limits).refuse('the value must be an object or null');
  // A UTF-16 unit is one to three bytes of UTF-8.
  if (text.length * 3 > limits.maxBytes && new TextEncoder().encode(text).length > limits.maxBytes) tooLarge(limits);
  return text as JsonText;
}

function tooLarge({ maxBytes, path }: TextLimits): never {
  throw new KvError('VALUE_TOO_LARGE', { maxBytes }, { path });
}

/** A walk through a text or a value: the steps to where it is, and refusals that name that member, never a value. */
function walkOf({ maxDepth, path }: TextLimits): {
  readonly steps: (string | number)[];
  readonly refuse: (problem: string) => never;
  readonly checkDepth: (depth: number) => void;
} {
  const steps: (string | number)[] = [];
  /** `$.a[3].b` */
  const member = (): string => {
    const whole = steps.reduce<string>((at, step) => (typeof step === 'number' ? `${at}[${step}]` : `${at}.${step}`), '$');
    return whole.length > MAX_MEMBER_SHOWN ? `${whole.slice(0, MAX_MEMBER_SHOWN)}…` : whole;
  };
  return {
    steps,
    refuse: (problem) => {
      throw new KvError('INVALID_VALUE', { member: member(), problem }, { path });
    },
    checkDepth: (depth) => {
      if (depth > maxDepth) throw new KvError('VALUE_TOO_DEEP', { maxDepth, member: member() }, { path });
    },
  };
}

const HOLES = 'an array with holes or named members';

function textOf(top: unknown, limits: TextLimits): string {
  const { steps, refuse, checkDepth } = walkOf(limits);
  const drops = (what: string): never => refuse(`${what} can't be stored as JSON`);
  const string = (text: string): string => (isWellFormed(text) ? JSON.stringify(text) : refuse('a string has a lone surrogate'));
  const walk = (value: unknown, depth: number): string => {
    if (value === null || typeof value === 'boolean') return String(value);
    if (typeof value === 'string') return string(value);
    if (typeof value === 'number') return Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : drops(String(value));
    if (typeof value !== 'object') return drops(`a value of type ${typeof value}`);
    // A cycle is found here too: it is deeper than any limit.
    checkDepth(depth);
    const isArray = Array.isArray(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    // Objects of another realm have an Object.prototype of their own, whose prototype is null too.
    const plain = prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf'));
    if (!isArray && !plain) drops('an instance of a class');
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') drops('an object with toJSON');
    const members: string[] = [];
    for (const name of Reflect.ownKeys(value)) {
      if (isArray && name === 'length') continue;
      const property = Object.getOwnPropertyDescriptor(value, name)!;
      // An accessor, a hidden member, one named by a symbol.
      if (typeof name === 'symbol' || !property.enumerable || !('value' in property)) return drops(`the member ${String(name)}`);
      if (isArray && name !== String(members.length)) drops(HOLES);
      const label = isArray ? '' : `${string(name)}:`;
      steps.push(isArray ? members.length : name);
      members.push(label + walk(property.value, depth + 1));
      steps.pop();
    }
    if (isArray && members.length !== value.length) drops(HOLES);
    return bracketed(isArray, members);
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
