import { describe, expect, test } from 'vitest';
import { ROOT, Harness } from './harness.ts';

/** With an API of its own. The harness looks through what is left in its store. */
const fresh = (run: (harness: Harness) => Promise<void>): Promise<void> => run(new Harness());

const KV = { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0 };

describe('making a mount', () => {
  test('takes all that OpenBao takes, and tells it again', () =>
    fresh(async (harness) => {
      const config = {
        default_lease_ttl: 3600,
        max_lease_ttl: '2h',
        force_no_cache: true,
        listing_visibility: 'hidden',
        audit_non_hmac_request_keys: ['a', 'b'],
        audit_non_hmac_response_keys: 'c, d',
        passthrough_request_headers: ['X-One'],
        allowed_response_headers: 'y',
        unheard_of: 1,
      };
      const flags = { local: true, seal_wrap: true, external_entropy_access: true };
      const body = { type: 'kv', description: 'one', options: { version: 2, mine: 'x' }, config, ...flags };
      expect((await harness.send('POST', 'sys/mounts/team/a', { body })).status).toBe(204);
      const { json } = await harness.send('GET', 'sys/mounts/team/a');
      expect(json.data).toEqual({
        accessor: expect.stringMatching(/^kv_[0-9a-f]{8}$/),
        config: {
          allowed_response_headers: ['y'],
          audit_non_hmac_request_keys: ['a', 'b'],
          audit_non_hmac_response_keys: ['c', 'd'],
          default_lease_ttl: 3600,
          force_no_cache: true,
          listing_visibility: 'hidden',
          max_lease_ttl: 7200,
          passthrough_request_headers: ['X-One'],
        },
        deprecation_status: 'supported',
        description: 'one',
        ...flags,
        options: { mine: 'x', version: '2' },
        plugin_version: '',
        running_plugin_version: expect.any(String),
        running_sha256: '',
        type: 'kv',
        uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(json).toMatchObject({ description: 'one', type: 'kv' }); // at the top level as well
      expect((await harness.send('GET', 'sys/mounts/team/a/deeper')).json.data).toEqual(json.data);
    }));

  test('takes null for everything but the type, as clients send it', () =>
    fresh(async (harness) => {
      const members = ['description', 'options', 'config', 'local', 'seal_wrap', 'external_entropy_access', 'plugin_name', 'plugin_version'];
      const nulls = Object.fromEntries(members.map((name) => [name, null]));
      expect((await harness.send('POST', 'sys/mounts/a', { body: { type: 'kv-v2', ...nulls } })).status).toBe(204);
      const config = {
        default_lease_ttl: null,
        max_lease_ttl: '',
        force_no_cache: null,
        listing_visibility: null,
        passthrough_request_headers: null,
      };
      expect((await harness.send('POST', 'sys/mounts/b', { body: { type: 'kv', config } })).status).toBe(204);
      for (const [mount, options] of [
        ['a', { version: '2' }],
        ['b', {}],
      ] as const) {
        const { json } = await harness.send('GET', `sys/mounts/${mount}`);
        expect(json.data).toMatchObject({ config: KV, description: '', options, local: false });
      }
    }));

  test.for([
    [{ type: 'kv-v1', options: { version: '2' } }, { version: '1' }],
    [{ type: 'kv-v2', options: { version: '1' } }, { version: '2' }],
    [{ type: 'kv', options: { version: true } }, { version: '1' }],
    [{ type: 'kv', options: ['version=2'] }, { version: '2' }],
    [{ type: 'plugin', plugin_name: 'kv' }, {}],
    [{ type: 'kv', options: {} }, {}],
  ] as const)('%j has the options %j', ([body, options]) =>
    fresh(async (harness) => {
      expect((await harness.send('POST', 'sys/mounts/a', { body })).status).toBe(204);
      const { json } = await harness.send('GET', 'sys/mounts/a');
      expect(json.data).toMatchObject({ type: 'kv', options });
      const isV2 = 'version' in options && options.version === '2';
      expect((await harness.send('POST', isV2 ? 'a/data/x' : 'a/x', { body: { data: { n: 1 } } })).status).toBe(isV2 ? 200 : 204);
    }),
  );

  test.for([
    [{}, 'backend type must be specified as a string'],
    [{ type: 'plugin' }, 'plugin_name must be provided for plugin backend'],
    [{ type: 'transit', options: { version: '1' } }, 'secrets engine "transit" does not allow setting a version'],
    [{ type: 'transit' }, 'plugin not found in the catalog: transit'],
    [{ type: 'KV' }, 'plugin not found in the catalog: KV'],
    [{ type: 'cubbyhole' }, 'mount type of "cubbyhole" is not mountable'],
    [{ type: 'kv', options: { version: '3' } }, 'unsupported version of KV: it must be 1 or 2'],
    [{ type: 'kv', config: { default_lease_ttl: '3x' } }, 'unable to parse default TTL of 3x: time: invalid duration "3x"'],
    [{ type: 'kv', config: { max_lease_ttl: 1.5 } }, 'unable to parse max TTL of 1.5: time: invalid duration "1.5"'],
    [{ type: 'kv', config: { max_lease_ttl: '-5' } }, "unable to parse max TTL of -5: cannot provide negative value '-5'"],
    [{ type: 'kv', config: { default_lease_ttl: '3h', max_lease_ttl: '2h' } }, 'given default lease TTL greater than given max lease TTL'],
    [{ type: 'kv', config: { default_lease_ttl: '3000h' } }, 'given default lease TTL greater than system max lease TTL of 2764800'],
    [{ type: 'kv', config: { listing_visibility: 'x' } }, 'invalid listing_visibility x'],
    [{ type: 'kv', config: { force_no_cache: 'true' } }, 'unable to convert given mount config information'],
    [{ type: 'kv', config: { default_lease_ttl: true } }, 'unable to convert given mount config information'],
    [{ type: 'kv', config: { passthrough_request_headers: 5 } }, 'unable to convert given mount config information'],
    [{ type: 'kv', config: { passthrough_request_headers: [5] } }, 'unable to convert given mount config information'],
    [{ type: 'kv', config: { plugin_version: 'v1.2.3' } }, 'there is no other version of a plugin than the one that is built in'],
  ] as const)('%j is refused: %s', ([body, error]) =>
    fresh(async (harness) => {
      const { status, json } = await harness.send('POST', 'sys/mounts/a', { body });
      expect([status, json]).toEqual([400, { errors: [error] }]);
      expect((await harness.send('GET', 'sys/mounts/a')).status).toBe(400);
    }),
  );

  test.for(['sys', 'sys/x', 'auth/x', 'cubbyhole', 'identity/x', 'audit/x'])('%s is no place for one', (path) =>
    fresh(async (harness) => {
      const { status, json } = await harness.send('POST', `sys/mounts/${path}`, { body: { type: 'kv' } });
      expect([status, json]).toEqual([400, { errors: [`cannot mount "${path}/"`] }]);
      expect((await harness.send('DELETE', `sys/mounts/${path}`)).json).toEqual({ errors: [`cannot unmount "${path}/"`] });
    }),
  );

  test('mounts have paths of several segments, and do not nest', () =>
    fresh(async (harness) => {
      const make = (path: string): ReturnType<Harness['send']> => harness.send('POST', `sys/mounts/${path}`, { body: { type: 'kv-v2' } });
      expect((await make('n/e/s/t')).status).toBe(204);
      expect((await make('n/e/x')).status).toBe(204);
      for (const path of ['n/e/s/t', 'n/e/s/t/u', 'n/e', 'n']) {
        const { status, json } = await make(path);
        expect([status, json.errors]).toEqual([400, [expect.stringMatching(/^path is already in use at n\/e\/(?:s\/t|x)\/$/)]]);
      }
      await harness.send('POST', 'n/e/s/t/data/deep/secret', { body: { data: { n: 1 } } });
      expect((await harness.send('GET', 'n/e/s/t/data/deep/secret')).json.data.data).toEqual({ n: 1 });
      expect((await harness.send('GET', 'n/e/x/data/deep/secret')).status).toBe(404);
    }));
});

test('sys/mounts lists the mounts with what is always there, in order, at the top level too', () =>
  fresh(async (harness) => {
    await harness.send('POST', 'sys/mounts/a', { body: { type: 'kv' } });
    const { json } = await harness.send('GET', 'sys/mounts');
    expect(Object.keys(json.data)).toEqual(['a/', 'cubbyhole/', 'identity/', 'secret/', 'sys/']);
    expect(Object.keys(json)).toEqual(expect.arrayContaining(Object.keys(json.data)));
    expect(json.data['cubbyhole/']).toMatchObject({ type: 'cubbyhole', local: true, options: null, config: KV });
    expect((await harness.send('GET', 'sys/mounts/cubbyhole')).json.data).toEqual(json.data['cubbyhole/']);
  }));

describe('tune', () => {
  const tune = (harness: Harness, body: object, path = 'a'): ReturnType<Harness['send']> => harness.send('POST', `sys/mounts/${path}/tune`, { body });
  const withMount = (run: (harness: Harness) => Promise<void>, body: object = { type: 'kv-v2' }): Promise<void> =>
    fresh(async (harness) => {
      await harness.send('POST', 'sys/mounts/a', { body });
      await run(harness);
    });
  const DEFAULTS = { default_lease_ttl: 2764800, description: '', force_no_cache: false, max_lease_ttl: 2764800, options: { version: '2' } };

  test('changes what is given and leaves the rest', () =>
    withMount(async (harness) => {
      const given = {
        default_lease_ttl: '1h',
        max_lease_ttl: 7200,
        listing_visibility: 'unauth',
        audit_non_hmac_request_keys: 'a, b',
        passthrough_request_headers: ['X'],
        options: { mine: 'x' },
      };
      expect((await tune(harness, { ...given, description: 'two' })).status).toBe(204);
      const all = {
        ...given,
        description: 'two',
        default_lease_ttl: 3600,
        max_lease_ttl: 7200,
        force_no_cache: false,
        audit_non_hmac_request_keys: ['a', 'b'],
        options: { mine: 'x', version: '2' },
      };
      expect((await harness.send('GET', 'sys/mounts/a/tune')).json.data).toEqual(all);
      expect((await tune(harness, { description: 'three', default_lease_ttl: '' })).status).toBe(204);
      expect((await tune(harness, {})).status).toBe(204);
      expect((await harness.send('GET', 'sys/mounts/a/tune')).json.data).toEqual({ ...all, description: 'three' });
      // null is the empty value of a parameter; that of a TTL means that it stays.
      const nulls = { description: null, default_lease_ttl: null, listing_visibility: null, options: null, passthrough_request_headers: null };
      expect((await tune(harness, nulls)).status).toBe(204);
      expect((await tune(harness, { options: { mine: '' }, audit_non_hmac_request_keys: [] })).status).toBe(204);
      expect((await harness.send('GET', 'sys/mounts/a/tune')).json.data).toEqual({ ...DEFAULTS, default_lease_ttl: 3600, max_lease_ttl: 7200 });
      await tune(harness, { default_lease_ttl: 'system', max_lease_ttl: 0 });
      expect((await harness.send('GET', 'sys/mounts/a/tune')).json.data).toEqual(DEFAULTS);
    }));

  test('of a path inside of a mount is about the mount', () =>
    withMount(async (harness) => {
      expect((await tune(harness, { description: 'deep' }, 'a/b/c')).status).toBe(204);
      expect((await harness.send('GET', 'sys/mounts/a/x/tune')).json.data.description).toBe('deep');
    }));

  test.for([
    [{ default_lease_ttl: 'x' }, 'time: invalid duration "x"'],
    [{ default_lease_ttl: '2h', max_lease_ttl: '3600' }, 'backend max lease TTL of 3600 would be less than backend default lease TTL of 7200'],
    [{ listing_visibility: 'foo' }, 'invalid listing_visibility foo'],
    [{ token_type: 'service' }, "'token_type' can only be modified on auth mounts"],
    [{ user_lockout_config: { lockout_threshold: '3' } }, 'tuning of user lockout configuration for auth type "kv" not allowed'],
    [{ plugin_version: '1.2.3' }, 'there is no other version of a plugin than the one that is built in'],
    [{ options: { version: '3' } }, 'invalid version provided: 3'],
    [{ options: { version: '' } }, 'invalid version provided: 0'],
    [{ options: { version: '1' } }, 'cannot downgrade mount from version 2'],
    [{ options: { version: 'x' } }, 'unable to parse options: strconv.ParseInt: parsing "x": invalid syntax'],
    [{ options: { version: '-1' } }, 'invalid version provided: -1'],
  ] as const)('%j is refused, and changes nothing: %s', ([body, error]) =>
    withMount(async (harness) => {
      const { status, json } = await tune(harness, { description: 'not this', ...body });
      expect([status, json]).toEqual([400, { errors: [error] }]);
      expect((await harness.send('GET', 'sys/mounts/a/tune')).json.data).toEqual(DEFAULTS);
    }),
  );

  test('of what is always there is refused by the name of the parameter', () =>
    fresh(async (harness) => {
      expect((await tune(harness, { description: 'x' }, 'cubbyhole')).json).toEqual({ errors: ['cannot tune parameter description of cubbyhole/'] });
      expect((await tune(harness, { foo: 'x' }, 'sys')).status).toBe(204);
      expect((await harness.send('GET', 'sys/mounts/sys/tune')).json.data).toMatchObject({ default_lease_ttl: 2764800 });
    }));

  test("the lease of KV v1 secrets is the mount's default", () =>
    withMount(
      async (harness) => {
        await harness.send('POST', 'a/x', { body: { n: 1 } });
        expect((await harness.send('GET', 'a/x')).json.lease_duration).toBe(2764800);
        await tune(harness, { default_lease_ttl: '10h' });
        expect((await harness.send('GET', 'a/x')).json.lease_duration).toBe(36000);
      },
      { type: 'kv' },
    ));

  test('to version 2 upgrades KV v1 at once, with whatever else is tuned, and says what OpenBao says', () =>
    withMount(
      async (harness) => {
        await harness.send('POST', 'a/x', { body: { n: 1 } });
        await harness.send('POST', 'a/d/y', { body: '{"n":1.0}' });
        harness.advance(60);
        const { status, json } = await tune(harness, { options: { version: 2 }, description: 'two' });
        expect([status, json.data, json.warnings]).toEqual([200, null, [expect.stringMatching(/^Upgrading mount from version 1 to version 2\. /)]]);
        expect((await harness.send('GET', 'a/data/d/y')).body).toContain('{"n":1.0}');
        expect((await harness.send('GET', 'a/metadata/x')).json.data).toMatchObject({
          current_version: 1,
          oldest_version: 1,
          updated_time: '2026-11-25T12:00:00Z',
        });
        expect((await harness.send('POST', 'a/data/x', { body: { data: { n: 2 }, options: { cas: 1 } } })).json.data.version).toBe(2);
        expect((await harness.send('GET', 'sys/mounts/a')).json.data).toMatchObject({ description: 'two', options: { version: '2' } });
        expect((await tune(harness, { options: { version: '2' } })).status).toBe(204);
      },
      { type: 'kv' },
    ));
});

describe('remount', () => {
  const move = (harness: Harness, from: unknown, to: unknown): ReturnType<Harness['send']> =>
    harness.send('POST', 'sys/remount', { body: { from, to } });

  test('moves a mount at once, secrets, settings and all; clients that ask are told so', () =>
    fresh(async (harness) => {
      await harness.send('POST', 'secret/data/app/x', { body: { data: { n: 1 } } });
      await harness.send('POST', 'sys/mounts/secret/tune', { body: { description: 'mine' } });
      const { uuid } = (await harness.send('GET', 'sys/mounts/secret')).json.data;
      const { status, json } = await move(harness, 'secret', '/team/vault/');
      expect([status, Object.keys(json.data)]).toEqual([200, ['migration_id']]);
      const { migration_id: id } = json.data;
      expect((await harness.send('GET', 'team/vault/data/app/x')).json.data.data).toEqual({ n: 1 });
      expect((await harness.send('GET', 'secret/data/app/x')).status).toBe(404);
      expect((await harness.send('GET', 'sys/mounts/team/vault')).json.data).toMatchObject({ uuid, description: 'mine' });
      expect((await harness.send('GET', `sys/remount/status/${id}`)).json.data).toEqual({
        migration_id: id,
        migration_info: { source_mount: 'secret/', status: 'success', target_mount: 'team/vault/' },
      });
      expect((await harness.send('GET', 'sys/remount/status/nope')).status).toBe(404);
      expect((await harness.send('POST', 'sys/mounts/secret', { body: { type: 'kv' } })).status).toBe(204);
    }));

  test.for([
    [undefined, 'x', "both 'from' and 'to' path must be specified as a string"],
    ['a', null, "both 'from' and 'to' path must be specified as a string"],
    [' a', 'x', "'from' path cannot contain trailing whitespace"],
    ['a', 'x ', "'to' path cannot contain trailing whitespace"],
    ['a', '/', 'invalid destination mount path "/"'],
    ['none', 'x', 'no matching mount at "none/"'],
    ['a/b', 'x', 'no matching mount at "a/b/"'],
    ['a', 'secret', 'path already in use at "secret/"'],
    ['a', 'secret/x', 'path already in use at "secret/"'],
    ['a', 'a/b', 'path already in use at "a/"'],
    ['sys', 'x', 'cannot remount "sys/"'],
    ['a', 'cubbyhole', 'cannot remount to destination cubbyhole/'],
    ['a', 'x//y', 'the path is not usable: it has an empty segment'],
    ['a', 'x/../y', 'the path is not usable: it has a relative segment'],
  ] as const)('from %j to %j is refused: %s', ([from, to, error]) =>
    fresh(async (harness) => {
      await harness.send('POST', 'sys/mounts/a', { body: { type: 'kv' } });
      const { status, json } = await move(harness, from, to);
      expect([status, json]).toEqual([400, { errors: [error] }]);
    }),
  );

  test('takes sudo', () =>
    fresh(async (harness) => {
      const token = await harness.tokenWith('path "sys/remount" { capabilities = ["update"] }');
      const body = { from: 'secret', to: 'x' };
      expect((await harness.send('POST', 'sys/remount', { token, body })).status).toBe(403);
    }));
});

describe('the preflight', () => {
  const look = (harness: Harness, token: string | null, path: string): ReturnType<Harness['send']> =>
    harness.send('GET', `sys/internal/ui/mounts/${path}`, { token });

  test('tells the mount of a path to whoever may do anything in it, and nobody else whether there is one', () =>
    fresh(async (harness) => {
      await harness.send('POST', 'sys/mounts/other', { body: { type: 'kv' } });
      for (const rule of ['secret/data/a', 'secret/data/+/b', 'secret/*', 'sec*', '+/data/x', 'secret/metadata/']) {
        const token = await harness.tokenWith(`path "${rule}" { capabilities = ["read"] }`, { no_default_policy: true });
        const { status, json } = await look(harness, token, 'secret/foo');
        expect([rule, status, json.data]).toEqual([rule, 200, expect.objectContaining({ path: 'secret/', options: { version: '2' }, type: 'kv' })]);
        for (const path of rule.startsWith('+') ? ['none/x'] : ['other', 'none/x']) {
          const refused = await look(harness, token, path);
          const error = `preflight capability check returned 403, please ensure client's policies grant access to path "${path}/"`;
          expect([rule, refused.status, refused.json]).toEqual([rule, 403, { errors: [error] }]);
        }
      }
      for (const policy of ['path "secret/*" { capabilities = ["deny"] }', 'path "secre" { capabilities = ["read"] }']) {
        const token = await harness.tokenWith(policy, { no_default_policy: true });
        expect((await look(harness, token, 'secret/foo')).status).toBe(403);
      }
    }));

  test('tells the auth mount of a path below auth/, by its path there', () =>
    fresh(async (harness) => {
      await harness.send('POST', 'sys/auth/people', { body: { type: 'userpass', description: 'us' } });
      const reader = await harness.tokenWith('path "auth/people/users/*" { capabilities = ["read"] }', { no_default_policy: true });
      for (const path of ['auth/people', 'auth/people/', 'auth/people/users/ada']) {
        const { status, json } = await look(harness, reader, path);
        expect([status, json.data]).toEqual([200, expect.objectContaining({ path: 'people/', type: 'userpass', description: 'us' })]);
      }
      const tokens = await look(harness, ROOT, 'auth/token/lookup');
      expect(tokens.json.data).toMatchObject({ path: 'token/', type: 'token', options: null });
      for (const path of ['auth', 'auth/none', 'auth/peopl']) expect((await look(harness, ROOT, path)).status).toBe(403);
      expect((await look(harness, reader, 'auth/token')).status).toBe(403);
      expect((await look(harness, reader, 'people')).status).toBe(403);
    }));

  test('takes no use off a token, and needs one', () =>
    fresh(async (harness) => {
      const token = await harness.tokenWith('path "secret/data/a" { capabilities = ["read"] }', { num_uses: 1 });
      for (let i = 0; i < 3; i++) expect((await look(harness, token, 'secret/a')).status).toBe(200);
      expect((await harness.send('GET', 'secret/data/a', { token })).status).toBe(404);
      for (const none of [token, 'nope', null]) {
        const { status, json } = await look(harness, none, 'secret/a');
        expect([status, json]).toEqual([403, { errors: ['permission denied'] }]);
      }
    }));

  test('of all mounts shows those that concern the caller; to who has no token, those that are for everybody', () =>
    fresh(async (harness) => {
      await harness.send('POST', 'sys/mounts/open', { body: { type: 'kv-v2', description: 'd', config: { listing_visibility: 'unauth' } } });
      const all = (token: string | null): ReturnType<Harness['send']> => harness.send('GET', 'sys/internal/ui/mounts', { token });
      expect((await all(null)).json.data).toEqual({ auth: {}, secret: { 'open/': { description: 'd', options: { version: '2' }, type: 'kv' } } });
      const token = await harness.tokenWith('path "secret/data/a" { capabilities = ["read"] }', { no_default_policy: true });
      expect(Object.keys((await all(token)).json.data.secret)).toEqual(['open/', 'secret/']);
      const root = (await harness.send('GET', 'sys/internal/ui/mounts')).json.data;
      expect(Object.keys(root.secret)).toEqual(['cubbyhole/', 'identity/', 'open/', 'secret/', 'sys/']);
      expect((await all('nope')).status).toBe(403);
    }));
});

describe('leases', () => {
  test.for([
    ['POST', 'leases/lookup', {}, 400, 'lease_id must be specified'],
    ['POST', 'leases/lookup', { lease_id: 'secret/a/1' }, 400, 'invalid lease'],
    ['GET', 'leases/count', undefined, 404, undefined],
    ['GET', 'leases/count?type=x', undefined, 404, undefined],
    ['GET', 'leases?type=irrevocable&limit=0', undefined, 400, "limit must be 'none' or a positive integer"],
    ['GET', 'leases?limit=none', undefined, 404, undefined],
    ['LIST', 'leases/lookup/secret', undefined, 404, undefined],
    ['POST', 'leases/renew', {}, 400, 'lease_id must be specified'],
    ['PUT', 'leases/renew', { lease_id: 'x', increment: 60 }, 400, 'lease not found'],
    ['PUT', 'leases/renew/x/y', {}, 400, 'lease not found'],
    ['PUT', 'leases/revoke', { lease_id: 'x', sync: true }, 204, undefined],
    ['PUT', 'leases/revoke/x/y', undefined, 204, undefined],
    ['PUT', 'leases/revoke-prefix/secret', {}, 204, undefined],
    ['PUT', 'leases/revoke-force/secret', {}, 204, undefined],
    ['PUT', 'leases/revoke-prefix/auth/token', {}, 400, 'tokens have no leases here: revoke them through auth/token, or disable the auth mount'],
  ] as const)('%s %s %j: there are none', ([method, path, body, status, error]) =>
    fresh(async (harness) => {
      const answer = await harness.send(method, `sys/${path}`, { body });
      expect([answer.status, answer.json?.errors?.[0]]).toEqual([status, error]);
    }),
  );

  test('those that could not be ended are none either; the list takes sudo', () =>
    fresh(async (harness) => {
      const count = await harness.send('GET', 'sys/leases/count?type=irrevocable&include_child_namespaces=true');
      expect(count.json.data).toEqual({ counts: {}, lease_count: 0 });
      expect((await harness.send('GET', 'sys/leases?type=irrevocable&limit=none')).json.data).toEqual({ lease_count: 0, leases: [] });
      const token = await harness.tokenWith('path "sys/leases*" { capabilities = ["read"] }');
      expect((await harness.send('GET', 'sys/leases/count?type=irrevocable', { token })).status).toBe(200);
      expect((await harness.send('GET', 'sys/leases?type=irrevocable', { token })).status).toBe(403);
    }));
});
