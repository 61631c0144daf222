import type { ReadTx, Write } from '@sealkv/core';
import { authDataPrefix, below, putRecord, readRecord } from '../records.ts';
import type { AuthMount } from './auth-mount.ts';

/** When failures lock a user or role out; in seconds. (OpenBao's user lockout.) */
export interface Lockout {
  /** Failures in a row. */
  readonly threshold: number;
  /** How long since the last failure. */
  readonly duration: number;
  /** After how long without a failure they are counted anew. */
  readonly counterReset: number;
  readonly disabled: boolean;
}

const DEFAULT: Lockout = { threshold: 5, duration: 900, counterReset: 900, disabled: false };

/** Failures in a row. */
export interface Failures {
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly lastAt: number;
}

/** What is stored of a user or role that exists. */
interface FailuresRecord extends Failures {
  /** What the user or role is known by outside: the user's name, or the role's id. */
  readonly alias: string;
}

export function lockoutOf({ lockout }: AuthMount): Lockout {
  const { threshold, duration, counterReset, disabled } = lockout ?? {};
  // Zero is "not set".
  return {
    threshold: threshold || DEFAULT.threshold,
    duration: duration || DEFAULT.duration,
    counterReset: counterReset || DEFAULT.counterReset,
    disabled: disabled ?? DEFAULT.disabled,
  };
}

export function isLockedOut({ threshold, duration, disabled }: Lockout, failures: Failures | undefined, now: number): boolean {
  return !disabled && failures !== undefined && failures.count >= threshold && now - failures.lastAt < duration * 1000;
}

export function oneMore({ counterReset }: Lockout, failures: Failures | undefined, now: number): Failures {
  const inRow = failures !== undefined && now - failures.lastAt <= counterReset * 1000;
  return { count: inRow ? failures.count + 1 : 1, lastAt: now };
}

const lockoutPrefix = (mountId: string): string => `${authDataPrefix(mountId)}l/`;

export const lockoutKey = (mountId: string, name: string): string => `${lockoutPrefix(mountId)}${name}`;

export async function loadFailures(tx: ReadTx, mountId: string, name: string): Promise<FailuresRecord | undefined> {
  const bytes = await tx.get(lockoutKey(mountId, name));
  return bytes && readRecord<FailuresRecord>(bytes).facts;
}

/** Those of all users or roles of a mount that have failed since they last succeeded. */
export async function listFailures(tx: ReadTx, mountId: string): Promise<readonly (FailuresRecord & { readonly name: string })[]> {
  const prefix = lockoutPrefix(mountId);
  const entries = await tx.scan(below(prefix));
  return entries.map(({ key, value }) => ({ ...readRecord<FailuresRecord>(value).facts, name: key.slice(prefix.length) }));
}

export function putFailures(mountId: string, name: string, failures: FailuresRecord): Write {
  return putRecord(lockoutKey(mountId, name), failures);
}

const MAX_REMEMBERED = 10_000;

/**
 * Failures of names that nobody has: in memory only, so that inventing names stores nothing, and yet the answers don't tell who exists by who gets
 * locked out.
 */
export class UnknownFailures {
  readonly #byName = new Map<string, Failures>();

  get(name: string): Failures | undefined {
    return this.#byName.get(name);
  }

  set(name: string, failures: Failures): void {
    this.#byName.delete(name);
    if (this.#byName.size >= MAX_REMEMBERED) this.#byName.delete(this.#byName.keys().next().value!);
    this.#byName.set(name, failures);
  }
}
