import type { Tree } from '@sealkv/core/json';
import { parseDuration } from './time.ts';

/*
 * The parameters of an endpoint and how loosely they are read: OpenBao's framework decodes weakly (mapstructure), so that `"3"`, `true`
 * and `"0x3"` are whole numbers too (sdk/framework/field_data.go). All input is JSON trees; a query parameter is a string.
 */

interface ValueByType {
  readonly string: string;
  /** Outside of 53 bits a number near it: such a version or limit exists nowhere. */
  readonly int: number;
  readonly float: number;
  readonly bool: boolean;
  /** An object, or `'null'` where null was given. */
  readonly map: ReadonlyMap<string, Tree> | 'null';
  /** A list of objects. */
  readonly maps: readonly ReadonlyMap<string, Tree>[];
  /** Whole seconds, not negative. */
  readonly duration: number;
  /** Whole seconds. */
  readonly signedDuration: number;
  readonly ints: readonly number[];
  readonly strings: readonly string[];
  /** As `strings`, but a text is one, commas and all. */
  readonly wholeStrings: readonly string[];
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Names and texts: an object, or a list of `name=text`. */
  readonly texts: ReadonlyMap<string, string>;
}

export type FieldType = keyof ValueByType;

export interface Field {
  readonly type: FieldType;
  /** What it is, for people. */
  readonly about: string;
}
export type Fields = Readonly<Record<string, Field>>;
/** A field of a known type, where a declaration has to name it. */
export interface FieldOf<T extends FieldType> extends Field {
  readonly type: T;
}

/** The decoded parameters that were given. */
export type Values<F extends Fields> = { readonly [N in keyof F]?: ValueByType[F[N]['type']] | undefined };

/** Why a value could not be read as its type. Names the type, never the value. */
export class FieldProblem extends Error {
  override readonly name = 'FieldProblem';
}

/**
 * @throws FieldProblem naming the first parameter that can't be read
 */
export function decodeFields<F extends Fields>(fields: F, input: ReadonlyMap<string, Tree>): Values<F> {
  const values: Record<string, unknown> = {};
  for (const [name, { type }] of Object.entries(fields)) {
    const tree = input.get(name);
    if (tree === undefined) continue;
    try {
      values[name] = decodeField(type, tree);
    } catch (error) {
      if (error instanceof FieldProblem) throw new FieldProblem(`error converting input for field "${name}": ${error.message}`);
      throw error;
    }
  }
  return values as Values<F>;
}

function decodeField(type: FieldType, tree: Tree): unknown {
  switch (type) {
    case 'string':
      return decodeString(tree);
    case 'int':
      return decodeInt(tree);
    case 'float':
      return decodeFloat(tree);
    case 'bool':
      return decodeBool(tree);
    case 'map':
      return decodeMap(tree);
    case 'maps':
      return decodeMaps(tree);
    case 'duration':
    case 'signedDuration':
      return decodeDuration(tree, type === 'signedDuration');
    case 'ints':
      return items(tree).map((item, i) => inList(i, () => decodeInt(item)));
    case 'strings':
      return items(tree).map((item, i) => inList(i, () => decodeString(item).trim()));
    case 'wholeStrings':
      return (isText(tree) ? [tree] : items(tree)).map((item, i) => inList(i, () => decodeString(item).trim()));
    case 'time':
      return decodeTime(tree);
    case 'texts':
      return isPairs(tree) ? decodePairs(tree) : decodeTexts(tree);
    default:
      return type satisfies never;
  }
}

export function decodeString(tree: Tree): string {
  if (typeof tree !== 'string') throw unconvertible('string', tree);
  if (tree.startsWith('"')) return JSON.parse(tree) as string;
  if (tree === 'null') return '';
  return tree === 'true' ? '1' : tree === 'false' ? '0' : tree;
}

export function decodeInt(tree: Tree): number {
  if (typeof tree !== 'string') throw unconvertible('int', tree);
  if (tree === 'null' || tree === 'false') return 0;
  if (tree === 'true') return 1;
  const text = tree.startsWith('"') ? (JSON.parse(tree) as string) : tree;
  if (text === '') return 0;
  const [, sign, digits] = /^([+-]?)(0x[0-9a-f]+|0b[01]+|0o[0-7]+|0[0-7]*|[1-9][0-9]*)$/i.exec(text) ?? [];
  if (digits === undefined) throw new FieldProblem(`'' cannot parse value as 'int': strconv.ParseInt: invalid syntax`);
  const magnitude = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const value = sign === '-' ? -magnitude : magnitude;
  if (BigInt.asIntN(64, value) !== value) throw new FieldProblem(`'' cannot parse value as 'int': strconv.ParseInt: value out of range`);
  return Number(value);
}

function decodeFloat(tree: Tree): number {
  if (typeof tree !== 'string') throw unconvertible('float64', tree);
  if (tree === 'null' || tree === 'false') return 0;
  if (tree === 'true') return 1;
  const text = tree.startsWith('"') ? (JSON.parse(tree) as string) : tree;
  if (text === '') return 0;
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new FieldProblem(`'' cannot parse value as 'float64': strconv.ParseFloat: invalid syntax`);
  return value;
}

