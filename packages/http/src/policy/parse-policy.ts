import type { Tree } from '@sealkv/core/json';
import { compileFilterPath, FilterPathProblem } from './filter-path.ts';
import type { HclFile, HclMember, HclObject, HclValue } from './hcl.ts';
import { HclError, parseHcl } from './hcl.ts';
import { lowerCased } from './names.ts';
import type { Parameters } from './parameters.ts';

/*
 * The policy language: `path "secret/data/*" { capabilities = ["read"] }`, in HCL or as JSON. Refusals have OpenBao's words where it has words of
 * its own, and ours where its libraries speak (vault/policy/policy.go).
 */

export const CAPABILITIES = ['create', 'read', 'update', 'delete', 'list', 'patch', 'scan', 'sudo', 'deny'] as const;
export type Capability = (typeof CAPABILITIES)[number];

export interface PolicyRule {
  /** As written, without a slash at the start. */
  readonly pattern: string;
  /**
   * `prefix`: whatever starts with what stands before the `*` at the end. `segments`: each `+` between slashes is one segment, and a `*` at the end
   * as before.
   */
  readonly kind: 'exact' | 'prefix' | 'segments';
  /** Has `{{ }}`, which stands for something about the caller's entity. */
  readonly templated: boolean;
  /** Just `deny`, or others. */
  readonly capabilities: ReadonlySet<Capability>;
  readonly allowedParameters?: Parameters | undefined;
  readonly deniedParameters?: Parameters | undefined;
  /** Lower-cased. */
  readonly requiredParameters?: readonly string[] | undefined;
  /** May have a fraction. */
  readonly minWrappingTtlSeconds?: number | undefined;
  /** May have a fraction. */
  readonly maxWrappingTtlSeconds?: number | undefined;
  readonly paginationLimit?: number | undefined;
  /** Milliseconds since 1970; the rule is there up to then. */
  readonly expiresAt?: number | undefined;
  readonly listScanResponseKeysFilterPath?: string | undefined;
  readonly comment?: string | undefined;
}

export interface Policy {
  readonly rules: readonly PolicyRule[];
}

/** Why a text is no policy. The message is what an answer says after `failed to parse policy: `. */
export class PolicyProblem extends Error {
  override readonly name = 'PolicyProblem';
}

/** @throws PolicyProblem */
export function parsePolicy(text: string): Policy {
  try {
    const file = parseHcl(text);
    checkNames(file.root, ['name', 'path'], '');
    new Members(file.root, '').text('name');
    return { rules: pathsOf(file).map(([path, block]) => readRule(path, block)) };
  } catch (error) {
    if (error instanceof HclError) throw new PolicyProblem(error.message, { cause: error });
    throw error;
  }
}

/** The label and body of each `path`. JSON nests them: `{"path": {"a": {}}}`, or a list of such objects. */
function pathsOf({ syntax, root }: HclFile): readonly (readonly [string, HclObject])[] {
  const members = root.members.filter(({ name }) => name === 'path');
  if (syntax === 'hcl') {
    return members.map((member): [string, HclObject] => {
      if (member.labels.length !== 1 || member.value.kind !== 'object')
        throw new HclError('a path is a block with one label: path "secret/data/a" { ... }', member.at);
      return [member.labels[0]!, member.value];
    });
  }
  return members
    .flatMap(({ value }) => (value.kind === 'list' ? value.items : [value]))
    .flatMap((object) => {
      if (object.kind !== 'object') throw new HclError('path must be an object', object.at);
      return object.members.map(({ name, value }): [string, HclObject] => {
        if (value.kind !== 'object') throw new HclError(`what path ${quote(name)} stands for must be an object`, value.at);
        return [name, value];
      });
    });
}

const RULE_MEMBERS = [
  'comment',
  'policy',
  'capabilities',
  'allowed_parameters',
  'denied_parameters',
  'required_parameters',
  'min_wrapping_ttl',
  'max_wrapping_ttl',
  'mfa_methods',
  'pagination_limit',
  'expiration',
  'list_scan_response_keys_filter_path',
];

