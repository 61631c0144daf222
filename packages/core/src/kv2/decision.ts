import type { KvErrorCode, KvErrorDetails } from '../errors.ts';
import type { KvConfig, SecretRef, SecretState, Write } from '../record.ts';

/**
 * What an operation decides, purely, from the loaded state and a command. Clock, ids, configuration and sealed bytes come in with them.
 *
 * - `commit`: apply `writes` in this order; `next` is the secret afterwards (undefined: gone).
 * - `unchanged`: nothing to do.
 * - `reject`: the command is refused; nothing of it is written.
 */
export type Decision<R> =
  | { readonly kind: 'commit'; readonly next: SecretState | undefined; readonly writes: readonly Write[]; readonly result: R }
  | { readonly kind: 'unchanged'; readonly result: R }
  | Rejection;

export type Rejection = {
  [C in KvErrorCode]: { readonly kind: 'reject'; readonly code: C; readonly details: KvErrorDetails[C] };
}[KvErrorCode];

export function reject<C extends KvErrorCode>(code: C, details: KvErrorDetails[C]): Rejection {
  // The mapped union above is what `code` and `details` make together; TypeScript can't see it for a generic code.
  return { kind: 'reject', code, details } as unknown as Rejection;
}

export function unchanged<R>(result: R): Decision<R> {
  return { kind: 'unchanged', result };
}

/** Everything a decision may look at besides the state and its own command. */
export interface Facts {
  readonly ref: SecretRef;
  readonly config: KvConfig;
  /** Milliseconds since 1970. A commit uses the later of this and the secret's last commit, so that a clock set back changes no order. */
  readonly now: number;
}

/** The time a commit to this secret carries. */
export function commitTime(facts: Facts, state: SecretState | undefined): number {
  return Math.max(facts.now, state?.head.touchedAt ?? facts.now);
}
