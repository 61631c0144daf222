/*
 * What policies allow, worked out the slow way: every rule is held against every path, as a regular expression, and those that match are put in
 * order. Knows nothing of the product's code. Written from the rules of precedence:
 *   an exact pattern first; for a list or scan also without the slash at the end; then, of the patterns with wildcards, the one whose first
 *   wildcard comes later, that has no `*`, that has fewer `+`, that is longer, that comes later in the alphabet; for a list or scan once more
 *   without the slash if there was none.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type Parameters = Readonly<Record<string, readonly Json[]>>;

export interface Rule {
  readonly pattern: string;
  readonly capabilities: readonly string[];
  readonly policy?: 'read' | 'write' | 'sudo' | 'deny' | undefined;
  readonly allowed?: Parameters | undefined;
  readonly denied?: Parameters | undefined;
  readonly required?: readonly string[] | undefined;
  readonly minWrap?: number | undefined;
  readonly maxWrap?: number | undefined;
  readonly limit?: number | undefined;
  readonly filter?: string | undefined;
  /** Seconds since 1970. */
  readonly expiration?: number | undefined;
}

export interface Question {
  readonly operation: 'create' | 'read' | 'update' | 'patch' | 'delete' | 'list' | 'scan';
  readonly path: string;
  readonly input: Readonly<Record<string, Json>>;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly wrapTtl: number | undefined;
}

export interface Answer {
  readonly allowed: boolean;
  readonly sudo: boolean;
  readonly limit: number | undefined;
  readonly filter: string | undefined;
}

/** Is told what an answer was decided by. */
export type Tally = (feature: string) => void;

interface Shape {
  readonly rules: readonly Rule[];
  readonly regExp: RegExp;
  readonly isExact: boolean;
  readonly hasPlus: boolean;
  readonly hasStar: boolean;
  /** Larger numbers are more specific; the text decides last. */
  readonly rank: readonly number[];
  readonly text: string;
}

const CRITERIA = ['first wildcard', 'no star', 'fewer plus', 'longer'];

export class Oracle {
  readonly #shapes: readonly Shape[];

  constructor(policies: readonly (readonly Rule[])[]) {
    const byPattern = new Map<string, Rule[]>();
    for (const rule of policies.flat()) {
      const pattern = rule.pattern.replace(/^\//, '');
      byPattern.set(pattern, [...(byPattern.get(pattern) ?? []), rule]);
    }
    this.#shapes = Array.from(byPattern, ([pattern, rules]) => shapeOf(pattern, rules));
  }

  decide(question: Question, tally: Tally = () => {}): Answer {
    const no = { allowed: false, sudo: false, limit: undefined, filter: undefined };
    const rules = this.#winner(question.path, isFolder(question), question.now, tally);
    if (rules === undefined) return no;
    const capabilities = capabilitiesOfAll(rules);
    if (capabilities.includes('deny')) {
      tally('deny');
      if (!rules.every((rule) => capabilitiesOf(rule).includes('deny'))) tally('deny in a merge');
      return no;
    }
    const sudo = capabilities.includes('sudo');
    const refused = { ...no, sudo };
    if (!capabilities.includes(question.operation)) return refused;

    const min = smallest(rules.map(({ minWrap }) => minWrap));
    const max = smallest(rules.map(({ maxWrap }) => maxWrap));
    const wrap = question.wrapTtl ?? -1;
    if ((min !== undefined && wrap < min) || (max !== undefined && (wrap < 0 || wrap > max))) {
      tally('wrapping TTL');
      return refused;
    }

    const limit = isFolder(question) ? limitOf(rules, question, tally) : undefined;
    if (limit === 'refused') return refused;
    const reason = isFolder(question) || question.operation === 'delete' ? undefined : refusalByParameters(rules, question.input);
    if (reason !== undefined) {
      tally(`${reason} parameters`);
      return refused;
    }
    tally(`capability ${question.operation}`);
    if (sudo) tally('capability sudo');
    const filter = isFolder(question) ? rules.find((rule) => rule.filter !== undefined)?.filter : undefined;
    if (filter !== undefined) tally('filter path');
    return { allowed: true, sudo, limit, filter };
  }

  capabilities(path: string, now: number): readonly string[] {
    const rules = this.#winner(path, true, now, () => {});
    const capabilities = rules === undefined ? [] : capabilitiesOfAll(rules);
    if (capabilities.length === 0 || capabilities.includes('deny')) return ['deny'];
    return [...new Set(capabilities)].sort();
  }

  #winner(asked: string, folder: boolean, now: number, tally: Tally): readonly Rule[] | undefined {
    const path = asked.replace(/^\/+/, '');
    const bare = path.replace(/\/$/, '');
    const lookups: readonly (readonly [string, boolean, string?])[] = folder
      ? [
          [path, true],
          [bare, true, 'exact without slash'],
          [path, false],
          [bare, false, 'wildcards without slash'],
        ]
      : [
          [path, true],
          [path, false],
        ];
    for (const [text, exact, name] of lookups) {
      const matching = this.#shapes.filter((shape) => shape.isExact === exact && shape.regExp.test(text));
      const there = matching.filter(({ rules }) => rules.some((rule) => isThere(rule, now)));
      if (matching.some(({ rules }) => rules.some((rule) => !isThere(rule, now)))) tally('expiration');
      const [best, second] = there.sort((a, b) => compare(b, a));
      if (best === undefined) continue;
      if (name !== undefined && text !== path) tally(name);
      if (best.isExact) tally('exact');
      if (best.hasPlus) tally('+');
      if (best.hasStar) tally('*');
      if (second !== undefined) tally(`tie: ${CRITERIA[best.rank.findIndex((value, i) => value !== second.rank[i])] ?? 'alphabet'}`);
      const rules = best.rules.filter((rule) => isThere(rule, now));
      if (rules.length > 1) tally('merge');
      return rules;
    }
    return undefined;
  }
}

