import type { Tree } from '@sealkv/core/json';

/** Lower-cased names and the values that a rule lists for them; no values at all mean any value. */
export type Parameters = ReadonlyMap<string, readonly Tree[]>;

/** All together. Where one of them means any value, so does the result. */
export function mergeParameters(all: readonly Parameters[]): Parameters {
  const listsByName = new Map<string, (readonly Tree[])[]>();
  for (const [name, values] of all.flatMap((parameters) => [...parameters])) {
    const lists = listsByName.get(name);
    if (lists === undefined) listsByName.set(name, [values]);
    else lists.push(values);
  }
  return new Map(Array.from(listsByName, ([name, lists]) => [name, lists.some(({ length }) => length === 0) ? [] : lists.flat()]));
}

/** Whether a value is in a list. Texts in the list may start or end with `*`; all else is compared as JSON. */
export function isListed(value: Tree, listed: readonly Tree[]): boolean {
  return (
    listed.length === 0 || listed.some((item) => (isText(item) && isText(value) ? globMatches(textOf(item), textOf(value)) : sameJson(item, value)))
  );
}

/** `*` alone is just a star. */
function globMatches(glob: string, text: string): boolean {
  if (glob.length < 2) return glob === text;
  const open = glob.startsWith('*');
  const ends = glob.endsWith('*');
  const fixed = glob.slice(open ? 1 : 0, ends ? -1 : undefined);
  if (open && ends) return text.includes(fixed);
  if (open) return text.endsWith(fixed);
  return ends ? text.startsWith(fixed) : text === glob;
}

/** Equal as JSON values: `1.0` is 1, `"\u0061"` is `"a"`, the order of members means nothing. */
function sameJson(a: Tree, b: Tree): boolean {
  if (typeof a === 'string' || typeof b === 'string') return typeof a === 'string' && typeof b === 'string' && sameScalar(a, b);
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameItems(a as readonly Tree[], b as readonly Tree[]);
  return sameMembers(a as ReadonlyMap<string, Tree>, b as ReadonlyMap<string, Tree>);
}

function sameItems(a: readonly Tree[], b: readonly Tree[]): boolean {
  return a.length === b.length && a.every((item, i) => sameJson(item, b[i]!));
}

function sameMembers(a: ReadonlyMap<string, Tree>, b: ReadonlyMap<string, Tree>): boolean {
  return a.size === b.size && [...a].every(([name, member]) => b.has(name) && sameJson(member, b.get(name)!));
}

function sameScalar(a: string, b: string): boolean {
  if (a === b) return true;
  if (isText(a) || isText(b)) return isText(a) && isText(b) && textOf(a) === textOf(b);
  const number = canonicalNumber(a);
  return number !== undefined && number === canonicalNumber(b);
}

/** One text for all literals of a number: its digits without zeros at either end, and the power of ten they are times. */
function canonicalNumber(literal: string): string | undefined {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? [];
  if (whole === '') return undefined;
  const digits = `${whole}${fraction}`;
  let from = 0;
  let to = digits.length;
  while (from < to && digits.charCodeAt(from) === 0x30) from++;
  while (from < to && digits.charCodeAt(to - 1) === 0x30) to--;
  if (from === to) return '0';
  const power = Number(exponent) - fraction.length + digits.length - to;
  return Number.isSafeInteger(power) ? `${sign}${digits.slice(from, to)}e${power}` : undefined;
}

function isText(tree: Tree): tree is string {
  return typeof tree === 'string' && tree.startsWith('"');
}

function textOf(literal: string): string {
  return JSON.parse(literal) as string;
}
