import { checkStore } from '@sealkv/core/check';
import { apiOwners } from '@sealkv/http';
import { expect } from 'vitest';
import type { Sent } from './harness.ts';
import { Harness } from './harness.ts';

/** The API with an auth mount, and short words for what tests do with it. */
export class AuthHarness extends Harness {
  /** Enables an auth mount of this type at the path of the same name, or at another one. */
  async enable(type: string, path = type, config: object = {}): Promise<void> {
    await this.done('POST', `sys/auth/${path}`, { type, config });
  }

  /** A request of the root token that must succeed. */
  async done(method: string, path: string, body?: object): Promise<Sent> {
    const answer = await this.send(method, path, { body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return answer;
  }

  /** A login, without a token. */
  logIn(path: string, body: object): Promise<Sent> {
    return this.send('POST', `auth/${path}`, { token: null, body });
  }

  /** The token of a login that must succeed. */
  async tokenOf(path: string, body: object): Promise<string> {
    const { status, json } = await this.logIn(path, body);
    expect([status, json?.errors]).toEqual([200, undefined]);
    return json.auth.client_token;
  }

  async isValid(token: string): Promise<boolean> {
    return (await this.send('GET', 'auth/token/lookup-self', { token })).status === 200;
  }

  /** How many records there are under a prefix, which ends in a slash. */
  async countOf(prefix: string): Promise<number> {
    return this.memory.read(async (tx) => (await tx.scanKeys({ from: prefix, to: `${prefix.slice(0, -1)}0` })).length);
  }

  async expectSound(): Promise<void> {
    expect((await checkStore(this.memory, { owners: apiOwners })).problems).toEqual([]);
  }
}

/** Status and first error of an answer. */
export const errorOf = ({ status, json }: Sent): readonly [number, string | undefined] => [status, json?.errors?.[0]];
