import { checkStore } from '@sealkv/core/check';
import { apiOwners } from '@sealkv/http';
import { afterEach, expect, test } from 'vitest';
import type { Sent } from './harness.ts';
import { Harness, ROOT } from './harness.ts';

const READ = 'path "secret/data/*" { capabilities = ["read"] }';
const DENIED = { errors: ['1 error occurred:\n\t* permission denied\n\n'] };
const PATCH = { 'content-type': 'application/merge-patch+json' };

let harness = new Harness();
afterEach(async () => {
  const { problems } = await checkStore(harness.memory, { owners: apiOwners });
  harness = new Harness();
  expect(problems).toEqual([]);
});

const put = (name: string, body: object): Promise<Sent> => harness.send('PUT', `sys/policies/acl/${name}`, { body });
const patch = (name: string, body: object): Promise<Sent> => harness.send('PATCH', `sys/policies/acl/${name}`, { body, headers: PATCH });
const get = (name: string): Promise<Sent> => harness.send('GET', `sys/policies/acl/${name}`);
const errorOf = ({ status, json }: Sent): unknown => [status, json?.errors?.[0]];
const capabilities = async (token: string, ...paths: readonly string[]): Promise<unknown> =>
  (await harness.send('POST', 'sys/capabilities', { body: { token, paths } })).json.data;

test('a policy is kept as it was written, with its version and time', async () => {
  expect((await put('rd', { policy: READ })).status).toBe(204);
  harness.advance(60);
  expect((await put('rd', { policy: `${READ}\n` })).status).toBe(204);
  expect((await get('rd')).json.data).toEqual({
    allow_slashes_in_identity_templates: false,
    allow_wildcards_in_identity_templates: false,
    cas_required: false,
    modified: '2026-11-25T12:01:00Z',
    name: 'rd',
    policy: `${READ}\n`,
    version: 2,
  });
  expect((await harness.send('DELETE', 'sys/policies/acl/rd')).status).toBe(204);
  expect((await get('rd')).json).toEqual({ errors: [] });
  expect((await harness.send('DELETE', 'sys/policies/acl/rd')).status).toBe(204);
});

test.each([
  ['MiXed', 'mixed', ['policy name was converted to mixed']],
  ['%20pad%20', 'pad', null],
  ['%C3%84', 'ä', ['policy name was converted to ä']],
])('%s names %s', async (sent, name, warnings) => {
  const { status, json } = await put(sent, { policy: READ });
  expect([status, json?.warnings ?? null]).toEqual([warnings === null ? 204 : 200, warnings]);
  expect((await get(sent)).json.data.name).toBe(name);
  expect((await harness.send('LIST', 'sys/policies/acl')).json.data.keys).toContain(name);
});

test('JSON and base64 are policies too', async () => {
  const json = '{"path":{"secret/data/*":{"capabilities":["read"]}}}';
  expect((await put('a', { policy: json })).status).toBe(204);
  expect((await put('b', { policy: Buffer.from(READ).toString('base64') })).status).toBe(204);
  expect([(await get('a')).json.data.policy, (await get('b')).json.data.policy]).toEqual([json, READ]);
});

test.each<[what: string, policy: unknown, error: unknown]>([
  ['nothing', undefined, "'policy' parameter not supplied or empty"],
  ['an empty text', '', "'policy' parameter not supplied or empty"],
  ['an unknown capability', 'path "a" { capabilities = ["fly"] }', 'failed to parse policy: path "a": invalid capability "fly"'],
  ['half a text', 'path "a" {', expect.stringMatching(/^failed to parse policy: /)],
  ['base64 of bytes', Buffer.from([0xff, 0xfe, 0xfd]).toString('base64'), 'failed to parse policy: what is base64 is not UTF-8'],
])('%s is no policy, and nothing is changed', async (_, policy, error) => {
  await put('a', { policy: READ });
  expect(errorOf(await put('a', { policy }))).toEqual([400, error]);
  expect((await get('a')).json.data).toMatchObject({ policy: READ, version: 1 });
});