function shapeOf(pattern: string, rules: readonly Rule[]): Shape {
  // A plus sign that starts a segment makes it a pattern with wildcards, even if more follows and it is just a plus sign.
  const segmented = pattern.split('/').some((segment, i) => segment === '+' || (i > 0 && segment.startsWith('+')));
  const hasStar = pattern.endsWith('*');
  const text = hasStar ? pattern.slice(0, -1) : pattern;
  const segments = text.split('/');
  const source = segments.map((segment) => (segmented && segment === '+' ? '[^/]*' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))).join('/');
  const plus = segmented ? segments.filter((segment) => segment === '+').length : 0;
  return {
    rules,
    regExp: new RegExp(`^${source}${hasStar ? '' : '$'}`),
    isExact: !segmented && !hasStar,
    hasPlus: plus > 0,
    hasStar,
    rank: [segmented ? text.indexOf('+') : text.length, hasStar ? 0 : 1, -plus, text.length],
    text,
  };
}

function compare(a: Shape, b: Shape): number {
  for (let i = 0; i < a.rank.length; i++) if (a.rank[i] !== b.rank[i]) return a.rank[i]! - b.rank[i]!;
  return a.text < b.text ? -1 : 1;
}

function isThere({ expiration }: Rule, now: number): boolean {
  return expiration === undefined || now <= expiration * 1000;
}

function isFolder({ operation }: Question): boolean {
  return operation === 'list' || operation === 'scan';
}

function capabilitiesOf({ capabilities, policy }: Rule): readonly string[] {
  const words = { read: 'read list', write: 'create read update delete list', sudo: 'create read update delete list sudo', deny: 'deny' };
  return policy === undefined ? capabilities : [...capabilities, ...words[policy].split(' ')];
}

function capabilitiesOfAll(rules: readonly Rule[]): readonly string[] {
  return rules.flatMap(capabilitiesOf);
}

function smallest(values: readonly (number | undefined)[]): number | undefined {
  return values.filter((value) => value !== undefined).sort((a, b) => a - b)[0];
}

function limitOf(rules: readonly Rule[], { input }: Question, tally: Tally): number | 'refused' | undefined {
  const most = smallest(rules.map(({ limit }) => limit));
  const sent = Object.hasOwn(input, 'limit') ? input['limit'] : undefined;
  if (most === undefined) return sent === 'max' ? 0 : undefined;
  tally('pagination limit');
  if (sent === undefined) return rules.some(({ required }) => required?.some((name) => name.toLowerCase() === 'limit')) ? 'refused' : most;
  if (sent === 'max') return most;
  if (typeof sent !== 'string' && typeof sent !== 'number') return 'refused';
  if (!/^[+-]?[0-9]*$/.test(String(sent))) return 'refused';
  const limit = Number(sent);
  if (limit < 0 || limit > most) return 'refused';
  return limit === 0 ? most : limit;
}

function refusalByParameters(rules: readonly Rule[], input: Readonly<Record<string, Json>>): 'required' | 'denied' | 'allowed' | undefined {
  if (rules.some(({ required = [] }) => required.some((name) => !Object.hasOwn(input, name.toLowerCase())))) return 'required';
  const sent = Object.entries(input).map(([name, value]): [string, Json] => [name.toLowerCase(), value]);
  if (sent.length === 0) return undefined;

  const denied = rules.flatMap((rule) => Object.entries(rule.denied ?? {}));
  if (denied.some(([name]) => name === '*')) return 'denied';
  for (const [name, value] of sent) if (listedBy(denied, name)?.(value)) return 'denied';

  const allowed = rules.flatMap((rule) => Object.entries(rule.allowed ?? {}));
  const names = new Set(allowed.map(([name]) => name.toLowerCase()));
  if (names.size === 0 || (names.size === 1 && names.has('*'))) return undefined;
  for (const [name, value] of sent) {
    const listed = listedBy(allowed, name);
    if (listed === undefined ? !names.has('*') : !listed(value)) return 'allowed';
  }
  return undefined;
}

/** The test for a parameter's values that all lists for it make together. */
function listedBy(lists: readonly (readonly [string, readonly Json[]])[], name: string): ((value: Json) => boolean) | undefined {
  const mine = lists.filter(([other]) => other.toLowerCase() === name).map(([, values]) => values);
  if (mine.length === 0) return undefined;
  return (value) => mine.some(({ length }) => length === 0) || mine.flat().some((item) => fits(value, item));
}

function fits(value: Json, item: Json): boolean {
  if (typeof value !== 'string' || typeof item !== 'string' || item.length < 2) return JSON.stringify(value) === JSON.stringify(item);
  const [, before, middle = '', after] = /^(\*?)(.*?)(\*?)$/s.exec(item)!;
  return new RegExp(`^${before === '' ? '' : '.*'}${middle.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}${after === '' ? '' : '.*'}$`, 's').test(value);
}
