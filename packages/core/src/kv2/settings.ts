import { KvError } from '../errors.ts';
import type { KvConfig } from '../record.ts';
import { DEFAULT_CONFIG } from '../record.ts';

const MAX_UINT32 = 0xffff_ffff;

/** The longest `delete_version_after`: 292 years, what Vault's durations hold. Any deadline it makes is a date. */
export const MAX_PERIOD_MS = 9_223_372_036_854;

/** A mount's configuration as given; only what is given changes. `'disabled'` switches expiry off for every secret of the mount. */
export interface ConfigSettings {
  readonly maxVersions?: number | undefined;
  readonly casRequired?: boolean | undefined;
  readonly metadataCasRequired?: boolean | undefined;
  readonly deleteVersionAfterMs?: number | 'disabled' | undefined;
}

/** @throws KvError `INVALID_OPTION` */
export function checkConfigSettings({ deleteVersionAfterMs: period, ...others }: ConfigSettings): void {
  checkSettings({ ...others, deleteVersionAfterMs: period === 'disabled' ? undefined : period });
}

/** @throws KvError `INVALID_OPTION` */
export function checkSettings(settings: Omit<ConfigSettings, 'deleteVersionAfterMs'> & { readonly deleteVersionAfterMs?: number | undefined }): void {
  const { maxVersions, deleteVersionAfterMs } = settings;
  if (maxVersions !== undefined) checkWhole('maxVersions', maxVersions, { max: MAX_UINT32 });
  if (deleteVersionAfterMs !== undefined) checkWhole('deleteVersionAfterMs', deleteVersionAfterMs, { max: MAX_PERIOD_MS });
  for (const field of ['casRequired', 'metadataCasRequired'] as const) {
    const flag: unknown = settings[field];
    if (flag !== undefined && typeof flag !== 'boolean') throw new KvError('INVALID_OPTION', { field, problem: 'it must be true or false' });
  }
}

/** @throws KvError `INVALID_OPTION` unless `value` is a whole number from `min` to `max` */
export function checkWhole(
  field: string,
  value: number,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { readonly min?: number; readonly max?: number } = {},
): void {
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new KvError('INVALID_OPTION', { field, problem: `it must be a whole number from ${min} to ${max}` });
  }
}

/** The settings that are given. Whatever else the object holds is none: metadata as read may be given back whole. */
export function givenSettings<S extends Partial<Record<keyof KvConfig, unknown>>>(settings: S): Partial<S> {
  const names = Object.keys(DEFAULT_CONFIG) as (keyof KvConfig)[];
  return Object.fromEntries(names.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]]))) as Partial<S>;
}

/** The configuration with the given settings changed; the very same object if none is given. */
export function changeConfig(config: KvConfig, settings: ConfigSettings): KvConfig {
  const { deleteVersionAfterMs: period, ...others } = givenSettings(settings);
  if (period === undefined && Object.keys(others).length === 0) return config;
  return { ...config, ...(others as Partial<KvConfig>), ...(period !== undefined && { deleteVersionAfterMs: period === 'disabled' ? -1 : period }) };
}
