import type { Server } from '@sealkv/server';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Sends one request with the root token. A body is sent as JSON. */
export async function call({ url, rootToken }: Pick<Server, 'url' | 'rootToken'>, method: string, path: string, body?: unknown): Promise<Answer> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${url}/v1/${path}`, { method, headers: { 'X-Vault-Token': rootToken }, ...init });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

/** What is in a secret: its data, or the status of the refusal. */
export async function read(server: Pick<Server, 'url' | 'rootToken'>, path: string): Promise<unknown> {
  const { status, body } = await call(server, 'GET', path.replace('/', '/data/'));
  return status === 200 ? (body as { data: { data: unknown } }).data.data : status;
}
