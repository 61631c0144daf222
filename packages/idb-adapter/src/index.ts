/** SealKV's storage for web apps: IndexedDB, in windows and workers. Importing touches nothing; the first use opens. */
export type { DeleteOptions } from './delete-store.ts';
export { deleteIdbStore } from './delete-store.ts';
export type { DeviceKeyOptions } from './device-key.ts';
export { deviceKey } from './device-key.ts';
export type { IdbStoreOptions } from './idb-store.ts';
export { idbStore } from './idb-store.ts';
export { lead } from './lead.ts';
export type { OpenOptions } from './open.ts';
export type { StorageEstimate } from './storage.ts';
export { persistStorage, storageEstimate } from './storage.ts';
