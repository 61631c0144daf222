import type { JsonObject } from '@sealkv/core';
import type { FrontAnswer, FrontHandler } from './raw-front.ts';
import { StartError } from './start-error.ts';

/** What is there from the start. */
export interface Seed {
  /** Secrets by mount and path: `{ 'secret/app': { password: 'x' } }`. A mount other than `secret` is made, for KV v2. */
  readonly secrets?: Readonly<Record<string, JsonObject>> | undefined;
  /** Policies by name, in HCL or JSON: `{ app: 'path "secret/data/app/*" { capabilities = ["read"] }' }`. */
  readonly policies?: Readonly<Record<string, string>> | undefined;
}

/** What a token may do, and for how long. */
export interface TokenOptions {
  /** Names of policies. */
  readonly policies?: readonly string[] | undefined;
  /** The text of a policy that is made for this token, in HCL or JSON. */
  readonly policy?: string | undefined;
  /** Such as `'1h'`; 32 days if not given. */
  readonly ttl?: string | undefined;
  /** How many requests it is good for; any number if not given. */
  readonly uses?: number | undefined;
}

/** Sets a server up the way a client would, with its root token. */
export class Setup {
  readonly #handler: FrontHandler;
  readonly #rootToken: string;
  #policies = 0;

  constructor(handler: FrontHandler, rootToken: string) {
    this.#handler = handler;
    this.#rootToken = rootToken;
  }

  /** @throws StartError */
  async seed({ secrets = {}, policies = {} }: Seed): Promise<void> {
    const mounts = new Set(['secret']);
    for (const [name, data] of Object.entries(secrets)) {
      const [mount = '', ...path] = name.split('/').map(encodeURIComponent);
      if (path.length === 0) throw new StartError(`cannot write ${name}: a secret's name is its mount and its path, such as secret/app`);
      // 400: it is there already.
      if (!mounts.has(mount)) await this.#write(`sys/mounts/${mount}`, { type: 'kv', options: { version: '2' } }, [204, 400]);
      mounts.add(mount);
      await this.#write(`${mount}/data/${path.join('/')}`, { data });
    }
    for (const [name, policy] of Object.entries(policies)) await this.#write(`sys/policies/acl/${encodeURIComponent(name)}`, { policy });
  }

  /** @throws StartError if the server refuses */
  async token({ policies = [], policy, ttl, uses }: TokenOptions): Promise<string> {
    const names = [...policies];
    if (policy !== undefined) {
      const name = `made-for-a-token-${++this.#policies}`;
      await this.#write(`sys/policies/acl/${name}`, { policy });
      names.push(name);
    }
    // No names would be all of those that the root token has.
    const content = { policies: names.length > 0 ? names : ['default'], ttl, num_uses: uses };
    const { body } = await this.#write('auth/token/create', content);
    return (JSON.parse(Buffer.from(body).toString()) as { auth: { client_token: string } }).auth.client_token;
  }

  async #write(path: string, content: object, allowed: readonly number[] = [200, 204]): Promise<FrontAnswer> {
    const headers = [
      ['host', 'localhost'],
      ['x-vault-token', this.#rootToken],
    ] as const;
    const answer = await this.#handler({ method: 'POST', target: `/v1/${path}`, headers, body: Buffer.from(JSON.stringify(content)) });
    if (!allowed.includes(answer.status)) throw new StartError(`cannot write ${path}: ${Buffer.from(answer.body).toString().trim()}`);
    return answer;
  }
}
