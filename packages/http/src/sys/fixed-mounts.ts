import { VERSION } from '../version.ts';
import type { MountOut } from './mount-info.ts';

type FixedMount = MountOut & { readonly description: string };

/** What every namespace has besides its mounts: listed with them, as clients expect, and not to be moved, tuned or removed. By path. */
export const FIXED_MOUNTS: ReadonlyMap<string, FixedMount> = new Map([
  ['cubbyhole/', fixed(1, { type: 'cubbyhole', description: 'per-token private secret storage', local: true })],
  ['identity/', fixed(2, { type: 'identity', description: 'identity store', passes: 'Authorization' })],
  ['sys/', fixed(3, { type: 'system', description: 'system endpoints used for control, policy and debugging', passes: 'Accept', sealWrap: true })],
]);

/** Where no mount can be made or moved to. */
const PROTECTED = [...FIXED_MOUNTS.keys(), 'auth/', 'audit/'];

export function isProtected(mountPath: string): boolean {
  return PROTECTED.some((prefix) => mountPath.startsWith(prefix));
}

/** The fixed mount that a path lies in. */
export function fixedMountOf(path: string): { readonly path: string; readonly info: FixedMount } | undefined {
  for (const [mountPath, info] of FIXED_MOUNTS) if (path.startsWith(mountPath)) return { path: mountPath, info };
  return undefined;
}

interface Facts {
  readonly type: string;
  readonly description: string;
  readonly local?: boolean;
  /** The header that OpenBao hands on to it. */
  readonly passes?: string;
  readonly sealWrap?: boolean;
}

// There is one of each, the same everywhere, so nothing random is needed to tell it by.
function fixed(number: number, { type, description, local = false, passes, sealWrap = false }: Facts): FixedMount {
  const id = String(number).padStart(8, '0');
  return {
    accessor: `${type}_${id}`,
    config: { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0, ...(passes && { passthrough_request_headers: [passes] }) },
    description,
    external_entropy_access: false,
    local,
    options: null,
    plugin_version: '',
    running_plugin_version: `v${VERSION}`,
    running_sha256: '',
    seal_wrap: sealWrap,
    type,
    uuid: `${id}-0000-4000-8000-000000000000`,
  };
}
