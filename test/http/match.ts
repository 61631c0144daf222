import { isDeepStrictEqual } from 'node:util';

/** What earlier steps of a scenario have kept, by name. */
export type Saved = Map<string, unknown>;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const PLACEHOLDERS: Readonly<Record<string, (actual: unknown, argument: string, saved: Saved) => boolean>> = {
  any: () => true,
  string: (actual) => typeof actual === 'string',
  int: (actual) => Number.isInteger(actual),
  time: (actual) => typeof actual === 'string' && TIME.test(actual) && !Number.isNaN(Date.parse(actual)),
  uuid: (actual) => typeof actual === 'string' && UUID.test(actual),
  'prefix:': (actual, start) => typeof actual === 'string' && actual.startsWith(start),
  'contains:': (actual, part) => typeof actual === 'string' && actual.includes(part),
  'save:': (actual, name, saved) => saved.set(name, actual).has(name),
  'same:': (actual, name, saved) => saved.has(name) && isDeepStrictEqual(actual, saved.get(name)),
};

/**
 * Where `actual` is not what was recorded, a line for each place. Arrays match in full; objects may have more members than those recorded, except
 * for what `exactAt` names: its place and everything below it.
 */
export function differences(expected: unknown, actual: unknown, saved: Saved, place: string, exactAt?: string): string[] {
  const differs = (): string[] => [`${place}: expected ${show(expected)}, got ${show(actual)}`];
  if (expected === '$absent') return actual === undefined ? [] : differs();
  if (actual === undefined) return differs();

  const [, name = '', argument = ''] = typeof expected === 'string' ? (/^\$(\w+:?)([^]*)$/.exec(expected) ?? []) : [];
  const fits = PLACEHOLDERS[name];
  if (fits !== undefined && (name.endsWith(':') || argument === '')) return fits(actual, argument, saved) ? [] : differs();

  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs();
    return expected.flatMap((member, i) => differences(member, actual[i], saved, `${place}[${i}]`, exactAt));
  }
  if (!isObject(expected)) return expected === actual ? [] : differs();
  if (Array.isArray(expected['$unordered'])) return Array.isArray(actual) && sorted(actual) === sorted(expected['$unordered']) ? [] : differs();

  if (!isObject(actual)) return differs();
  const isExact = exactAt !== undefined && (place === exactAt || place.startsWith(`${exactAt}.`) || place.startsWith(`${exactAt}[`));
  const unexpected = isExact ? Object.keys(actual).filter((key) => !Object.hasOwn(expected, key)) : [];
  return [
    ...Object.entries(expected).flatMap(([key, member]) =>
      differences(member, Object.hasOwn(actual, key) ? actual[key] : undefined, saved, `${place}.${key}`, exactAt),
    ),
    ...unexpected.map((key) => `${place}.${key}: expected nothing, got ${show(actual[key])}`),
  ];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(members: readonly unknown[]): string {
  return JSON.stringify(members.map((member) => JSON.stringify(member)).toSorted());
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 200);
}
