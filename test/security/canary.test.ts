import { inspect } from 'node:util';
import { aesGcmSealer, SecretEngine } from '@sealkv/core';
import { Kv1Engine } from '@sealkv/core/kv1';
import { memoryStore } from '@sealkv/core/memory';
import { allRecords } from '@sealkv/core/testing';
import { startServer } from '@sealkv/server';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AuthHarness } from '../http/auth-harness.ts';
import { ROOT } from '../http/harness.ts';

/*
 * Secrets that came out by the back door: in an error about a request that could not be read, in a log, in a record of who did what. Here a canary is put
 * wherever a secret can be, the request is spoiled in every way, and then everything that comes out anywhere is searched for it.
 */

const CANARY = 'canary5f1c9e';
// The same as bytes would show it.
const DISGUISES = [
  CANARY,
  Buffer.from(CANARY).toString('base64').replace(/=+$/, ''),
  Buffer.from(CANARY).toString('hex'),
  [...Buffer.from(CANARY)].join(),
];

const SINKS = ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'] as const;
let logged: string[];
beforeEach(() => {
  logged = [];
  for (const sink of SINKS) vi.spyOn(console, sink).mockImplementation((...args: unknown[]) => void logged.push(inspect(args, { depth: 10 })));
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockImplementation((chunk) => (logged.push(String(chunk)), true));
});
afterEach(() => void vi.restoreAllMocks());

/** What a text says of the canary, with what is around it. */
function sightings(text: string): string[] {
  return DISGUISES.flatMap((disguise) => {
    const at = text.toLowerCase().indexOf(disguise.toLowerCase());
    return at < 0 ? [] : [text.slice(Math.max(0, at - 80), at + 80)];
  });
}

/** A record without the names of members, which are told: what is hashed is what they hold. */
function withoutNames(record: string): string {
  return record.replaceAll(`"${CANARY}":`, '');
}

/** JSON texts with the canary in each place where there can be a value, and in names within the data. */
const VALUES = [
  `"${CANARY}"`,
  `["${CANARY}"]`,
  `[["${CANARY}"]]`,
  `{"a":"${CANARY}"}`,
  `{"a":{"b":["${CANARY}"]}}`,
  `{"${CANARY}":1}`,
  `{"a":{"${CANARY}":null}}`,
  `{"a":"${CANARY}","a":"${CANARY}"}`,
  `{"${CANARY}":1,"${CANARY}":2}`,
  `{"a":{"${CANARY}":1,"${CANARY}":2}}`,
  `"${CANARY}\\ud800"`,
  `{"a":"${CANARY}\\ud800"}`,
  `{"${CANARY}\\ud800":1}`,
  `"${CANARY}\\x"`,
  `"${CANARY}\u0001"`,
  `{"a":${CANARY}}`,
  CANARY,
  `"${CANARY}`,
  `{"${CANARY}`,
  `{"${CANARY}"`,
  `{"${CANARY}" 1}`,
  `{"a":"${CANARY}",}`,
  `{"a":"${CANARY}"`,
  `"${CANARY}" "${CANARY}"`,
  `1${CANARY}`,
  `{"a":${'['.repeat(600)}"${CANARY}"`,
  `{"a":"${CANARY}"} ${CANARY}`,
];

/** Whole bodies, of which `member` is one of the members. */
function bodiesWith(member: string): readonly string[] {
  return [
    ...VALUES.map((value) => `{"${member}":${value}}`),
    ...VALUES,
    `{"other":"${CANARY}","${member}":{}}`,
    `{"${member}":{},"${CANARY}":{}`,
    `{"${member}":"${CANARY}"`,
    `${member}=${CANARY}`,
    `${member}=%ff${CANARY}`,
  ];
}

interface Secretive {
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  readonly members: readonly string[];
  readonly token?: null;
}

/** Where clients send what nobody else may know. */
const REQUESTS: readonly Secretive[] = [
  { method: 'POST', path: 'secret/data/a', members: ['data', 'options'] },
  { method: 'PATCH', path: 'secret/data/a', members: ['data', 'options'] },
  { method: 'POST', path: 'secret/metadata/a', members: ['custom_metadata', 'max_versions', 'cas_required', 'delete_version_after'] },
  { method: 'PATCH', path: 'secret/metadata/a', members: ['custom_metadata'] },
  { method: 'POST', path: 'secret/destroy/a', members: ['versions'] },
  { method: 'POST', path: 'secret/config', members: ['max_versions', 'delete_version_after'] },
  { method: 'POST', path: 'secret/atomic', members: ['operations'] },
  { method: 'POST', path: 'kv1/a', members: ['password'] },
  { method: 'POST', path: 'cubbyhole/a', members: ['password'] },
  { method: 'POST', path: 'auth/userpass/users/jo', members: ['password', 'token_ttl'] },
  { method: 'POST', path: 'auth/userpass/login/jo', members: ['password'], token: null },
  { method: 'POST', path: 'auth/approle/login', members: ['role_id', 'secret_id'], token: null },
  { method: 'POST', path: 'auth/jwt/login', members: ['jwt'], token: null },
  // Not `meta`: what a token bears for all to see is told as OpenBao tells it.
  { method: 'POST', path: 'auth/token/create', members: ['id', 'ttl', 'policies', 'num_uses'] },
  { method: 'POST', path: 'auth/token/lookup', members: ['token'] },
  { method: 'POST', path: 'auth/token/revoke', members: ['token'] },
  { method: 'POST', path: 'auth/token/revoke-accessor', members: ['accessor'] },
  { method: 'POST', path: 'sys/wrapping/unwrap', members: ['token'] },
  { method: 'POST', path: 'sys/wrapping/lookup', members: ['token'] },
  { method: 'POST', path: 'sys/init', members: ['bootstrap_secret'], token: null },
  { method: 'POST', path: 'sys/capabilities', members: ['token'] },
];

