import type { JsonObject } from '@sealkv/core';
import type { FrontAnswer, FrontHandler } from './raw-front.ts';
import { StartError } from './start-error.ts';

/** Writes secrets the way a client would. The first segment of each name is the mount, which is made if it isn't there. */
export async function seed(handler: FrontHandler, rootToken: string, secrets: Readonly<Record<string, JsonObject>>): Promise<void> {
  const send = async (method: string, path: string, content: object, allowed: readonly number[] = [200, 204]): Promise<FrontAnswer> => {
    const headers = [
      ['host', 'localhost'],
      ['x-vault-token', rootToken],
    ] as const;
    const answer = await handler({ method, target: `/v1/${path}`, headers, body: Buffer.from(JSON.stringify(content)) });
    if (!allowed.includes(answer.status)) throw new StartError(`cannot write ${path}: ${Buffer.from(answer.body).toString().trim()}`);
    return answer;
  };
  const mounts = new Set(['secret']);
  for (const [name, data] of Object.entries(secrets)) {
    const [mount = '', ...path] = name.split('/').map(encodeURIComponent);
    if (path.length === 0) throw new StartError(`cannot write ${name}: a secret's name is its mount and its path, such as secret/app`);
    // 400: it is there already.
    if (!mounts.has(mount)) await send('POST', `sys/mounts/${mount}`, { type: 'kv', options: { version: '2' } }, [204, 400]);
    mounts.add(mount);
    await send('POST', `${mount}/data/${path.join('/')}`, { data });
  }
}
