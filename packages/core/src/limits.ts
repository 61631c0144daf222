import type { JsonLimits } from './json-input.ts';
import { DEFAULT_MAX_PATH_BYTES } from './path.ts';

export interface Limits extends JsonLimits {
  /** Bytes of UTF-8 of a secret's path within its mount. Default 1,024. */
  readonly maxPathBytes: number;
}

export const DEFAULT_LIMITS: Limits = { maxPathBytes: DEFAULT_MAX_PATH_BYTES, maxBytes: 1024 * 1024, maxDepth: 500 };
