import type { ReadTx, Write } from '@sealkv/core';
import { putRecord, readRecord, tokenRoleKey } from '../records.ts';

/** A role as it is stored: what tokens that are made with it may be and get. Durations are seconds; 0: none. */
export interface TokenRole {
  readonly name: string;
  /** Policies as canonical names, sorted; all four empty: those of the parent decide. */
  readonly allowedPolicies: readonly string[];
  readonly allowedPoliciesGlob: readonly string[];
  readonly disallowedPolicies: readonly string[];
  readonly disallowedPoliciesGlob: readonly string[];
  readonly orphan: boolean;
  readonly renewable: boolean;
  /** What a token's `path` ends in. */
  readonly pathSuffix: string;
  /** `default-…` is what a request that says nothing gets. */
  readonly tokenType: 'service' | 'batch' | 'default-service' | 'default-batch';
  readonly period: number;
  readonly explicitMaxTtl: number;
  /** The two before, if they came under the old names `period` and `explicit_max_ttl`: they are told under these as well. */
  readonly oldPeriod: number;
  readonly oldExplicitMaxTtl: number;
  readonly noDefaultPolicy: boolean;
  /** 0: any number. */
  readonly numUses: number;
  /** Kept and told; there are no entities, so nobody can name one. */
  readonly allowedEntityAliases: readonly string[];
}

export async function loadTokenRole(tx: ReadTx, name: string): Promise<TokenRole | undefined> {
  const bytes = await tx.get(tokenRoleKey(name));
  return bytes && readRecord<TokenRole>(bytes).facts;
}

export function putTokenRole(role: TokenRole): Write {
  return putRecord(tokenRoleKey(role.name), role);
}

export function deleteTokenRole(name: string): Write {
  return { kind: 'delete', key: tokenRoleKey(name) };
}