test.each(['root', ' ROOT', 'response-wrapping', 'Response-Wrapping'])('nobody changes %j', async (name) => {
  const canonical = name.trim().toLowerCase();
  expect(errorOf(await put(encodeURIComponent(name), { policy: READ }))).toEqual([400, `cannot update "${canonical}" policy`]);
  expect(errorOf(await patch(encodeURIComponent(name), { policy: READ }))).toEqual([400, `cannot update "${canonical}" policy`]);
  const removal = await harness.send('DELETE', `sys/policies/acl/${encodeURIComponent(name)}`);
  expect(errorOf(removal)).toEqual([400, `cannot delete "${canonical}" policy`]);
});

test('default is there from the start, can be overwritten and not removed', async () => {
  const token = (await harness.send('POST', 'auth/token/create', { body: { policies: ['default'] } })).json.auth.client_token as string;
  expect((await get('default')).json.data).toMatchObject({ name: 'default', version: 1, policy: expect.stringContaining('auth/token/lookup-self') });
  expect(errorOf(await harness.send('DELETE', 'sys/policies/acl/default'))).toEqual([400, 'cannot delete default policy']);
  expect((await put('default', { policy: READ, cas: 1 })).status).toBe(204);
  expect(await capabilities(token, 'secret/data/a', 'auth/token/lookup-self')).toEqual({
    'secret/data/a': ['read'],
    'auth/token/lookup-self': ['deny'],
  });
});

test('lists are in the order of OpenBao: of a folder first what is in it, root at the end and only in the whole list', async () => {
  for (const name of ['b/d', 'b/c', 'a1', 'c/x/y', 'z']) await put(name, { policy: READ });
  const keys = async (path: string): Promise<unknown> => (await harness.send('LIST', path)).json.data?.keys;
  expect(await keys('sys/policies/acl')).toEqual(['a1', 'default', 'z', 'c/x/y', 'b/c', 'b/d', 'root']);
  expect(await keys('sys/policies/acl/b')).toEqual(['b/c', 'b/d']);
  expect(await keys('sys/policies/acl/c/')).toEqual(['c/x/y']);
  expect((await harness.send('LIST', 'sys/policies/acl/a')).status).toBe(404);
  expect((await harness.send('GET', 'sys/policies/acl')).status).toBe(405);
  const detailed = (await harness.send('LIST', 'sys/policies/detailed/acl')).json.data;
  expect(detailed.keys).toEqual(await keys('sys/policies/acl'));
  expect(detailed.key_info['b/c']).toMatchObject({ name: 'b/c', policy: READ, version: 1 });
});

test.each<[body: object, error: string | undefined]>([
  [{ cas: 0 }, 'check-and-set parameter did not match the current version'],
  [{ cas: 2 }, 'check-and-set parameter did not match the current version'],
  [{ cas: -1 }, 'check-and-set parameter set to -1 on existing entry'],
  [{ cas_required: true }, 'check-and-set parameter required for this call'],
  [{ cas: 1 }, undefined],
  [{}, undefined],
])('a write with %j onto version 1', async (body, error) => {
  await put('a', { policy: READ, cas: -1 });
  const sent = await put('a', { policy: `${READ} `, ...body });
  expect(sent.status).toBe(error === undefined ? 204 : 400);
  if (error !== undefined) expect(errorOf(sent)).toEqual([400, error]);
});

test('where check-and-set is required it is from the next write on, and one write can end it', async () => {
  await put('a', { policy: READ, cas: 0, cas_required: true });
  expect(errorOf(await put('a', { policy: READ }))).toEqual([400, 'check-and-set parameter required for this call']);
  expect((await put('a', { policy: READ, cas: 1 })).status).toBe(204);
  expect((await put('a', { policy: READ })).status).toBe(204);
});

test('of two writes on one version one is refused', async () => {
  await put('a', { policy: READ });
  const sent = await Promise.all([1, 2, 3].map((n) => put('a', { policy: `# ${n}\n${READ}`, cas: 1 })));
  expect(sent.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 400, 400]);
});

test('a policy counts up to its end, and then it is as if it had never been', async () => {
  await put('a', { policy: READ, ttl: '1h' });
  const token = (await harness.send('POST', 'auth/token/create', { body: { policies: ['a'] } })).json.auth.client_token as string;
  expect((await get('a')).json.data.expiration).toBe('2026-11-25T13:00:00Z');
  harness.advance(3599.999);
  expect((await harness.send('GET', 'secret/data/x', { token })).status).toBe(404);
  harness.advance(0.001);
  expect((await harness.send('GET', 'secret/data/x', { token })).json).toEqual(DENIED);
  expect((await get('a')).status).toBe(404);
  expect((await harness.send('LIST', 'sys/policies/acl')).json.data.keys).toEqual(['default', 'root']);
  expect((await put('a', { policy: READ, cas: -1 })).status).toBe(204);
  expect((await get('a')).json.data.version).toBe(1);
});

