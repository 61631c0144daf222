import type { Head } from '../record.ts';
import { DEFAULT_CONFIG } from '../record.ts';

/** The head of a secret that has no version yet. */
export function newHead(incarnation: string, now: number): Head {
  return {
    incarnation,
    createdAt: now,
    updatedAt: now,
    touchedAt: now,
    currentVersion: 0,
    oldestVersion: 0,
    metadataVersion: 0,
    ...DEFAULT_CONFIG,
    entries: [],
  };
}
