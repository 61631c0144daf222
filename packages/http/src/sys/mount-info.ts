import type { MountBinding } from '@sealkv/core';
import type { Out } from '../json-out.ts';
import { formatUuid } from '../services.ts';
import { VERSION } from '../version.ts';

/** A mount as `sys/mounts` shows it. */
export function mountInfo({ version, bound }: MountBinding): { readonly [name: string]: Out } {
  const { id, description } = bound!.entry;
  return {
    accessor: `kv_${id.slice(0, 8)}`,
    config: { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0 },
    deprecation_status: 'supported',
    description,
    external_entropy_access: false,
    local: false,
    // A client picks the API by this text.
    options: { version: String(version) },
    plugin_version: '',
    running_plugin_version: `v${VERSION}`,
    running_sha256: '',
    seal_wrap: false,
    type: 'kv',
    uuid: formatUuid(id),
  };
}