test.each<[body: object, error: string]>([
  [{ ttl: '1h', expiration: '2030-01-01T00:00:00Z' }, "cannot supply both 'expiration' and 'ttl' for policies"],
  [{ ttl: 0 }, 'refusing to update policy as expiration time has already elapsed'],
  [{ expiration: '2000-01-01T00:00:00Z' }, 'refusing to update policy as expiration time has already elapsed'],
  [{ expiration: '2030-01-01' }, 'Field validation failed: error converting input for field "expiration": could not parse string as date and time'],
  [{ expiration: true }, 'Field validation failed: error converting input for field "expiration": could not parse time from input type'],
])('the end %j is refused', async (body, error) => {
  expect(errorOf(await put('a', { policy: READ, ...body }))).toEqual([400, error]);
});

test.each([
  ['2030-01-01T00:00:00.5+01:00', '2029-12-31T23:00:00.5Z'],
  [1_900_000_000, '2030-03-17T17:46:40Z'],
  ['1900000000', '2030-03-17T17:46:40Z'],
])('the end %j is %s', async (expiration, time) => {
  await put('a', { policy: READ, expiration });
  expect((await get('a')).json.data.expiration).toBe(time);
});

test('a patch changes what it names, without check-and-set even where that is required', async () => {
  await put('a', { policy: READ, cas: 0, cas_required: true, ttl: '1h' });
  const { status, json } = await patch('A', { policy: `${READ} ` });
  expect([status, json.data, json.warnings]).toEqual([200, null, ['policy name was converted to a']]);
  expect((await get('a')).json.data).toMatchObject({ policy: `${READ} `, cas_required: true, version: 2, expiration: '2026-11-25T13:00:00Z' });
  await patch('a', { cas_required: false });
  expect((await get('a')).json.data).toMatchObject({ policy: `${READ} `, cas_required: false, version: 3 });
  expect(errorOf(await patch('a', { cas: 7 }))).toEqual([400, 'check-and-set parameter did not match the current version']);
  expect(errorOf(await patch('a', { policy: null }))).toEqual([400, "'policy' parameter not supplied or empty"]);
  expect(errorOf(await patch('nope', {}))).toEqual([400, 'policy not found']);
});

test('sys/policy is the same by older names', async () => {
  const { status, json } = await harness.send('PUT', 'sys/policy/Old', { body: { rules: READ } });
  expect([status, json.warnings]).toEqual([200, ['policy name was converted to old', "'rules' is deprecated, please use 'policy' instead"]]);
  const read = (await harness.send('GET', 'sys/policy/old')).json;
  expect(read.data).toMatchObject({ name: 'old', rules: READ, version: 1 });
  expect(read.data).not.toHaveProperty('policy');
  expect(read.rules).toBe(READ);
  for (const method of ['GET', 'LIST']) {
    expect((await harness.send(method, 'sys/policy')).json).toMatchObject({ keys: ['default', 'old', 'root'], policies: ['default', 'old', 'root'] });
  }
  expect((await harness.send('PUT', 'sys/policy/old', { body: { policy: READ } })).status).toBe(204);
  expect(errorOf(await harness.send('PUT', 'sys/policy/old', { body: {} }))).toEqual([400, "'policy' parameter not supplied or empty"]);
  expect((await harness.send('PATCH', 'sys/policy/old', { body: {}, headers: PATCH })).status).toBe(405);
  expect((await harness.send('DELETE', 'sys/policy/old')).status).toBe(204);
});

test('a change of a policy acts on the next request', async () => {
  const token = await harness.tokenWith(READ);
  expect((await harness.send('GET', 'secret/data/a', { token })).status).toBe(404);
  const name = (await harness.send('GET', 'auth/token/lookup-self', { token })).json.data.policies.find((policy: string) => policy !== 'default');
  await put(name, { policy: 'path "secret/data/*" { capabilities = ["deny"] }' });
  expect((await harness.send('GET', 'secret/data/a', { token })).json).toEqual(DENIED);
});