function readRule(path: string, block: HclObject): PolicyRule {
  const scope = `path ${quote(path)}: `;
  const templated = isTemplated(path);
  checkNames(block, RULE_MEMBERS, scope);
  const members = new Members(block, scope);
  const given = {
    policy: members.text('policy'),
    capabilities: members.texts('capabilities') ?? [],
    minWrappingTtl: members.last('min_wrapping_ttl'),
    maxWrappingTtl: members.last('max_wrapping_ttl'),
    allowedParameters: members.parameters('allowed_parameters'),
    deniedParameters: members.parameters('denied_parameters'),
    requiredParameters: members.texts('required_parameters')?.map(lowerCased),
    paginationLimit: members.whole('pagination_limit'),
    expiration: members.text('expiration'),
    filterPath: members.text('list_scan_response_keys_filter_path'),
  };
  // Who uses second factors enters them at login; a rule that names some is a rule like any other.
  members.texts('mfa_methods');
  const comment = members.last('comment');

  const expiresAt = given.expiration ? parseTime(given.expiration) : undefined;
  if (given.expiration && expiresAt === undefined)
    throw new PolicyProblem(`${scope}invalid expiration time: could not parse string as date and time`);
  const pattern = path.startsWith('/') ? path.slice(1) : path;
  if (pattern.includes('+*')) throw new PolicyProblem(`path ${quote(pattern)}: invalid use of wildcards ('+*' is forbidden)`);
  const rule = {
    pattern,
    kind: kindOf(pattern),
    templated,
    capabilities: readCapabilities(given.capabilities, given.policy ?? '', scope),
    expiresAt,
    comment: comment?.kind === 'string' ? comment.text : undefined,
  };
  if (rule.capabilities.has('deny')) return rule;

  const min = readDuration('min_wrapping_ttl', given.minWrappingTtl);
  const max = readDuration('max_wrapping_ttl', given.maxWrappingTtl);
  if (min !== 0 && max !== 0 && max < min) throw new PolicyProblem('max_wrapping_ttl cannot be less than min_wrapping_ttl');
  if (given.filterPath) checkFilterPath(given.filterPath, rule);
  return {
    ...rule,
    allowedParameters: given.allowedParameters,
    deniedParameters: given.deniedParameters,
    requiredParameters: given.requiredParameters,
    minWrappingTtlSeconds: min === 0 ? undefined : min,
    maxWrappingTtlSeconds: max === 0 ? undefined : max,
    // None, if it is not positive.
    paginationLimit: given.paginationLimit !== undefined && given.paginationLimit > 0 ? given.paginationLimit : undefined,
    listScanResponseKeysFilterPath: given.filterPath === '' ? undefined : given.filterPath,
  };
}

/** Any `+` after a slash makes segments of a pattern, even one that starts a longer segment and is just a plus sign. */
function kindOf(pattern: string): PolicyRule['kind'] {
  if (pattern === '+' || pattern.startsWith('+/') || pattern.includes('/+')) return 'segments';
  return pattern.endsWith('*') ? 'prefix' : 'exact';
}

const CAPABILITIES_BY_LEGACY_POLICY: Readonly<Record<string, readonly Capability[]>> = {
  deny: ['deny'],
  read: ['read', 'list'],
  write: ['create', 'read', 'update', 'delete', 'list'],
  sudo: ['create', 'read', 'update', 'delete', 'list', 'sudo'],
};

function readCapabilities(names: readonly string[], legacyPolicy: string, scope: string): ReadonlySet<Capability> {
  const legacy = Object.hasOwn(CAPABILITIES_BY_LEGACY_POLICY, legacyPolicy) ? CAPABILITIES_BY_LEGACY_POLICY[legacyPolicy]! : [];
  if (legacyPolicy !== '' && legacy.length === 0) throw new PolicyProblem(`${scope}invalid policy ${quote(legacyPolicy)}`);
  const capabilities = new Set<Capability>();
  for (const name of legacyPolicy === 'deny' ? legacy : [...names, ...legacy]) {
    // What comes after it is not even looked at.
    if (name === 'deny') return new Set([name]);
    if (!isCapability(name)) throw new PolicyProblem(`${scope}invalid capability ${quote(name)}`);
    capabilities.add(name);
  }
  return capabilities;
}