const CONTENT_TYPES = [undefined, 'application/x-www-form-urlencoded'];

async function started(): Promise<AuthHarness> {
  const harness = new AuthHarness();
  await harness.done('POST', 'sys/audit/log', { type: 'store' });
  await harness.done('POST', 'sys/mounts/kv1', { type: 'kv' });
  for (const type of ['userpass', 'approle', 'jwt']) await harness.enable(type);
  await harness.done('POST', 'auth/userpass/users/jo', { password: 'right' });
  return harness;
}

/** Records of who did what, as they are told and as they are stored. */
async function recordsOf(harness: AuthHarness): Promise<readonly string[]> {
  const stored = (await allRecords(harness.memory)).filter(({ key }) => key.startsWith('x/l/'));
  expect(stored.length).toBeGreaterThan(0);
  const { body } = await harness.send('GET', 'sys/audit-log/export');
  return [...body.split('\n'), ...stored.map(({ value }) => Buffer.from(value).toString('latin1'))];
}

describe('CVE-2025-4166, HCSEC-2025-09, CVE-2025-52893: what is in a request that can’t be understood comes out nowhere', () => {
  test.each(REQUESTS)('$method $path', async ({ method, path, members, token }) => {
    // What a password costs is not what this is about.
    vi.spyOn(crypto.subtle, 'deriveBits').mockImplementation(async () => new ArrayBuffer(32));
    const harness = await started();
    const statuses = new Set<number>();
    const seen: unknown[] = [];
    for (const contentType of method === 'PATCH' ? ['application/merge-patch+json'] : CONTENT_TYPES) {
      for (const body of members.flatMap(bodiesWith)) {
        const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
        const answer = await harness.send(method, path, { ...(token === null && { token }), body, headers });
        statuses.add(answer.status);
        // What was understood may be told back: that is what it was sent for.
        const told = answer.status >= 400 ? [answer.body, JSON.stringify(answer.headers)] : [];
        for (const sight of told.flatMap(sightings)) seen.push([body, sight]);
        harness.advance(10);
      }
    }
    expect(seen).toEqual([]);
    expect([...statuses].filter((status) => status >= 500)).toEqual([]);
    expect(statuses.has(400)).toBe(true);
    expect(logged.flatMap(sightings)).toEqual([]);
    expect((await recordsOf(harness)).map(withoutNames).flatMap(sightings)).toEqual([]);
  });

  test('nor does it come out of an engine: neither message, stack, cause nor any member of an error has it', async () => {
    const options = { store: memoryStore(), sealer: aesGcmSealer(new Uint8Array(32)) };
    const [v2, v1] = [new SecretEngine(options), new Kv1Engine({ ...options, mount: 'kv1' })];
    await v2.put('a', { a: 1 });
    const cycle: Record<string, unknown> = { a: CANARY };
    cycle['b'] = cycle;
    const values: readonly unknown[] = [
      CANARY,
      [CANARY],
      { a: CANARY, b: undefined },
      { a: CANARY, b: NaN },
      { a: CANARY, b: 1n },
      { a: new Date(), b: CANARY },
      { a: new Map([[CANARY, CANARY]]) },
      { a: Buffer.from(CANARY) },
      { a: new Error(CANARY) },
      { a: () => CANARY },
      { a: Symbol(CANARY) },
      { a: `${CANARY}\ud800` },
      { a: [CANARY, , CANARY] }, // oxlint-disable-line no-sparse-arrays -- a hole is one of the things that JSON would change
      cycle,
      ...VALUES.map((text) => ({ text })),
    ];
    const errors: unknown[] = [];
    const attempt = async (change: () => Promise<unknown>): Promise<void> => {
      try {
        await change();
      } catch (error) {
        errors.push(error);
      }
    };
    for (const value of values as never[]) {
      await attempt(() => v2.put('a', value));
      await attempt(() => v2.put('a', { secret: CANARY }, { cas: 7 }));
      await attempt(() => v2.patch('a', value));
      await attempt(() => v2.update('a', () => value));
      await attempt(() => v1.put('a', value));
      await attempt(() => v2.putMetadata('a', { customMetadata: { a: value } }));
      await attempt(() => v2.put('a', { secret: CANARY }, { cas: value }));
    }
    expect(errors.length).toBeGreaterThan(values.length * 3);
    const told = errors.map(
      (error) => `${inspect(error, { depth: 10, showHidden: true })} ${String(error)} ${(error as Error).stack} ${JSON.stringify(error)}`,
    );
    expect(told.flatMap(sightings)).toEqual([]);
    expect(logged.flatMap(sightings)).toEqual([]);
  });
});

