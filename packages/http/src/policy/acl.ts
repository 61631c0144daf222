import type { Tree } from '@sealkv/core/json';
import type { Parameters } from './parameters.ts';
import { isListed, mergeParameters } from './parameters.ts';
import { lowerCased } from './names.ts';
import type { Capability, Policy, PolicyRule } from './parse-policy.ts';

/*
 * What policies allow together. Rules with the same pattern count as one, and of all patterns only the most specific one counts: an exact one,
 * else the one whose first wildcard comes latest, and so on ({@link isMoreSpecific}; OpenBao vault/policy/acl.go).
 */

export type AclOperation = 'create' | 'read' | 'update' | 'patch' | 'delete' | 'list' | 'scan';

/** Policies made ready for many questions. Immutable, and independent of the time: that comes with the question. */
export interface Acl {
  readonly isRoot: boolean;
  readonly exact: ReadonlyMap<string, Pattern>;
  readonly prefixes: PrefixIndex<RankedPattern>;
  readonly segments: SegmentNode;
}

export interface AccessRequest {
  readonly operation: AclOperation;
  /** The path behind `/v1/`; that of a list or scan ends in a slash. */
  readonly path: string;
  /** The parameters as sent. */
  readonly input: ReadonlyMap<string, Tree>;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** For how long the answer is to be wrapped; undefined if it is not. */
  readonly wrapTtlSeconds?: number | undefined;
}

export interface Access {
  readonly allowed: boolean;
  readonly isRoot: boolean;
  /** Whether paths that need more than their own capability are open, if `allowed`. */
  readonly sudo: boolean;
  readonly paginationLimit?: number | undefined;
  /** What the wrapping TTL had to be for `allowed`. */
  readonly minWrappingTtlSeconds?: number | undefined;
  readonly maxWrappingTtlSeconds?: number | undefined;
  /** For a list or scan: the template of the path that decides whether a key may be seen. */
  readonly filterPath?: string | undefined;
  /** For a list or scan: what `limit` has to be instead of what was sent; 0 is no limit. */
  readonly limit?: number | undefined;
}

/** The policy `root`, which has no rules. */
export const ROOT_ACL: Acl = { ...compileAcl([]), isRoot: true };

/** The order of the policies decides whose filter path counts, and nothing else. */
export function compileAcl(policies: readonly Policy[]): Acl {
  const rulesByPattern = new Map<string, PolicyRule[]>();
  for (const rule of policies.flatMap(({ rules }) => rules)) {
    // Its braces stand for something of the caller's entity, and there are none: it is about no path, least of all the one with the braces.
    if (rule.templated) continue;
    const rules = rulesByPattern.get(rule.pattern);
    if (rules === undefined) rulesByPattern.set(rule.pattern, [rule]);
    else rules.push(rule);
  }
  const patterns = Array.from(rulesByPattern.values(), readPattern);
  const ranked = patterns
    .filter(({ kind }) => kind !== 'exact')
    .sort((a, b) => (isMoreSpecific(a, b) ? 1 : -1))
    .map((pattern, rank): RankedPattern => ({ ...pattern, rank }));
  return {
    isRoot: false,
    exact: new Map(patterns.filter(({ kind }) => kind === 'exact').map((pattern) => [pattern.text, pattern])),
    prefixes: indexPrefixes(ranked.filter(({ kind }) => kind === 'prefix').map((pattern) => [pattern.text, pattern])),
    segments: indexSegments(ranked.filter(({ kind }) => kind === 'segments')),
  };
}

/** Whether policies allow one operation on one path. Nothing else in this project answers that. */
export function decideAccess(acl: Acl, { operation, path, input, now, wrapTtlSeconds }: AccessRequest): Access {
  if (acl.isRoot) return { allowed: true, isRoot: true, sudo: true };
  const isFolder = operation === 'list' || operation === 'scan';
  const permissions = permissionsFor(acl, path, isFolder, now);
  if (permissions === undefined) return { allowed: false, isRoot: false, sudo: false };
  const limit = decideLimit(permissions, input);
  const allowed =
    permissions.capabilities.has(operation) &&
    allowsWrapping(permissions, wrapTtlSeconds) &&
    (isFolder ? limit !== 'refused' : operation === 'delete' || allowsParameters(permissions, input));
  return {
    allowed,
    isRoot: false,
    sudo: permissions.capabilities.has('sudo'),
    paginationLimit: permissions.paginationLimit,
    minWrappingTtlSeconds: permissions.minWrappingTtlSeconds,
    maxWrappingTtlSeconds: permissions.maxWrappingTtlSeconds,
    ...(isFolder && allowed && { filterPath: permissions.filterPath, limit: limit === 'refused' ? undefined : limit }),
  };
}

