import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { startServer } from '@sealkv/server';
import { expect, test } from 'vitest';

type Document = { readonly openapi: string; readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>> };

async function served(): Promise<Document> {
  await using server = await startServer();
  const response = await fetch(`${server.url}/v1/sys/internal/specs/openapi`);
  return (await response.json()) as Document;
}

test('what is served is a valid OpenAPI 3.1 document', async () => {
  const document = await served();
  expect(document.openapi).toBe('3.1.0');
  const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)));
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
});

test('what is committed is what is served; `npm run openapi` writes it', async () => {
  expect(JSON.parse(readFileSync('docs/openapi.json', 'utf8'))).toEqual(await served());
});

test('every operation has a name of its own, and the operations of KV v2 are all there', async () => {
  const { paths } = await served();
  const names = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  expect(new Set(names).size).toBe(names.length);
  const kv2 = Object.keys(paths).filter((path) => path.startsWith('/{kv_v2_mount_path}'));
  expect(kv2.map((path) => path.split('/')[2])).toEqual([
    'atomic',
    'config',
    'data',
    'delete',
    'destroy',
    'detailed-metadata',
    'metadata',
    'subkeys',
    'undelete',
  ]);
});
