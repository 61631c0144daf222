import type { ReadTx, Write } from '@sealkv/core';
import { forEachEntry, policyKey, putRecord, readRecord } from '../records.ts';
import type { Acl } from './acl.ts';
import { compileAcl, ROOT_ACL } from './acl.ts';
import { DEFAULT_POLICY, WRAPPING_TOKENS_POLICY } from './default-policy.ts';
import type { Policy } from './parse-policy.ts';
import { parsePolicy } from './parse-policy.ts';

/** A policy as it is stored. Its text was parsed when it was written, so it parses. */
export interface PolicyRecord {
  readonly text: string;
  /** Counts writes. */
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  readonly casRequired: boolean;
  /** The policy counts as absent from then on. */
  readonly expiresAt?: number | undefined;
  /** What a template may be replaced by. Kept and told; there are no entities whose names could be. */
  readonly allowWildcardsInTemplates?: boolean | undefined;
  readonly allowSlashesInTemplates?: boolean | undefined;
}

/** Policies that are there without a record. Their `modifiedAt` is 0. */
export const BUILT_IN: Readonly<Record<string, PolicyRecord>> = {
  default: { text: DEFAULT_POLICY, version: 1, modifiedAt: 0, casRequired: false },
  'response-wrapping': { text: WRAPPING_TOKENS_POLICY, version: 1, modifiedAt: 0, casRequired: false },
};

/** The policy of this name; `default` is there until it is overwritten. `root` has no text. */
export async function loadPolicy(tx: ReadTx, name: string, now: number): Promise<PolicyRecord | undefined> {
  const bytes = await tx.get(policyKey(name));
  if (bytes === undefined) return Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
  const record = readRecord<PolicyRecord>(bytes).facts;
  return isOver(record, now) ? undefined : record;
}

/** All policies but `root`, by their names; `prefix` is empty or ends in a slash. */
export async function loadPolicies(tx: ReadTx, prefix: string, now: number): Promise<ReadonlyMap<string, PolicyRecord>> {
  const policies = new Map(Object.entries(BUILT_IN).filter(([name]) => name.startsWith(prefix)));
  await forEachEntry(tx, policyKey(prefix), ({ key, value }) => {
    const record = readRecord<PolicyRecord>(value).facts;
    if (!isOver(record, now)) policies.set(key.slice(policyKey('').length), record);
  });
  return policies;
}

export function putPolicy(name: string, record: PolicyRecord): Write {
  return putRecord(policyKey(name), record);
}

export function deletePolicy(name: string): Write {
  return { kind: 'delete', key: policyKey(name) };
}

function isOver({ expiresAt }: PolicyRecord, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

// Parsing and compiling are pure, so remembering them by the texts can't go stale.
const MAX_REMEMBERED = 200;
const parsedByText = new Map<string, Policy>();
const aclByTexts = new Map<string, Acl>();

/** What policies allow together. One that does not exist allows nothing. */
export async function loadAcl(tx: ReadTx, names: readonly string[], now: number): Promise<Acl> {
  if (names.includes('root')) return ROOT_ACL;
  const records = await Promise.all(names.map((name) => loadPolicy(tx, name, now)));
  return aclOf(records.flatMap((record) => (record === undefined ? [] : [record.text])));
}

/** What policies with these texts allow together. */
export function aclOf(texts: readonly string[]): Acl {
  return remembered(aclByTexts, JSON.stringify(texts), () =>
    compileAcl(texts.map((text) => remembered(parsedByText, text, () => parsePolicy(text)))),
  );
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  if (known.size >= MAX_REMEMBERED) known.delete(known.keys().next().value!);
  known.set(key, made);
  return made;
}
