import type { MountBinding, MountEntry, MountTuning } from '@sealkv/core';
import type { Out } from '../json-out.ts';
import { formatUuid } from '../services.ts';
import { DEFAULT_TTL } from '../tokens/ttl.ts';
import { VERSION } from '../version.ts';

export type MountOut = { readonly [name: string]: Out };

/** What a mount is known by. */
type Known = Pick<MountEntry, 'version' | 'description' | 'tuning'>;

/** A mount as `sys/mounts` shows it. */
export function mountInfo({ bound }: MountBinding): MountOut {
  const { id, description, tuning } = bound!.entry;
  return infoOf({ id, type: 'kv', accessor: `kv_${id.slice(0, 8)}`, description, tuning, options: optionsOut(bound!.entry) });
}

/** What is shown of every mount, of secrets or of logins. */
export function infoOf(mount: {
  readonly id: string;
  readonly type: string;
  readonly accessor: string;
  readonly description: string;
  readonly tuning?: MountTuning | undefined;
  readonly options: Out;
  /** What there is in `config` besides; its names come after the others. */
  readonly config?: MountOut | undefined;
}): MountOut {
  const { tuning = {} } = mount;
  const { local = false, sealWrap = false, externalEntropyAccess = false } = tuning;
  return {
    accessor: mount.accessor,
    config: {
      ...headersOut(tuning),
      default_lease_ttl: tuning.defaultLeaseTtl ?? 0,
      force_no_cache: tuning.forceNoCache ?? false,
      ...visibilityOut(tuning),
      max_lease_ttl: tuning.maxLeaseTtl ?? 0,
      ...passthroughOut(tuning),
      ...mount.config,
    },
    deprecation_status: 'supported',
    description: mount.description,
    external_entropy_access: externalEntropyAccess,
    local,
    options: mount.options,
    plugin_version: '',
    running_plugin_version: `v${VERSION}`,
    running_sha256: '',
    seal_wrap: sealWrap,
    type: mount.type,
    uuid: formatUuid(mount.id),
  };
}

/** What `sys/mounts/:path/tune` shows: the lease times that count, not those that were set. */
export function tuneInfo(entry: Known): MountOut {
  const { tuning = {} } = entry;
  const options = optionsOut(entry);
  return {
    ...headersOut(tuning),
    default_lease_ttl: defaultLeaseTtl(entry),
    description: entry.description,
    ...(tuning.externalEntropyAccess && { external_entropy_access: true }),
    force_no_cache: tuning.forceNoCache ?? false,
    ...visibilityOut(tuning),
    max_lease_ttl: tuning.maxLeaseTtl ?? DEFAULT_TTL,
    ...(Object.keys(options).length > 0 && { options }),
    ...passthroughOut(tuning),
  };
}

/** What is told of a mount to who has not logged in. */
export function publicInfo({ bound }: MountBinding): MountOut {
  return { description: bound!.entry.description, options: optionsOut(bound!.entry), type: 'kv' };
}

/** In seconds: the mount's own, else the system's. */
export function defaultLeaseTtl({ tuning }: Known): number {
  return tuning?.defaultLeaseTtl ?? DEFAULT_TTL;
}

/** A client picks its API by the version among them: that of KV v1 is there if it was given, that of KV v2 always. */
function optionsOut({ version, tuning }: Known): { readonly [name: string]: string } {
  const given = tuning?.options ?? {};
  const told = version === 2 || Object.hasOwn(given, 'version');
  return Object.fromEntries(Object.entries(told ? { ...given, version: String(version) } : given).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function headersOut({ allowedResponseHeaders, auditNonHmacRequestKeys, auditNonHmacResponseKeys }: MountTuning): MountOut {
  return {
    ...(allowedResponseHeaders && { allowed_response_headers: allowedResponseHeaders }),
    ...(auditNonHmacRequestKeys && { audit_non_hmac_request_keys: auditNonHmacRequestKeys }),
    ...(auditNonHmacResponseKeys && { audit_non_hmac_response_keys: auditNonHmacResponseKeys }),
  };
}

function visibilityOut({ listingVisibility }: MountTuning): MountOut {
  return listingVisibility === undefined ? {} : { listing_visibility: listingVisibility };
}

function passthroughOut({ passthroughRequestHeaders }: MountTuning): MountOut {
  return passthroughRequestHeaders === undefined ? {} : { passthrough_request_headers: passthroughRequestHeaders };
}
