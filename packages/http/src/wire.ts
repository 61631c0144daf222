import type { CustomMetadata, Metadata, VersionFacts, VersionInfo } from '@sealkv/core';
import type { Out } from './json-out.ts';
import { sortedByName } from './json-out.ts';
import { formatDuration, formatTime } from './time.ts';

/** The engine's facts in Vault's words: snake_case, times as text, members in byte order. */

interface Facts extends Pick<VersionInfo, 'version' | 'destroyed'> {
  readonly createdAt: Date | number;
  readonly deletionAt: Date | number | undefined;
}

/** A version as `data/` shows it. */
export function versionOut(facts: VersionInfo | VersionFacts, customMetadata: CustomMetadata | undefined): { readonly [name: string]: Out } {
  const { created_time, deletion_time, destroyed } = timesOut(facts);
  return { created_time, custom_metadata: customMetadataOut(customMetadata), deletion_time, destroyed, version: facts.version };
}

/** A secret's metadata as `metadata/` shows it. */
export function metadataOut(metadata: Metadata): { readonly [name: string]: Out } {
  return {
    cas_required: metadata.casRequired,
    created_time: formatTime(metadata.createdAt.getTime()),
    current_metadata_version: metadata.metadataVersion,
    current_version: metadata.currentVersion,
    custom_metadata: customMetadataOut(metadata.customMetadata),
    delete_version_after: formatDuration(metadata.deleteVersionAfterMs / 1000),
    max_versions: metadata.maxVersions,
    metadata_cas_required: metadata.metadataCasRequired,
    oldest_version: metadata.oldestVersion,
    updated_time: formatTime(metadata.updatedAt.getTime()),
    versions: sortedByName(Array.from(metadata.versions, ([version, info]) => [String(version), timesOut(info)])),
  };
}

function timesOut({ createdAt, deletionAt, destroyed }: Facts): {
  readonly created_time: string;
  readonly deletion_time: string;
  readonly destroyed: boolean;
} {
  return { created_time: formatTime(Number(createdAt)), deletion_time: deletionAt === undefined ? '' : formatTime(Number(deletionAt)), destroyed };
}

export function customMetadataOut(customMetadata: CustomMetadata | undefined): Out {
  return customMetadata === undefined ? null : sortedByName(Object.entries(customMetadata));
}
