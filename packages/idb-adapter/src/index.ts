/** SealKV's storage for web apps: IndexedDB, in windows and workers. Importing touches nothing; the first use opens. */
export type { DeviceKeyOptions } from './device-key.ts';
export { deviceKey } from './device-key.ts';
export type { IdbStoreOptions } from './idb-store.ts';
export { idbStore } from './idb-store.ts';
export type { OpenOptions } from './open.ts';