function isCapability(name: string): name is Capability {
  return (CAPABILITIES as readonly string[]).includes(name);
}

/** @throws PolicyProblem if braces are not in pairs */
function isTemplated(path: string): boolean {
  const [first = '', ...rest] = path.split('{{');
  if (first.includes('}}') || rest.some((piece) => piece.split('}}').length !== 2))
    throw new PolicyProblem('failed to validate policy templating: unbalanced templating characters');
  return rest.length > 0;
}

/** @throws PolicyProblem */
function checkFilterPath(template: string, { capabilities, pattern }: Pick<PolicyRule, 'capabilities' | 'pattern'>): void {
  const name = 'list_scan_response_keys_filter_path';
  if (!capabilities.has('list')) throw new PolicyProblem(`${name} needs to be used on a path with the list capability`);
  try {
    const filterPath = compileFilterPath(template);
    if (filterPath(pattern, 'mVn2-Y8dPq-one') === filterPath(pattern, 'zR7k-Wc4uT-two'))
      throw new PolicyProblem(`${name} resulted in same path for two different keys`);
  } catch (error) {
    if (!(error instanceof FilterPathProblem)) throw error;
    throw new PolicyProblem(`unable to compile template for ${name}: ${error.message}`);
  }
}

/** Seconds; 0 is none. */
function readDuration(name: string, value: HclValue | undefined): number {
  if (value === undefined || value.kind === 'null') return 0;
  if (value.kind !== 'string' && value.kind !== 'number') throw new PolicyProblem(`error parsing ${name}: could not parse duration from input`);
  const seconds = value.kind === 'number' ? Math.trunc(Number(value.literal)) : parseSeconds(value.text);
  if (seconds === undefined || !(Math.abs(seconds) <= MAX_SECONDS)) throw new PolicyProblem(`error parsing ${name}: time: invalid duration`);
  if (seconds < 0) throw new PolicyProblem(`error parsing ${name}: a limit can't be negative`);
  return seconds;
}

// Go keeps durations in 63 bits of nanoseconds.
const MAX_SECONDS = 9_223_372_036;
const SECONDS_BY_UNIT: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** `90`, `2d`, `1h30m`, `1.5s`, with the fraction: a limit of half a second is not none. */
function parseSeconds(text: string): number | undefined {
  if (text === '') return 0;
  const [, count, day] = /^([+-]?\d+)(d?)$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (day === 'd' ? 86_400 : 1);
  const unsigned = /^[+-]/.test(text) ? text.slice(1) : text;
  if (unsigned === '0') return 0;
  let seconds = 0;
  PART.lastIndex = 0;
  do {
    const [, amount, unit] = PART.exec(unsigned) ?? [];
    if (unit === undefined) return undefined;
    seconds += Number(amount) * SECONDS_BY_UNIT[unit]!;
  } while (PART.lastIndex < unsigned.length);
  return text.startsWith('-') ? -seconds : seconds;
}

