import type { SecretRef, Write } from '../record.ts';

/** KV v1 refuses nothing: a decision is what to write. */
export type V1Decision = readonly Write[];

export interface V1Facts {
  readonly ref: SecretRef;
  /** Milliseconds since 1970. */
  readonly now: number;
}
