import type { KvStore } from '@sealkv/core';
import { StoreError } from '@sealkv/core';
import { checkStore } from '@sealkv/core/check';
import { memoryStore } from '@sealkv/core/memory';
import { observedStore } from '@sealkv/core/testing';
import type { Api, ApiAnswer, ApiOptions } from '@sealkv/http';
import { apiOwners, createApi, Redacted } from '@sealkv/http';
import { afterEach, expect } from 'vitest';

export const ROOT = 'root-token-of-the-tests';

export interface SendOptions {
  /** The root token by default; null: none. */
  readonly token?: string | null | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface Sent extends ApiAnswer {
  /** The body as JSON; undefined if it is none. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what an answer is like is what the tests are about
  readonly json: any;
}

/** When a transaction that writes is to fail: before anything is applied, or with its outcome unknown to us. */
type Failure = 'FAILED' | 'COMMIT_UNKNOWN';

// What a test leaves behind has to be sound, whatever the test was about.
const used: KvStore[] = [];
afterEach(async () => {
  for (const store of used.splice(0)) expect((await checkStore(store, { owners: apiOwners })).problems).toEqual([]);
});

/** The API on a store in memory, with a clock that is set by hand and writes that fail on demand. */
export class Harness {
  readonly memory: KvStore = memoryStore();
  readonly api: Api;
  now = Date.UTC(2026, 10, 25, 12);
  isFull = false;
  /** Transactions that could write, of all requests so far. */
  writes = 0;
  #failing: { readonly at: number; readonly how: Failure } | undefined;

  constructor(options: Partial<ApiOptions> = {}) {
    used.push(options.store ?? this.memory);
    const store = observedStore(this.memory, (event) => {
      if (event === 'write') this.writes++;
      if (this.writes !== this.#failing?.at) return;
      if (event === 'commit' && this.#failing.how === 'FAILED') throw new StoreError('FAILED', 'the disk is on fire');
      if (event === 'committed' && this.#failing.how === 'COMMIT_UNKNOWN') throw new Error('the line is dead');
    });
    this.api = createApi({
      store,
      sealKey: new Uint8Array(32).fill(7),
      rootToken: new Redacted(ROOT),
      clock: () => this.now,
      isFull: () => this.isFull,
      ...options,
    });
  }

  advance(seconds: number): void {
    this.now += seconds * 1000;
  }

  /** Of the writing transactions from now on, the n-th (from 1) fails. */
  failWrite(n: number, how: Failure = 'FAILED'): void {
    this.#failing = { at: this.writes + n, how };
  }

  async send(method: string, path: string, { token = ROOT, body, headers = {} }: SendOptions = {}): Promise<Sent> {
    const own = token === null ? {} : { 'x-vault-token': token };
    const bytes = new TextEncoder().encode(typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body));
    const answer = await this.api.handle({ method, target: `/v1/${path}`, headers: Object.entries({ ...own, ...headers }), body: bytes });
    return { ...answer, json: parsed(answer.body) };
  }

  /** A token with a policy of this text. */
  async tokenWith(policy: string, more: object = {}): Promise<string> {
    const name = `policy-${this.#policies++}`;
    await this.#must(this.send('POST', `sys/policies/acl/${name}`, { body: { policy } }));
    const { json } = await this.#must(this.send('POST', 'auth/token/create', { body: { policies: [name], ...more } }));
    return json.auth.client_token;
  }

  #policies = 0;

  async #must(sent: Promise<Sent>): Promise<Sent> {
    const answer = await sent;
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.body}`);
    return answer;
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