/** What may be done with a path, sorted: capabilities, or just `deny`, or just `root`. A folder is looked up as a list does it. */
export function capabilitiesOf(acl: Acl, path: string, now: number): readonly string[] {
  if (acl.isRoot) return ['root'];
  const capabilities = [...(permissionsFor(acl, path, true, now)?.capabilities ?? [])].sort();
  return capabilities.length === 0 ? ['deny'] : capabilities;
}

/**
 * What the rules with each pattern allow together, for showing: exact paths, and prefixes without their `*`. Patterns with `+` are not among them, as
 * OpenBao doesn't show them either.
 */
export function permissionsByPattern(
  acl: Acl,
  now: number,
): { readonly exact: ReadonlyMap<string, Permissions>; readonly prefixes: ReadonlyMap<string, Permissions> } {
  const shown = (entries: Iterable<readonly [string, Pattern]>): ReadonlyMap<string, Permissions> =>
    new Map(
      Array.from(entries).flatMap(([text, pattern]) => {
        const permissions = permissionsAt(pattern, now);
        return permissions === undefined ? [] : [[text, permissions] as const];
      }),
    );
  const { texts, values } = acl.prefixes;
  return { exact: shown(acl.exact), prefixes: shown(texts.map((text, i) => [text, values[i]!])) };
}

/** Whether anything is allowed on a folder, which ends in a slash, or on any path below it: whether its existence is told at all. */
export function allowsBelow(acl: Acl, folder: string, now: number): boolean {
  const allows = (pattern: Pattern): boolean => {
    const { capabilities } = permissionsAt(pattern, now) ?? {};
    return capabilities !== undefined && capabilities.size > 0 && !capabilities.has('deny');
  };
  const startsWithFolder = ({ text }: Pattern): boolean => text.startsWith(folder);
  if (capabilitiesOf(acl, folder, now)[0] !== 'deny') return true;
  if ([...acl.exact.values(), ...acl.prefixes.values].some((pattern) => startsWithFolder(pattern) && allows(pattern))) return true;
  for (const pattern of patternsBelow(acl.segments, folder.split('/').slice(0, -1))) if (allows(pattern)) return true;
  return false;
}

/** The patterns with `+` that match a folder of these segments or paths below it. Not by recursion: a pattern can have very many segments. */
function* patternsBelow(root: SegmentNode, folder: readonly string[]): Generator<RankedPattern> {
  let nodes: readonly SegmentNode[] = [root];
  for (let depth = 0; nodes.length > 0; depth++) {
    const segment = folder[depth];
    for (const { leaf, globs } of nodes) {
      if (leaf !== undefined && segment === undefined) yield leaf;
      for (const [i, text] of globs.texts.entries()) if (segment === undefined || segment.startsWith(text)) yield globs.values[i]!;
    }
    const next = ({ children, plus }: SegmentNode): readonly (SegmentNode | undefined)[] =>
      segment === undefined ? [...children.values(), plus] : [children.get(segment), plus];
    nodes = nodes.flatMap(next).filter((node) => node !== undefined);
  }
}

export interface Permissions {
  readonly capabilities: ReadonlySet<Capability>;
  readonly allowedParameters: Parameters;
  readonly deniedParameters: Parameters;
  readonly requiredParameters: ReadonlySet<string>;
  readonly minWrappingTtlSeconds: number | undefined;
  readonly maxWrappingTtlSeconds: number | undefined;
  readonly paginationLimit: number | undefined;
  readonly filterPath: string | undefined;
}

function permissionsFor(acl: Acl, asked: string, isFolder: boolean, now: number): Permissions | undefined {
  const path = asked.replace(/^\/+/, '');
  const bare = isFolder && path.endsWith('/') ? path.slice(0, -1) : undefined;
  const exactly = (text: string): Permissions | undefined => permissionsAt(acl.exact.get(text), now);
  // With the slash first: what is more specific about the folder than about its name has to be found, a refusal above all.
  return (
    exactly(path) ??
    (bare === undefined ? undefined : exactly(bare)) ??
    mostSpecific(acl, path, now) ??
    (bare === undefined ? undefined : mostSpecific(acl, bare, now))
  );
}

