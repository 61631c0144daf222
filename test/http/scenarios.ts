import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Saved } from './match.ts';
import { differences, isObject } from './match.ts';

/** A server that scenarios are played against. Their mounts `secret/` and `kv1/` are emptied before each. */
export interface Target {
  readonly url: string;
  readonly rootToken: string;
  /** How LIST and SCAN are asked for: by these methods, or in the query, for a server that has no such methods. */
  readonly listBy: 'method' | 'query';
  /** Lets time pass. */
  wait(milliseconds: number): Promise<void> | void;
  close(): Promise<void>;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** A header of null is not sent. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: unknown;
  readonly raw_body?: string;
}

interface Expectation {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Left out: whatever it is. Null: none. */
  readonly body?: unknown;
}

type Step = { readonly wait_ms: number } | { readonly request: Request; readonly expect: Expectation };

interface Scenario {
  readonly id: string;
  readonly name: string;
  readonly profile: 'both' | 'openbao' | 'vault' | 'none';
  readonly tags: readonly string[];
  readonly steps: readonly Step[];
}

/**
 * One test for each scenario that was recorded from OpenBao, of all files; and one that none is left out beyond those named.
 * `open` gets a folder that is removed at the end.
 */
export function describeScenarios(open: (folder: string) => Promise<Target>): void {
  const folder = mkdtempSync(join(tmpdir(), 'sealkv-test-'));
  let target: Target | undefined;
  beforeAll(async () => {
    target = await open(folder);
  });
  afterAll(async () => {
    await target?.close();
    rmSync(folder, { recursive: true });
  });

  describe.each([
    { file: 'kv', played: 108, leftOut: ['kv-116', 'kv-127', 'kv-166', 'kv-167'] },
    { file: 'histories', played: 60, leftOut: [] },
    { file: 'policies', played: 60, leftOut: [] },
    { file: 'system', played: 30, leftOut: [] },
  ])('$file', ({ file, played, leftOut }) => {
    const scenarios = load(file);
    const isLeftOut = ({ profile, tags }: Scenario): boolean => profile === 'vault' || tags.includes('upstream-bug');
    const chosen = scenarios.filter((scenario) => !isLeftOut(scenario));

    test(`${played} scenarios are played, and just these are not: ${leftOut.join(', ')}`, () => {
      expect(scenarios.filter(isLeftOut).map(({ id }) => id)).toEqual(leftOut);
      expect(chosen).toHaveLength(played);
    });

    for (const scenario of chosen) {
      test(`${scenario.id} ${scenario.name}`, async () => {
        expect(await play(scenario, target!)).toEqual([]);
      });
    }
  });
}

/** Every difference between what was recorded and what the target answers. */
async function play({ steps, tags }: Scenario, target: Target): Promise<string[]> {
  using client = new Client(target);
  await emptyMounts(steps, client);
  const saved: Saved = new Map([['root', target.rootToken]]);
  const problems: string[] = [];
  for (const [i, step] of steps.entries()) {
    if ('wait_ms' in step) {
      await target.wait(step.wait_ms);
      continue;
    }
    const { method, path } = step.request;
    const answer = await client.send(fill(step.request, saved));
    const exactAt = tags.includes('exact') ? 'body.data' : undefined;
    problems.push(...check(step.expect, answer, saved, exactAt).map((line) => `step ${i + 1}, ${method} ${path}: ${line}`));
  }
  return problems;
}

async function emptyMounts(steps: readonly Step[], client: Client): Promise<void> {
  const made = steps.flatMap((step) => ('request' in step ? (/^\/v1\/sys\/mounts\/([^/?]+)$/.exec(step.request.path)?.[1] ?? []) : []));
  for (const mount of new Set(['secret', 'kv1', ...made])) await client.send({ method: 'DELETE', path: `/v1/sys/mounts/${mount}` });
  for (const [mount, version] of [
    ['secret', '2'],
    ['kv1', '1'],
  ]) {
    const { status, text } = await client.send({ method: 'POST', path: `/v1/sys/mounts/${mount}`, body: { type: 'kv', options: { version } } });
    if (status !== 204) throw new Error(`cannot make the mount ${mount}: ${status} ${text}`);
  }
}

