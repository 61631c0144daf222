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
export type { LimitOptions, Limits } from './limits.ts';
export { DEFAULT_LIMITS } from './limits.ts';
export { listFolder } from './list.ts';
export type { Cancellable, ListingOptions } from './listing.ts';
export type { CustomMetadata } from './kv2/custom-metadata.ts';
export type { IgnoredSetting, MetadataSettings } from './kv2/put-metadata.ts';
export type { ConfigSettings } from './kv2/settings.ts';
export type { MountBinding, OutcomeNote, Scope } from './mount-handle.ts';
export type { MountChange, MountsOptions, NewMount, PurgeOptions } from './mounts.ts';
export { Mounts, secretExists } from './mounts.ts';
export { purgesPrefix } from './keyspace.ts';
export { parseFolder, parseMountPath, parsePath } from './path.ts';
export type { KvConfig, MountEntry, MountTuning, Remount } from './record.ts';
export type { SealBinding, Sealer, SealKey } from './sealer.ts';
export { aesGcmSealer, deriveMacKey, plaintextSealer } from './sealer.ts';
export type {
  CommitListener,
  Delete,
  DeleteRange,
  Durability,
  Entry,
  KeyRange,
  KvStore,
  Put,
  ReadTx,
  StoredValue,
  StoreKey,
  Touched,
  TxOptions,
  Write,
  WriteOutcome,
} from './store.ts';
export { UpdateQueue } from './update-queue.ts';
export { checkWrites, compareKeys, deleteUpTo, isWellFormed, MAX_RECORD_BYTES, prefixEnd, runBody, touchedBy } from './store.ts';
