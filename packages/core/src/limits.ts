import type { JsonLimits } from './json-input.ts';
import { DEFAULT_MAX_PATH_BYTES } from './path.ts';

export interface Limits extends JsonLimits {
  /** Bytes of UTF-8 of a secret's path within its mount. Default 1,024. */
  readonly maxPathBytes: number;
}

export type LimitOptions = { readonly [K in keyof Limits]?: Limits[K] | undefined };

export const DEFAULT_LIMITS: Limits = { maxPathBytes: DEFAULT_MAX_PATH_BYTES, maxBytes: 1024 * 1024, maxDepth: 500 };

/** The limits given; the default for what is not. */
export function limitsOf({ maxPathBytes, maxBytes, maxDepth }: LimitOptions = {}): Limits {
  return {
    maxPathBytes: maxPathBytes ?? DEFAULT_LIMITS.maxPathBytes,
    maxBytes: maxBytes ?? DEFAULT_LIMITS.maxBytes,
    maxDepth: maxDepth ?? DEFAULT_LIMITS.maxDepth,
  };
}
