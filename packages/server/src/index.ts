export type { CommitFailure } from './commit-faults.ts';
export type { TokenOptions } from './setup.ts';
export { StartError } from './start-error.ts';
export type { MemoryServer, MemoryServerOptions, Server, ServerOptions, WorkerdServerOptions } from './start-server.ts';
export { startServer } from './start-server.ts';
export type { TestClock } from './test-clock.ts';