function mostSpecific(acl: Acl, path: string, now: number): Permissions | undefined {
  const isThere = (pattern: RankedPattern): boolean => permissionsAt(pattern, now) !== undefined;
  let best = longestPrefix(acl.prefixes, path, isThere);
  let nodes: readonly SegmentNode[] = [acl.segments];
  for (const segment of path.split('/')) {
    for (const { globs } of nodes) best = moreSpecific(best, longestPrefix(globs, segment, isThere));
    // A node has one way to it, so none comes up twice.
    nodes = nodes.flatMap(({ children, plus }) => [children.get(segment), plus].filter((node) => node !== undefined));
    if (nodes.length === 0) break;
  }
  for (const { leaf } of nodes) if (leaf && isThere(leaf)) best = moreSpecific(best, leaf);
  return permissionsAt(best, now);
}

function moreSpecific(a: RankedPattern | undefined, b: RankedPattern | undefined): RankedPattern | undefined {
  return b === undefined || (a !== undefined && a.rank > b.rank) ? a : b;
}

/** All rules with one pattern. */
interface Pattern {
  readonly kind: PolicyRule['kind'];
  /** Without the `*` at the end. */
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly isGlob: boolean;
  readonly firstWildcard: number;
  readonly wildcards: number;
  readonly rules: readonly PolicyRule[];
  /** What the rules mean together; undefined if that depends on the time. */
  readonly permissions: Permissions | undefined;
}

interface RankedPattern extends Pattern {
  /** Larger is more specific. */
  readonly rank: number;
}

const UTF8 = new TextEncoder();

function readPattern(rules: readonly PolicyRule[]): Pattern {
  const { pattern, kind } = rules[0]!;
  const isGlob = kind !== 'exact' && pattern.endsWith('*');
  const text = isGlob ? pattern.slice(0, -1) : pattern;
  return {
    kind,
    text,
    bytes: UTF8.encode(text),
    isGlob,
    // Of any plus sign, also one that is no wildcard.
    firstWildcard: kind === 'segments' ? text.indexOf('+') : text.length,
    wildcards: kind === 'segments' ? text.split('/').filter((segment) => segment === '+').length : 0,
    rules,
    permissions: rules.some(({ expiresAt }) => expiresAt !== undefined) ? undefined : merge(rules),
  };
}

/** Of two patterns with wildcards that match the same path, which one counts. */
function isMoreSpecific(a: Pattern, b: Pattern): boolean {
  if (a.firstWildcard !== b.firstWildcard) return a.firstWildcard > b.firstWildcard;
  if (a.isGlob !== b.isGlob) return b.isGlob;
  if (a.wildcards !== b.wildcards) return a.wildcards < b.wildcards;
  if (a.bytes.length !== b.bytes.length) return a.bytes.length > b.bytes.length;
  const at = a.bytes.findIndex((byte, i) => byte !== b.bytes[i]);
  return at >= 0 && a.bytes[at]! > b.bytes[at]!;
}

function permissionsAt(pattern: Pattern | undefined, now: number): Permissions | undefined {
  if (pattern?.permissions !== undefined || pattern === undefined) return pattern?.permissions;
  const rules = pattern.rules.filter(({ expiresAt }) => expiresAt === undefined || now <= expiresAt);
  return rules.length === 0 ? undefined : merge(rules);
}

function merge(all: readonly PolicyRule[]): Permissions {
  const denies = all.some(({ capabilities }) => capabilities.has('deny'));
  // A refusal leaves nothing of the others.
  const rules = denies ? [] : all;
  const given = <K extends keyof PolicyRule>(name: K): NonNullable<PolicyRule[K]>[] =>
    rules.map((rule) => rule[name]).filter((value): value is NonNullable<PolicyRule[K]> => value !== undefined);
  return {
    capabilities: new Set(denies ? (['deny'] as const) : rules.flatMap(({ capabilities }) => [...capabilities])),
    allowedParameters: mergeParameters(given('allowedParameters')),
    deniedParameters: mergeParameters(given('deniedParameters')),
    requiredParameters: new Set(rules.flatMap(({ requiredParameters = [] }) => requiredParameters)),
    minWrappingTtlSeconds: least(given('minWrappingTtlSeconds')),
    maxWrappingTtlSeconds: least(given('maxWrappingTtlSeconds')),
    paginationLimit: least(given('paginationLimit')),
    filterPath: given('listScanResponseKeysFilterPath')[0],
  };
}

function least(numbers: readonly number[]): number | undefined {
  return numbers.length === 0 ? undefined : numbers.reduce((a, b) => Math.min(a, b));
}

function allowsWrapping({ minWrappingTtlSeconds: min, maxWrappingTtlSeconds: max }: Permissions, ttl: number | undefined): boolean {
  if (min === undefined && max === undefined) return true;
  return ttl !== undefined && ttl >= (min ?? 0) && ttl <= (max ?? Infinity);
}