function check(expected: Expectation, { status, headers, text }: Answer, saved: Saved, exactAt: string | undefined): string[] {
  const problems = differences(expected.status, status, saved, 'status');
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    problems.push(...differences(value, headers[name.toLowerCase()], saved, `headers.${name}`));
  }
  if (expected.body === null) {
    // No client sees a body after a 204, but announcing one is wrong all the same.
    if (text !== '' || Number(headers['content-length'] ?? 0) > 0) problems.push(`body: expected none, got ${text || 'a length'}`);
  } else if (expected.body !== undefined) {
    problems.push(...differences(expected.body, parse(text), saved, 'body', exactAt));
  }
  return problems;
}

/** What is no JSON is shown as it is, in a way that matches no expectation. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { 'not JSON': text };
  }
}

/** Puts saved values where `{{name}}` stands. */
function fill<T>(value: T, saved: Saved): T {
  const filled = (part: unknown): unknown => {
    if (typeof part === 'string') return part.replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(mustHave(saved, name)));
    if (Array.isArray(part)) return part.map(filled);
    return isObject(part) ? Object.fromEntries(Object.entries(part).map(([key, member]) => [key, filled(member)])) : part;
  };
  return filled(value) as T;
}

function mustHave(saved: Saved, name: string): unknown {
  if (!saved.has(name)) throw new Error(`no earlier step kept a value as ${name}`);
  return saved.get(name);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends paths as they stand, which `fetch` would tidy up, on one connection. */
class Client {
  readonly #target: Target;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(target: Target) {
    this.#target = target;
  }

  send({ method, path, query = {}, headers: given = {}, body: json, raw_body: raw }: Request): Promise<Answer> {
    const inQuery = this.#target.listBy === 'query' && (method === 'LIST' || method === 'SCAN');
    const parameters = Object.entries(inQuery ? { ...query, [method.toLowerCase()]: 'true' } : query);
    const search = parameters.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
    // Only what can't stand in a request line is escaped.
    const target = path.replace(/[^!-~]+/g, encodeURIComponent) + (search && (path.includes('?') ? '&' : '?') + search);

    const body = raw ?? (json === undefined ? undefined : JSON.stringify(json));
    const headers = new Headers({ 'X-Vault-Token': this.#target.rootToken });
    if (body !== undefined) headers.set('Content-Type', 'application/json');
    for (const [name, value] of Object.entries(given)) {
      if (value === null) headers.delete(name);
      else headers.set(name, value);
    }
    if (body !== undefined) headers.set('Content-Length', String(Buffer.byteLength(body)));

    return new Promise((resolve, reject) => {
      const options = { method: inQuery ? 'GET' : method, path: target, headers: Object.fromEntries(headers), agent: this.#agent };
      const sent = httpRequest(this.#target.url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

// Other members are refused: an expectation with a typing error would pass without being looked at.
const MEMBERS = {
  scenario: ['id', 'name', 'profile', 'tags', 'note', 'steps', 'skip_model'],
  step: ['request', 'expect', 'wait_ms', 'note'],
  request: ['method', 'path', 'query', 'headers', 'body', 'raw_body'],
  expect: ['status', 'headers', 'body'],
};

function load(file: string): readonly Scenario[] {
  const all = JSON.parse(readFileSync(new URL(`vectors/${file}.json`, import.meta.url), 'utf8')) as Scenario[];
  // The first element of a file may describe the file.
  const scenarios = all.filter(({ profile }) => profile !== 'none');
  for (const scenario of scenarios) {
    checkMembers('scenario', scenario, scenario.id);
    for (const step of scenario.steps) {
      checkMembers('step', step, scenario.id);
      if ('wait_ms' in step) continue;
      checkMembers('request', step.request, scenario.id);
      checkMembers('expect', step.expect, scenario.id);
    }
  }
  return scenarios;
}

function checkMembers(kind: keyof typeof MEMBERS, value: object, id: string): void {
  const unknown = Object.keys(value).filter((key) => !MEMBERS[kind].includes(key));
  if (unknown.length > 0) throw new Error(`${id}: unknown member in ${kind}: ${unknown.join(', ')}`);
}