test('capabilities of the caller, of a token and of an accessor, by path and, if it is just one, by their name', async () => {
  const token = await harness.tokenWith(
    'path "secret/data/*" { capabilities = ["update", "read"] }\npath "secret/data/x" { capabilities = ["deny"] }',
  );
  const paths = ['secret/data/a', 'secret/data/x', 'other'];
  const expected = { 'secret/data/a': ['read', 'update'], 'secret/data/x': ['deny'], other: ['deny'] };
  const self = (await harness.send('POST', 'sys/capabilities-self', { token, body: { paths } })).json;
  expect(self.data).toEqual(expected);
  expect(self).toMatchObject(expected);
  expect(await capabilities(token, ...paths)).toEqual(expected);
  const { accessor } = (await harness.send('GET', 'auth/token/lookup-self', { token })).json.data;
  const by = (await harness.send('POST', 'sys/capabilities-accessor', { body: { accessor, path: 'secret/data/a' } })).json;
  expect(by.data).toEqual({ capabilities: ['read', 'update'], 'secret/data/a': ['read', 'update'] });
  expect(await capabilities(ROOT, 'a')).toEqual({ a: ['root'], capabilities: ['root'] });
});

test.each<[path: string, body: object, error: string]>([
  ['capabilities-self', {}, 'paths must be supplied'],
  ['capabilities-self', { paths: [''] }, '1 error occurred:\n\t* missing path\n\n'],
  ['capabilities', { paths: ['a'] }, '1 error occurred:\n\t* no token found\n\n'],
  ['capabilities', { paths: ['a'], token: 'nope' }, '1 error occurred:\n\t* invalid token\n\n'],
  ['capabilities-accessor', { paths: ['a'] }, 'missing accessor'],
  ['capabilities-accessor', { paths: ['a'], accessor: 'nope' }, '1 error occurred:\n\t* invalid accessor\n\n'],
])('sys/%s with %j is refused', async (path, body, error) => {
  expect(errorOf(await harness.send('POST', `sys/${path}`, { body }))).toEqual([400, error]);
});

test('the resultant ACL of all policies: exact paths and prefixes, with what bounds them', async () => {
  const token = await harness.tokenWith(
    `path "a/b" { capabilities = ["update", "read"] required_parameters = ["x"] allowed_parameters = { "x" = ["1"] } min_wrapping_ttl = "1m" }
     path "c/*" { capabilities = ["deny"] }
     path "d/+/e" { capabilities = ["read"] }
     path "sys/internal/ui/resultant-acl" { capabilities = ["read"] }`,
    { no_default_policy: true },
  );
  expect((await harness.send('GET', 'sys/internal/ui/resultant-acl', { token })).json.data).toEqual({
    root: false,
    exact_paths: {
      'a/b': { allowed_parameters: { x: ['1'] }, capabilities: ['read', 'update'], min_wrapping_ttl: 60, required_parameters: ['x'] },
      'sys/internal/ui/resultant-acl': { capabilities: ['read'] },
    },
    glob_paths: { 'c/': { capabilities: ['deny'] } },
  });
  expect((await harness.send('GET', 'sys/internal/ui/resultant-acl')).json.data).toEqual({ root: true });
});

async function withSecrets(...names: readonly string[]): Promise<void> {
  for (const name of names) await harness.send('POST', `secret/data/${name}`, { body: { data: { n: 1 } } });
}

const list = async (token: string, query = '', path = 'secret/metadata/'): Promise<Sent> => harness.send('LIST', `${path}${query}`, { token });

test('under a pagination limit a list is no longer than that, however it is asked for', async () => {
  await withSecrets('a', 'b', 'c', 'd/e');
  const token = await harness.tokenWith('path "secret/metadata/" { capabilities = ["list"] pagination_limit = 2 }');
  for (const query of ['', '?limit=max', '?limit=0', '?limit=2', '?limit=']) expect((await list(token, query)).json.data.keys).toEqual(['a', 'b']);
  expect((await list(token, '?limit=1&after=a')).json.data.keys).toEqual(['b']);
  expect((await list(token, '?limit=max&after=b')).json.data.keys).toEqual(['c', 'd/']);
  for (const query of ['?limit=3', '?limit=-1', '?limit=x', '?limit=1&limit=1']) expect((await list(token, query)).json).toEqual(DENIED);
});

