import type { KvConfig, SecretState } from '../record.ts';
import type { Rejection } from './decision.ts';
import { reject } from './decision.ts';

/**
 * The version a write expects to replace: its number alone, as in Vault, or with the incarnation it was read from. With the number alone a
 * stale `cas: 1` also matches a secret that was deleted with its metadata and written anew; with the incarnation it does not.
 * `cas: 0` means that no version was ever written.
 */
export type Cas = number | { readonly version: number; readonly incarnation: string };

/** The check-and-set rule of every write of data. A deleted or destroyed current version counts. */
export function checkCas(state: SecretState | undefined, cas: Cas | undefined, config: KvConfig): Rejection | undefined {
  const currentVersion = state?.head.currentVersion ?? 0;
  if (cas === undefined) {
    const required = config.casRequired || state?.head.casRequired === true;
    return required ? reject('CAS_REQUIRED', { currentVersion }) : undefined;
  }
  const expectedVersion = typeof cas === 'number' ? cas : cas.version;
  const otherSecret = typeof cas === 'object' && cas.incarnation !== state?.head.incarnation;
  if (expectedVersion === currentVersion && !otherSecret) return undefined;
  return reject('CAS_MISMATCH', { expectedVersion, currentVersion });
}

/** The check-and-set rule of every write of metadata. */
export function checkMetadataCas(state: SecretState | undefined, cas: number | undefined, config: KvConfig): Rejection | undefined {
  const currentVersion = state?.head.metadataVersion;
  if (cas === undefined) {
    const required = config.metadataCasRequired || state?.head.metadataCasRequired === true;
    return required ? reject('METADATA_CAS_REQUIRED', { currentVersion }) : undefined;
  }
  return cas === (currentVersion ?? 0) ? undefined : reject('METADATA_CAS_MISMATCH', { expectedVersion: cas, currentVersion });
}