const TIME = /^(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** RFC 3339, or seconds since 1970. */
function parseTime(text: string): number | undefined {
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text) * 1000;
  const [, day, time, fraction = '', sign, hours = '0', minutes = '0'] = TIME.exec(text) ?? [];
  if (day === undefined) return undefined;
  const ms = Date.parse(`${day}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`);
  // Some engines make the 2nd of March of the 30th of February.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(day)) return undefined;
  return ms - (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** @throws PolicyProblem naming every member that is not known */
function checkNames({ members }: HclObject, known: readonly string[], scope: string): void {
  const problems = members
    .filter(({ name }) => !known.includes(name))
    .map(({ name, assignLine }) => `* ${scope}invalid key ${quote(name)} on line ${assignLine}`);
  if (problems.length === 0) return;
  throw new PolicyProblem(`${problems.length === 1 ? '1 error' : `${problems.length} errors`} occurred:\n\t${problems.join('\n\t')}\n\n`);
}

/** The members of a block, read as what they should be. One that is given twice adds to a list or a map, and replaces anything else. */
class Members {
  readonly #byName = new Map<string, HclMember[]>();
  readonly #scope: string;

  constructor({ members }: HclObject, scope: string) {
    this.#scope = scope;
    for (const member of members) push(this.#byName, member.name, member);
  }

  last(name: string): HclValue | undefined {
    return this.#byName.get(name)?.at(-1)?.value;
  }

  text(name: string): string | undefined {
    return this.#read(name, 'a text', textOf).at(-1);
  }

  texts(name: string): readonly string[] | undefined {
    const lists = this.#read(name, 'a list of texts', (value) => {
      const texts = value.kind === 'list' ? value.items.map((item) => (item.kind === 'null' ? undefined : textOf(item))) : [undefined];
      return texts.includes(undefined) ? undefined : (texts as string[]);
    });
    return lists.length === 0 ? undefined : lists.flat();
  }

  whole(name: string): number | undefined {
    return this.#read(name, 'a whole number', (value) => {
      const text = value.kind === 'number' ? value.literal : value.kind === 'string' ? value.text : '';
      const [, sign, digits] = /^([+-]?)(0x[0-9a-f]{1,16}|\d{1,19})$/i.exec(text) ?? [];
      if (digits === undefined) return undefined;
      const octal = value.kind === 'string' && /^0[0-9]/.test(digits);
      if (octal && /[89]/.test(digits)) return undefined;
      return Number(octal ? `0o${digits.slice(1)}` : digits) * (sign === '-' ? -1 : 1);
    }).at(-1);
  }

  /** Names and the values listed for each. */
  parameters(name: string): Parameters | undefined {
    const maps = this.#read(name, 'an object of lists', (value) => {
      // In JSON a list of objects is their union.
      const objects = value.kind === 'list' && value.items.length > 0 ? value.items : [value];
      const lists = objects.flatMap((object) => (object.kind === 'object' ? object.members.map(listOf) : [undefined]));
      return lists.includes(undefined) ? undefined : (lists as (readonly [string, readonly Tree[]])[]);
    });
    if (maps.length === 0) return undefined;
    const listsByName = new Map<string, (readonly Tree[])[]>();
    for (const [parameter, values] of maps.flat()) push(listsByName, parameter, values);
    return new Map(Array.from(listsByName, ([parameter, lists]) => [parameter, lists.flat()]));
  }

  #read<T>(name: string, what: string, read: (value: HclValue) => T | undefined): readonly T[] {
    return (this.#byName.get(name) ?? []).map(({ value, labels }) => {
      const result = labels.length === 0 ? read(value) : undefined;
      if (result === undefined) throw new PolicyProblem(`${this.#scope}${new HclError(`${name} must be ${what}`, value.at).message}`);
      return result;
    });
  }
}

function push<T>(listByName: Map<string, T[]>, name: string, item: T): void {
  const list = listByName.get(name);
  if (list === undefined) listByName.set(name, [item]);
  else list.push(item);
}

function listOf({ name, labels, value }: HclMember): readonly [string, readonly Tree[]] | undefined {
  if (labels.length > 0) return undefined;
  // An object alone is a list of it.
  if (value.kind === 'object') return [lowerCased(name), [treeOf(value)]];
  return value.kind === 'list' ? [lowerCased(name), value.items.map(treeOf)] : undefined;
}

/** A whole number is a text, too, and null in JSON is an empty one. */
function textOf(value: HclValue): string | undefined {
  if (value.kind === 'string') return value.text;
  if (value.kind === 'null') return '';
  return value.kind === 'number' && /^-?\d+$/.test(value.literal) ? value.literal : undefined;
}

function treeOf(value: HclValue): Tree {
  switch (value.kind) {
    case 'string':
      return JSON.stringify(value.text);
    case 'number':
      return value.literal;
    case 'bool':
      return String(value.value);
    case 'null':
      return 'null';
    case 'list':
      return value.items.map(treeOf);
    case 'object':
      return new Map(value.members.map((member) => [member.name, treeOf(member.value)]));
    default:
      return value satisfies never;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** As Go quotes a text: what can't be printed is escaped. */
function quote(text: string): string {
  const quoted = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (char) => {
    const known = ESCAPES[char];
    if (known !== undefined) return known;
    const code = char.codePointAt(0)!;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return `"${quoted}"`;
}