function allowsParameters({ requiredParameters, deniedParameters, allowedParameters }: Permissions, input: ReadonlyMap<string, Tree>): boolean {
  for (const name of requiredParameters) if (!input.has(name)) return false;
  if (input.size === 0) return true;
  if (deniedParameters.has('*')) return false;
  // `*` alone lets every value of every parameter pass, whatever it lists; beside other names it stands for all those that are not named.
  const allowsOthers = allowedParameters.size === 0 || allowedParameters.has('*');
  const allowsAll = allowedParameters.size === 0 || (allowsOthers && allowedParameters.size === 1);
  for (const [sentName, value] of input) {
    const name = lowerCased(sentName);
    const denied = deniedParameters.get(name);
    if (denied !== undefined && isListed(value, denied)) return false;
    if (allowsAll) continue;
    const allowed = allowedParameters.get(name);
    if (allowed === undefined ? !allowsOthers : !isListed(value, allowed)) return false;
  }
  return true;
}

/** What `limit` is to be. Under a pagination limit nothing gets around it: nothing sent, 0 and `max` are the most, more is refused. */
function decideLimit({ paginationLimit, requiredParameters }: Permissions, input: ReadonlyMap<string, Tree>): number | 'refused' | undefined {
  const sent = input.get('limit');
  const text = typeof sent === 'string' && sent.startsWith('"') ? (JSON.parse(sent) as string) : sent;
  if (paginationLimit === undefined) return text === 'max' ? 0 : undefined;
  if (text === undefined) return requiredParameters.has('limit') ? 'refused' : paginationLimit;
  if (text === 'max' || text === '') return paginationLimit;
  if (typeof text !== 'string' || !/^[+-]?0*\d{1,15}$/.test(text)) return 'refused';
  const limit = Number(text);
  return limit > paginationLimit || limit < 0 ? 'refused' : limit === 0 ? paginationLimit : limit;
}

/** Texts in order, and of each the place of the longest other one that it starts with. */
interface PrefixIndex<V> {
  readonly texts: readonly string[];
  readonly parents: readonly number[];
  readonly values: readonly V[];
}

function indexPrefixes<V>(entries: readonly (readonly [text: string, value: V])[]): PrefixIndex<V> {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = sorted.map(([text]) => text);
  const parents: number[] = [];
  for (const [i, text] of texts.entries()) {
    let parent = i - 1;
    while (parent >= 0 && !text.startsWith(texts[parent]!)) parent = parents[parent]!;
    parents.push(parent);
  }
  return { texts, parents, values: sorted.map(([, value]) => value) };
}

/** The value of the longest text that this one starts with, of those that count. */
function longestPrefix<V>({ texts, parents, values }: PrefixIndex<V>, text: string, counts: (value: V) => boolean): V | undefined {
  let low = 0;
  let high = texts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (texts[middle]! <= text) low = middle + 1;
    else high = middle;
  }
  // The last one that is not greater. All that this text starts with are that one and what it starts with.
  for (let at = low - 1; at >= 0; at = parents[at]!) if (text.startsWith(texts[at]!) && counts(values[at]!)) return values[at];
  return undefined;
}

/** Patterns with `+`, by their segments. Filled while it is made, and not touched again. */
interface SegmentNode {
  readonly children: Map<string, SegmentNode>;
  plus: SegmentNode | undefined;
  /** The pattern that ends here. */
  leaf: RankedPattern | undefined;
  /** Patterns whose `*` is in the segment that follows, by what stands before it there. */
  globs: PrefixIndex<RankedPattern>;
}

function indexSegments(patterns: readonly RankedPattern[]): SegmentNode {
  const root = emptyNode();
  const globsByNode = new Map<SegmentNode, (readonly [string, RankedPattern])[]>();
  for (const pattern of patterns) {
    const segments = pattern.text.split('/');
    const last = pattern.isGlob ? segments.pop()! : '';
    const node = segments.reduce(childOf, root);
    if (!pattern.isGlob) node.leaf = pattern;
    else if (globsByNode.has(node)) globsByNode.get(node)!.push([last, pattern]);
    else globsByNode.set(node, [[last, pattern]]);
  }
  for (const [node, globs] of globsByNode) node.globs = indexPrefixes(globs);
  return root;
}

function emptyNode(): SegmentNode {
  return { children: new Map(), plus: undefined, leaf: undefined, globs: indexPrefixes([]) };
}

function childOf(node: SegmentNode, segment: string): SegmentNode {
  if (segment === '+') return (node.plus ??= emptyNode());
  const known = node.children.get(segment);
  if (known !== undefined) return known;
  const child = emptyNode();
  node.children.set(segment, child);
  return child;
}
