/** SealKV: a versioned, transactional KV engine with the semantics of the Vault / OpenBao KV v2 secrets engine. */
export type {
  AtomicOperations,
  AtomicResult,
  Config,
  EngineOptions,
  Metadata,
  MetadataOptions,
  MetadataPatch,
  MetadataWritten,
  NewMetadata,
  Pending,
  PutOptions,
  PutResult,
  ReadOptions,
  Secret,
  Subkeys,
  VersionInfo,
} from './engine.ts';
export { SecretEngine } from './engine.ts';
export type { CustomMetadataProblem, KvErrorCode, KvErrorDetails, SealErrorCode, SealKvErrorCode, StoreErrorCode, VersionFacts } from './errors.ts';
export { isSealKvError, KvError, SealError, StoreError } from './errors.ts';
export type { JsonInput, JsonLimits, RawJson, Storable } from './json-input.ts';
export { rawJson } from './json-input.ts';
export type { JsonObject, JsonText, JsonValue } from './json-text.ts';
export type { Cas } from './kv2/cas.ts';
export type { Limits } from './limits.ts';
export { DEFAULT_LIMITS } from './limits.ts';
export type { Cancellable, ListingOptions } from './listing.ts';
export type { CustomMetadata } from './kv2/custom-metadata.ts';
export type { IgnoredSetting, MetadataSettings } from './kv2/put-metadata.ts';
export type { ConfigSettings } from './kv2/settings.ts';
export type { MountBinding } from './mount-handle.ts';
export type { MountsOptions, NewMount } from './mounts.ts';
export { Mounts } from './mounts.ts';
export type { KvConfig, MountEntry } from './record.ts';
export type { SealBinding, Sealer, SealKey } from './sealer.ts';
export { aesGcmSealer, plaintextSealer } from './sealer.ts';
export type { Delete, DeleteRange, Entry, KeyRange, KvStore, Put, ReadTx, StoredValue, StoreKey, TxOptions, Write, WriteOutcome } from './store.ts';
export { checkWrites, compareKeys, isWellFormed, MAX_RECORD_BYTES, prefixEnd, runBody } from './store.ts';
