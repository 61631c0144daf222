import type { SealKvErrorCode } from '../errors.ts';
import { isSealKvError } from '../errors.ts';

/*
 * The assertions of the exported suites: they run under any test runner, in browsers and inside workerd, so they lean on none.
 * Each throws an `Error` that says what was expected and what was met.
 */

/** `Object.is`. */
export function equal(actual: unknown, expected: unknown, what = 'the value'): void {
  if (!Object.is(actual, expected)) fail(actual, expected, what);
}

/** Same structure: primitives by `Object.is`, byte arrays by their bytes, dates by their time, lists and maps in order, plain objects by their own members. */
export function deepEqual(actual: unknown, expected: unknown, what = 'the value'): void {
  if (!sameStructure(actual, expected)) fail(actual, expected, what);
}

/** Waits for the rejection and returns its reason. */
export async function rejects(promise: Promise<unknown>, what = 'the promise'): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (reason) {
    return reason;
  }
  throw new Error(`${what}: expected a rejection, met the value ${show(value)}`);
}

/** Rejects with exactly this reason. */
export async function rejectsWith(promise: Promise<unknown>, reason: unknown, what = 'the reason of the rejection'): Promise<void> {
  equal(await rejects(promise, what), reason, what);
}

/** Rejects with an error of SealKV that has this code. */
export async function rejectsWithCode(promise: Promise<unknown>, code: SealKvErrorCode, what = 'the promise'): Promise<void> {
  const reason = await rejects(promise, what);
  if (!isSealKvError(reason, code)) throw new Error(`${what}: expected a rejection with ${code}, met ${show(reason)}`, { cause: reason });
}

function sameStructure(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return a.length === b.length && a.every((byte, i) => byte === b[i]);
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof Map && b instanceof Map) return sameStructure([...a], [...b]);
  const members = Object.entries(a);
  const others = new Map<string, unknown>(Object.entries(b));
  return members.length === others.size && members.every(([name, value]) => others.has(name) && sameStructure(value, others.get(name)));
}

function fail(actual: unknown, expected: unknown, what: string): never {
  throw new Error(`${what}: expected ${show(expected)}, met ${show(actual)}`);
}

const MAX_SHOWN = 1_000;

function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}${'code' in value ? ` ${String(value.code)}` : ''}: ${value.message}`;
  const text =
    JSON.stringify(value, (_name, member: unknown) => {
      if (member instanceof Uint8Array) return `bytes(${member.length}) ${[...member.subarray(0, 16)].join(' ')}`;
      return typeof member === 'bigint' || typeof member === 'undefined' ? String(member) : member;
    }) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
