import type { Json, Parameters, Question, Rule } from './oracle.ts';

/* Small alphabets, so that patterns meet, tie and merge all the time. */

const CAPABILITIES = ['create', 'read', 'update', 'delete', 'list', 'patch', 'scan', 'sudo'];
const OPERATIONS = ['create', 'read', 'update', 'patch', 'delete', 'list', 'scan', 'list', 'scan'] as const;
const SEGMENTS = ['a', 'a', 'b', 'b', 'ab', 'a', 'b', 'ab', '+b', 'a+'];
const VALUES: readonly Json[] = ['x', 'xy', 'yx', 'y', '', 1, 2, true, false, null, ['x'], { n: 'x' }];
const LISTED: readonly Json[] = ['x', 'y', 'x*', '*y', '*x*', '*', '**', 1, 2, true, ['x'], { n: 'x' }];
const NAMES = ['p', 'q', 'r'];
const FILTERS = ['{{ .path }}{{ .key }}', '{{ .key }}'];

/** Whole seconds around which rules expire. */
export const EPOCH = 1_000;

/** mulberry32 */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class Generator {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  policies(): readonly (readonly Rule[])[] {
    const patterns = this.#times(1, 5, () => this.#pattern());
    // Where two of the same shape differ in the place of a `+` only, every criterion ties but the last.
    if (this.#chance(0.35)) patterns.push('a/+/b/+', 'a/+/+/b');
    if (this.#chance(0.2)) patterns.push('+/a/+/*', '+/+/b/*', '+/+/a/*');
    if (this.#chance(0.2)) patterns.push('a/+/*', 'a/+/a*', 'a/+/ab*');
    return this.#times(1, 3, () => this.#times(1, 4, () => this.#rule(this.#chance(0.75) ? this.#pick(patterns) : this.#pattern())));
  }

  question(policies: readonly (readonly Rule[])[]): Question {
    const operation = this.#pick(OPERATIONS);
    const isFolder = operation === 'list' || operation === 'scan';
    let path = this.#chance(0.92) ? this.#instance(this.#pick(policies.flat()).pattern) : this.#times(1, 4, () => this.#pick(SEGMENTS)).join('/');
    if (isFolder ? this.#chance(0.85) && !path.endsWith('/') : this.#chance(0.05)) path += '/';
    return {
      operation,
      path,
      input: isFolder ? this.#paging() : this.#input(),
      now: EPOCH * 1000 + this.#pick([-1, 0, 0, 0, 1]),
      wrapTtl: this.#chance(0.6) ? undefined : this.#pick([5, 10, 15, 20, 25]),
    };
  }

  #rule(pattern: string): Rule {
    const policy = this.#chance(0.06) ? this.#pick(['read', 'write', 'sudo', 'deny'] as const) : undefined;
    const capabilities = CAPABILITIES.filter(() => this.#chance(0.62));
    if (this.#chance(0.07)) capabilities.splice(Math.floor(this.#random() * capabilities.length), 0, 'deny');
    const listed = [...capabilities, ...(policy === undefined || policy === 'deny' ? [] : ['list'])];
    const [min, max] = this.#pick([
      [undefined, undefined],
      [10, undefined],
      [undefined, 20],
      [10, 20],
    ] as const);
    const wraps = this.#chance(0.06);
    return {
      pattern: this.#chance(0.05) ? `/${pattern}` : pattern,
      capabilities,
      policy,
      allowed: this.#chance(0.14) ? this.#parameters() : undefined,
      denied: this.#chance(0.14) ? this.#parameters() : undefined,
      required: this.#chance(0.12) ? this.#times(1, 2, () => this.#pick(['p', 'Q', 'r', 'limit', 'LIMIT'])) : undefined,
      minWrap: wraps ? min : undefined,
      maxWrap: wraps ? max : undefined,
      limit: this.#chance(0.2) ? this.#pick([1, 2, 3, 10]) : undefined,
      filter: listed.includes('list') && !listed.includes('deny') && policy !== 'deny' && this.#chance(0.15) ? this.#pick(FILTERS) : undefined,
      expiration: this.#chance(0.08) ? this.#pick([EPOCH - 1, EPOCH, EPOCH, EPOCH + 1]) : undefined,
    };
  }

  #pattern(): string {
    if (this.#chance(0.02)) return this.#pick(['*', '+', '+/*', '']);
    const segments = this.#times(1, 4, () => (this.#chance(0.3) ? '+' : this.#pick(SEGMENTS)));
    const text = segments.join('/');
    const end = this.#random();
    if (end < 0.25) return `${text}/*`;
    if (end < 0.38 && !text.endsWith('+')) return `${text}*`;
    return end < 0.46 ? `${text}/` : text;
  }

  /** A path that a pattern matches, or nearly so. */
  #instance(pattern: string): string {
    let path = pattern
      .replace(/^\//, '')
      .split('/')
      .map((segment) => (segment === '+' ? this.#pick(SEGMENTS) : segment))
      .join('/');
    if (path.endsWith('*')) path = path.slice(0, -1) + this.#pick(['', 'a', 'b', 'a/b', 'ab', 'b/', 'a/a/b']);
    if (this.#chance(0.06)) path += this.#pick(['/', 'b', '/a']);
    return path;
  }

  #parameters(): Parameters {
    const names = this.#chance(0.15) ? ['*'] : [];
    names.push(...this.#times(names.length === 1 ? 0 : 1, 3, () => this.#pick([...NAMES, 'P', 'Q'])));
    return Object.fromEntries(distinct(names).map((name) => [name, this.#chance(0.3) ? [] : this.#times(1, 3, () => this.#pick(LISTED))]));
  }

  #input(): Readonly<Record<string, Json>> {
    return Object.fromEntries(this.#times(0, 3, () => [this.#pick([...NAMES, ...NAMES, 'Q', 'other']), this.#pick(VALUES)]));
  }

  #paging(): Readonly<Record<string, Json>> {
    const limit = this.#pick<Json | undefined>([
      undefined,
      undefined,
      'max',
      'max',
      '0',
      '1',
      '2',
      '3',
      '11',
      '-1',
      '',
      'x',
      '1.5',
      '+2',
      '007',
      2,
      true,
      null,
    ]);
    return limit === undefined ? {} : this.#chance(0.1) ? { LIMIT: limit } : { limit };
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  #times<T>(min: number, max: number, make: () => T): T[] {
    return Array.from({ length: min + Math.floor(this.#random() * (max - min + 1)) }, make);
  }
}

/** Names that differ in case only are one. */
function distinct(names: readonly string[]): readonly string[] {
  return names.filter((name, i) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) === i);
}

/** A policy as people write it. */
export function textOf(rules: readonly Rule[]): string {
  return rules.map(blockOf).join('');
}

function blockOf(rule: Rule): string {
  const lines = [`capabilities = ${JSON.stringify(rule.capabilities)}`];
  if (rule.policy !== undefined) lines.push(`policy = "${rule.policy}"`);
  if (rule.allowed !== undefined) lines.push(`allowed_parameters = ${hclOf(rule.allowed)}`);
  if (rule.denied !== undefined) lines.push(`denied_parameters = ${hclOf(rule.denied)}`);
  if (rule.required !== undefined) lines.push(`required_parameters = ${hclOf(rule.required)}`);
  if (rule.minWrap !== undefined) lines.push(`min_wrapping_ttl = ${rule.minWrap}`);
  if (rule.maxWrap !== undefined) lines.push(`max_wrapping_ttl = "${rule.maxWrap}s"`);
  if (rule.limit !== undefined) lines.push(`pagination_limit = ${rule.limit}`);
  if (rule.filter !== undefined) lines.push(`list_scan_response_keys_filter_path = ${JSON.stringify(rule.filter)}`);
  if (rule.expiration !== undefined) lines.push(`expiration = "${rule.expiration}"`);
  return `path ${JSON.stringify(rule.pattern)} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

function hclOf(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(hclOf).join(', ')}]`;
  return `{ ${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)} = ${hclOf(member)}`)
    .join(', ')} }`;
}
