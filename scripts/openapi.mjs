// Writes docs/openapi.json: the document that the endpoint serves at /v1/sys/internal/specs/openapi.
import { writeFileSync } from 'node:fs';
import { startServer } from '@sealkv/server';

const server = await startServer();
const response = await fetch(`${server.url}/v1/sys/internal/specs/openapi`);
writeFileSync('docs/openapi.json', `${JSON.stringify(await response.json(), null, 2)}\n`);
await server.close();