test('limit=max is all there is for who has no pagination limit; to root it is no number', async () => {
  await withSecrets('a', 'b');
  const token = await harness.tokenWith('path "secret/metadata/*" { capabilities = ["list"] }');
  expect((await list(token, '?limit=max')).json.data.keys).toEqual(['a', 'b']);
  expect((await list(token, '?limit=x')).status).toBe(400);
  expect(errorOf(await list(ROOT, '?limit=max'))).toEqual([400, expect.stringMatching(/^Field validation failed: /)]);
});

test('a list with another limit than was sent is one use of a token', async () => {
  await withSecrets('a', 'b');
  const token = await harness.tokenWith('path "secret/metadata/" { capabilities = ["list"] pagination_limit = 1 }', { num_uses: 3 });
  expect((await list(token, '?limit=max')).json.data.keys).toEqual(['a']);
  expect((await harness.send('POST', 'auth/token/lookup', { body: { token } })).json.data.num_uses).toBe(2);
  expect((await list(token, '?limit=x')).status).toBe(403);
  expect((await harness.send('POST', 'auth/token/lookup', { body: { token } })).json.data.num_uses).toBe(1);
});

const FILTERED = 'capabilities = ["list", "scan"] list_scan_response_keys_filter_path = "{{ .path }}{{ .key }}"';

test('of a filtered list are seen the keys that can be read and the folders that can be listed', async () => {
  await withSecrets('a', 'b', 'open/x', 'shut/y');
  const token = await harness.tokenWith(`
    path "secret/metadata/" { ${FILTERED} }
    path "secret/metadata/b" { capabilities = ["read"] }
    path "secret/metadata/open/" { capabilities = ["list"] }
    path "secret/metadata/shut/" { capabilities = ["read"] }`);
  expect((await list(token)).json.data.keys).toEqual(['b', 'open/']);
  expect((await harness.send('SCAN', 'secret/metadata/', { token })).json.data.keys).toEqual(['b']);
});

test('a filtered list of which nothing is seen is a list of nothing', async () => {
  await withSecrets('a');
  const token = await harness.tokenWith(`path "secret/metadata/" { ${FILTERED} }`);
  expect(await list(token)).toMatchObject({ status: 404, json: { errors: [] } });
  expect((await harness.send('SCAN', 'secret/metadata/', { token })).json.data).toEqual({});
});

test('what is told about the keys of a filtered list is told of those that are seen', async () => {
  await withSecrets('a', 'b');
  const token = await harness.tokenWith(`
    path "secret/detailed-metadata/" { ${FILTERED} }
    path "secret/detailed-metadata/b" { capabilities = ["read"] }`);
  const { data } = (await list(token, '', 'secret/detailed-metadata/')).json;
  expect([data.keys, Object.keys(data.key_info)]).toEqual([['b'], ['b']]);
});

test('a filter may name another path, and sudo counts where that takes it', async () => {
  await withSecrets('a', 'b');
  const token = await harness.tokenWith(`
    path "secret/metadata/" { capabilities = ["list"] list_scan_response_keys_filter_path = "{{ .path | replace \\"metadata\\" \\"data\\" }}{{ .key }}" }
    path "secret/data/a" { capabilities = ["read"] }`);
  expect((await list(token)).json.data.keys).toEqual(['a']);
  for (const [capabilities, keys] of [
    ['"read"', undefined],
    ['"read", "sudo"', ['a']],
  ] as const) {
    const holder = await harness.tokenWith(`
      path "secret/metadata/" { capabilities = ["list"] list_scan_response_keys_filter_path = "{{ .key | replace \\"a\\" \\"auth/token/accessors\\" }}" }
      path "auth/token/accessors" { capabilities = [${capabilities}] }`);
    expect((await list(holder)).json.data?.keys).toEqual(keys);
  }
});

test('a list that says more than keys is refused rather than shown', async () => {
  const token = await harness.tokenWith(`path "sys/policy" { ${FILTERED} }`);
  expect((await harness.send('LIST', 'sys/policy', { token })).status).toBe(400);
  expect((await harness.send('LIST', 'sys/policy')).status).toBe(200);
});

test('HEAD is allowed to no policy', async () => {
  const token = await harness.tokenWith('path "*" { capabilities = ["create", "read", "update", "delete", "list", "patch", "scan", "sudo"] }');
  expect((await harness.send('HEAD', 'secret/data/a', { token })).status).toBe(403);
  expect((await harness.send('HEAD', 'secret/data/a')).status).toBe(405);
});
