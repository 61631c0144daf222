export { StartError } from './start-error.ts';
export type { MemoryServerOptions, Server, ServerOptions, WorkerdServerOptions } from './start-server.ts';
export { startServer } from './start-server.ts';