export function decodeBool(tree: Tree): boolean {
  if (typeof tree !== 'string') throw unconvertible('bool', tree);
  const text = tree.startsWith('"') ? (JSON.parse(tree) as string) : tree;
  if (text === '' || text === 'null') return false;
  const parsed = parseBool(text);
  if (parsed === undefined) throw new FieldProblem(`'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax`);
  return parsed;
}

/** Go's `strconv.ParseBool`. */
export function parseBool(text: string): boolean | undefined {
  if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true;
  return /^(?:0|f|F|false|FALSE|False)$/.test(text) ? false : undefined;
}

function decodeMap(tree: Tree): ReadonlyMap<string, Tree> | 'null' {
  if (tree === 'null') return tree;
  if (tree instanceof Map) return tree as ReadonlyMap<string, Tree>;
  // A list of objects is their union.
  if (Array.isArray(tree) && tree.every((item) => item instanceof Map))
    return new Map(tree.flatMap((item) => [...(item as ReadonlyMap<string, Tree>)]));
  throw unconvertible('map[string]interface {}', tree);
}

function decodeMaps(tree: Tree): readonly ReadonlyMap<string, Tree>[] {
  if (tree === 'null') return [];
  if (Array.isArray(tree) && tree.every((item) => item instanceof Map)) return tree as ReadonlyMap<string, Tree>[];
  throw unconvertible('[]map[string]interface {}', tree);
}

function decodeDuration(tree: Tree, signed: boolean): number | undefined {
  if (tree === 'null') return undefined;
  if (typeof tree !== 'string' || tree === 'true' || tree === 'false') throw new FieldProblem('could not parse duration from input');
  const seconds = parseDuration(tree.startsWith('"') ? (JSON.parse(tree) as string) : tree);
  if (seconds === undefined) throw new FieldProblem('time: invalid duration');
  if (seconds < 0 && !signed) throw new FieldProblem(`cannot provide negative value '${seconds}'`);
  return seconds;
}

/** @throws FieldProblem for a member that is no scalar */
export function decodeTexts(tree: Tree): ReadonlyMap<string, string> {
  const map = decodeMap(tree);
  return new Map(map === 'null' ? [] : Array.from(map, ([name, member]) => [name, decodeString(member)]));
}

function isText(tree: Tree): boolean {
  return typeof tree === 'string' && tree.startsWith('"') && tree !== '""';
}

/** What is no object, nor several. */
function isPairs(tree: Tree): boolean {
  return Array.isArray(tree) ? tree.length > 0 && !tree.every((item) => item instanceof Map) : typeof tree === 'string' && tree !== 'null';
}

/** The one problem that is told with what was sent, as OpenBao does: such names and texts are no secrets. */
function decodePairs(tree: Tree): ReadonlyMap<string, string> {
  const pairs = Array.isArray(tree) ? (tree as readonly Tree[]).map((item, i) => inList(i, () => decodeString(item))) : [decodeString(tree)];
  return new Map(
    pairs.map((pair): [string, string] => {
      const at = pair.indexOf('=');
      if (at < 1) throw new FieldProblem(`invalid key pair ${JSON.stringify(pair)}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** RFC 3339, or seconds since 1970. */
function decodeTime(tree: Tree): number | undefined {
  if (tree === 'null') return undefined;
  if (typeof tree !== 'string' || tree === 'true' || tree === 'false') throw new FieldProblem('could not parse time from input type');
  const text = tree.startsWith('"') ? (JSON.parse(tree) as string) : tree;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text);
  const time = isTime ? Date.parse(text) : /^-?\d{1,12}$/.test(text) ? Number(text) * 1000 : NaN;
  if (Number.isNaN(time)) throw new FieldProblem('could not parse string as date and time');
  return time;
}

/** A list, or the parts of a text between commas, or one value. */
function items(tree: Tree): readonly Tree[] {
  if (Array.isArray(tree)) return tree as readonly Tree[];
  if (tree === 'null' || tree === '""' || (tree instanceof Map && tree.size === 0)) return [];
  if (typeof tree !== 'string' || !tree.startsWith('"')) return [tree];
  return (JSON.parse(tree) as string).split(',').map((part) => JSON.stringify(part));
}

function inList<T>(index: number, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
    throw new FieldProblem(
      `decoding failed due to the following error(s):\n\n'[${index}]${error.message.slice(error.message.startsWith(`''`) ? 1 : 0)}`,
    );
  }
}

function unconvertible(expected: string, met: Tree): FieldProblem {
  const type = typeof met !== 'string' ? (Array.isArray(met) ? '[]interface {}' : 'map[string]interface {}') : scalarType(met);
  return new FieldProblem(`'' expected type '${expected}', got unconvertible type '${type}'`);
}

function scalarType(literal: string): string {
  if (literal.startsWith('"')) return 'string';
  return literal === 'true' || literal === 'false' ? 'bool' : 'json.Number';
}
