import type { Snapshot } from '@sealkv/live';

/** A snapshot as the test pages show it. */
export function words(snapshot: Snapshot): string {
  switch (snapshot.status) {
    case 'loading':
      return 'loading';
    case 'ready':
      return snapshot.secret ? `${snapshot.secret.version} ${snapshot.secret.text ?? snapshot.secret.state}` : 'nothing';
    case 'failed':
      return `failed: ${(snapshot.error as { code?: string }).code}`;
    default:
      return snapshot satisfies never;
  }
}