describe('CVE-2025-62513, CVE-2025-62705, CVE-2024-8365, CVE-2024-0831, CVE-2020-13223, GHSA-444v: no record and no log has a secret', () => {
  test('of requests that went well, of any content type: values, passwords, secret ids, tokens and wrapping tokens are there as keyed hashes only', async () => {
    const harness = await started();
    const secrets = new Set([ROOT.slice(0, 20)]);
    const note = (...texts: (string | undefined)[]): void => texts.forEach((text) => text && secrets.add(text.replace(/^[sb]\./, '').slice(0, 24)));
    const made = (await harness.done('POST', 'auth/token/create', { policies: ['default'], ttl: '1h' })).json.auth;
    const batch = (await harness.done('POST', 'auth/token/create', { policies: ['default'], ttl: '1h', type: 'batch' })).json.auth;
    note(made.client_token, batch.client_token.slice(2));
    const own = (await harness.done('POST', 'auth/token/create', { id: `own-${CANARY}`, policies: ['default'] })).json.auth;
    for (const [path, body] of [
      ['secret/data/a', { data: { a: CANARY, b: [CANARY, { c: `x${CANARY}` }] } }],
      ['secret/metadata/a', { custom_metadata: { owner: CANARY } }],
      ['secret/atomic', { operations: [{ operation: 'put', path: 'b', data: { a: CANARY } }] }],
      ['kv1/a', { password: CANARY }],
      ['cubbyhole/a', { password: CANARY }],
      ['auth/userpass/users/jo', { password: CANARY }],
      ['auth/token/lookup', { token: made.client_token }],
      ['auth/token/lookup', { token: own.client_token }],
      ['auth/token/renew', { token: made.client_token }],
      ['auth/token/lookup-accessor', { accessor: made.accessor }],
      ['sys/capabilities', { token: made.client_token, paths: ['a'] }],
      ['auth/approle/role/r', { policies: 'default' }],
      ['auth/approle/role/r/custom-secret-id', { secret_id: CANARY }],
    ] as const)
      await harness.done('POST', path, body);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    await harness.send('POST', 'kv1/b', { body: `password=${CANARY}`, headers: form });
    await harness.send('PATCH', 'secret/data/a', {
      body: { data: { a: `${CANARY}2` } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    note(await harness.tokenOf('userpass/login/jo', { password: CANARY }));
    const roleId = (await harness.done('GET', 'auth/approle/role/r/role-id')).json.data.role_id;
    note(await harness.tokenOf('approle/login', { role_id: roleId, secret_id: CANARY }));
    const wrapped = (await harness.send('GET', 'secret/data/a', { headers: { 'x-vault-wrap-ttl': '60' } })).json.wrap_info;
    note(wrapped.token);
    await harness.done('POST', 'sys/wrapping/lookup', { token: wrapped.token });
    await harness.done('POST', 'sys/wrapping/unwrap', { token: wrapped.token });
    for (const path of ['secret/data/a', 'secret/metadata/a', 'kv1/a', 'cubbyhole/a', `secret/data/a?x=${CANARY}`]) await harness.done('GET', path);
    await harness.send('GET', 'secret/data/a', { headers: { authorization: `Bearer ${CANARY}`, cookie: CANARY, 'user-agent': CANARY } });
    await harness.send('POST', 'secret/data/a', { token: made.client_token, body: { data: { a: CANARY } } });

    const records = await recordsOf(harness);
    expect(records.length).toBeGreaterThan(50);
    const told = [...records, ...logged].join('\n');
    expect(sightings(told)).toEqual([]);
    expect(secrets.size).toBeGreaterThan(5);
    for (const secret of secrets) expect(told).not.toContain(secret);
    expect(told).toContain('hmac-sha256:');
  });

  test('of a server in a process: neither a request that fails nor one that goes well is logged', async () => {
    await using server = await startServer({ secrets: { 'secret/app': { a: CANARY } }, rootToken: `s.${CANARY}` });
    const send = (method: string, path: string, body?: string): Promise<Response> =>
      fetch(`${server.url}/v1/${path}`, { method, headers: { 'X-Vault-Token': server.rootToken }, ...(body !== undefined && { body }) });
    expect((await send('GET', 'secret/data/app')).status).toBe(200);
    for (const body of VALUES) await send('POST', 'secret/data/app', `{"data":${body}}`);
    server.failNextCommit();
    expect((await send('POST', 'secret/data/app', `{"data":{"a":"${CANARY}"}}`)).status).toBe(503);
    expect(logged.flatMap(sightings)).toEqual([]);
  });
});
