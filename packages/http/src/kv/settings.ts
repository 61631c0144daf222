import type { FieldOf } from '../fields.ts';

/** The settings of a secret's own, as `metadata/` takes them. */
export const settingFields: {
  readonly cas_required: FieldOf<'bool'>;
  readonly metadata_cas_required: FieldOf<'bool'>;
  readonly max_versions: FieldOf<'int'>;
  readonly delete_version_after: FieldOf<'duration'>;
  readonly custom_metadata: FieldOf<'map'>;
  readonly metadata_cas: FieldOf<'int'>;
} = {
  cas_required: { type: 'bool', about: 'Whether every write needs check-and-set.' },
  metadata_cas_required: { type: 'bool', about: 'Whether every write of metadata needs check-and-set.' },
  max_versions: { type: 'int', about: 'Versions to keep; 0: as the mount says.' },
  delete_version_after: { type: 'duration', about: 'How long a version lives; 0: as the mount says.' },
  custom_metadata: { type: 'map', about: 'Names and texts of your own: at most 64, names up to 128 bytes, texts up to 512.' },
  metadata_cas: { type: 'int', about: 'Write only if this is the version of the metadata; 0: only if there is none, or none was written.' },
};

interface Given {
  readonly max_versions?: number | undefined;
  readonly cas_required?: boolean | undefined;
  readonly metadata_cas_required?: boolean | undefined;
  readonly delete_version_after?: number | undefined;
}

export interface Settings {
  readonly maxVersions: number | undefined;
  readonly casRequired: boolean | undefined;
  readonly metadataCasRequired: boolean | undefined;
  readonly deleteVersionAfterMs: number | undefined;
}

export function settingsOf({ max_versions, cas_required, metadata_cas_required, delete_version_after: seconds }: Given): Settings {
  return {
    maxVersions: max_versions,
    casRequired: cas_required,
    metadataCasRequired: metadata_cas_required,
    deleteVersionAfterMs: seconds === undefined ? undefined : seconds * 1000,
  };
}
