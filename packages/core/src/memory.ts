export { MemoryDatabase, memoryStore } from './memory-store.ts';
