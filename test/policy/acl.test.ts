import type { Tree } from '@sealkv/core/json';
import { parseTree } from '@sealkv/core/json';
import { expect, test } from 'vitest';
import type { Access, Acl, AclOperation } from '../../packages/http/src/policy/acl.ts';
import { allowsBelow, capabilitiesOf, compileAcl, decideAccess, ROOT_ACL } from '../../packages/http/src/policy/acl.ts';
import { parsePolicy } from '../../packages/http/src/policy/parse-policy.ts';

function aclOf(...texts: readonly string[]): Acl {
  return compileAcl(texts.map(parsePolicy));
}

interface Asked {
  readonly input?: object | undefined;
  readonly now?: number | undefined;
  readonly wrapTtlSeconds?: number | undefined;
}

function ask(acl: Acl, operation: AclOperation, path: string, { input = {}, now = 0, wrapTtlSeconds }: Asked = {}): Access {
  return decideAccess(acl, { operation, path, input: parseTree(JSON.stringify(input)) as ReadonlyMap<string, Tree>, now, wrapTtlSeconds });
}

const block = (pattern: string, members: string): string => `path ${JSON.stringify(pattern)} { ${members} }\n`;

test.each([
  ['a/x/b', ['a/+/b', 'a/x*'], 'a/x*', 'the later first wildcard'],
  ['a/b/c', ['+/*', '*'], '*', 'a star where the plus sign is'],
  ['a/b/c', ['+/*', 'a/+/*'], 'a/+/*', 'the later first wildcard'],
  ['a/b', ['a/*', 'a/+'], 'a/+', 'no star'],
  ['a/b/c', ['a/+/c*', 'a/+/c'], 'a/+/c', 'no star, also if it is longer'],
  ['a/b/c/d', ['a/+/+/*', 'a/+/c/d'], 'a/+/c/d', 'no star'],
  ['a/b/c/d', ['a/+/+/d', 'a/+/c/d'], 'a/+/c/d', 'fewer plus signs'],
  ['a/b/cde', ['a/+/c*', 'a/+/cd*'], 'a/+/cd*', 'longer'],
  ['a/(/(/c', ['a/+/(/c', 'a/(/+/c'], 'a/(/+/c', 'the later first wildcard, though smaller'],
  ['a/b/c/d', ['a/+/+/d', 'a/+/c/+'], 'a/+/c/+', 'the larger text'],
  ['a/b/c/d', ['a/b/c/d', 'a/b/c/d*', 'a/b/c/+'], 'a/b/c/d', 'exact'],
  ['abc', ['*', 'a*', 'abc*', 'ab*'], 'abc*', 'longer'],
  // A plus sign that starts a longer segment is a character, but makes the pattern one with wildcards, from that character on.
  ['a/+b', ['a/+b', 'a/*'], 'a/+b', 'no star'],
  ['a/+b/c', ['a/+b/+', 'a/+/c'], 'a/+b/+', 'longer'],
])('on %s, of %j counts %s: %s', (path, patterns, winner) => {
  for (const order of [patterns, [...patterns].reverse()]) {
    const acl = aclOf(order.map((pattern) => block(pattern, `capabilities = ["${pattern === winner ? 'read' : 'delete'}"]`)).join(''));
    expect(capabilitiesOf(acl, path, 0)).toEqual(['read']);
  }
});

test.each([
  ['a/+', 'a/b', true],
  ['a/+', 'a/', true],
  ['a/+', 'a', false],
  ['a/+', 'a/b/', false],
  ['a/+', 'a/b/c', false],
  ['+', 'a', true],
  ['+', 'a/b', false],
  ['+/', 'a/', true],
  ['+/b', 'a/b', true],
  ['a/+/*', 'a/b', false],
  ['a/+/*', 'a/b/', true],
  ['a/+/*', 'a/b/c/d', true],
  ['a/+/c*', 'a/b/cd/e', true],
  ['a/+/c*', 'a/b/d', false],
  ['a/+b', 'a/xb', false],
  ['a/b+', 'a/bb', false],
  ['a*', 'a', true],
  ['a*', 'ab/c', true],
  ['*', '', true],
  ['a*b', 'axb', false],
  ['/a', 'a', true],
  ['//a', 'a', false],
  ['a', '//a', true],
  ['a', 'a/', false],
  ['a', 'A', false],
])('%j is about %j: %s', (pattern, path, matches) => {
  expect(ask(aclOf(block(pattern, 'capabilities = ["read"]')), 'read', path).allowed).toBe(matches);
});

test('lists and scans are looked up with the slash, then without it', () => {
  const acl = aclOf(
    block('a', 'capabilities = ["list", "scan", "read"]') +
      block('a/*', 'capabilities = ["deny"]') +
      block('b/+', 'capabilities = ["list"]') +
      block('c/', 'capabilities = ["list"]') +
      block('c', 'capabilities = ["deny"]'),
  );
  expect(ask(acl, 'list', 'a/').allowed).toBe(true);
  expect(ask(acl, 'scan', 'a/').allowed).toBe(true);
  expect(ask(acl, 'list', 'a/b/').allowed).toBe(false);
  expect(ask(acl, 'read', 'a/').allowed).toBe(false);
  expect(ask(acl, 'list', 'b/x/').allowed).toBe(true);
  expect(ask(acl, 'list', 'c/').allowed).toBe(true);
  expect(capabilitiesOf(acl, 'a/', 0)).toEqual(['list', 'read', 'scan']);
});

test('rules with one pattern add up over all policies, and a refusal is all that is left of them', () => {
  const read = block('a', 'capabilities = ["read", "sudo"]');
  const update = block('/a', 'capabilities = ["update"]');
  const deny = block('a', 'capabilities = ["deny"]');
  expect(capabilitiesOf(aclOf(read, update), 'a', 0)).toEqual(['read', 'sudo', 'update']);
  expect(capabilitiesOf(aclOf(read + update), 'a', 0)).toEqual(['read', 'sudo', 'update']);
  for (const order of [
    [read, update, deny],
    [deny, read, update],
    [read, deny, update],
  ]) {
    expect(capabilitiesOf(aclOf(...order), 'a', 0)).toEqual(['deny']);
    expect(ask(aclOf(...order), 'read', 'a')).toMatchObject({ allowed: false, sudo: false });
  }
  expect(capabilitiesOf(aclOf(block('a', '')), 'a', 0)).toEqual(['deny']);
  expect(capabilitiesOf(aclOf(), 'a', 0)).toEqual(['deny']);
});

test('parameters: all that are required, none that is denied, only those that are allowed', () => {
  const rule = (members: string): Acl => aclOf(block('a', `capabilities = ["create", "read", "delete", "list"] ${members}`));
  const takes = (members: string, input: object, operation: AclOperation = 'create'): boolean =>
    ask(rule(members), operation, 'a', { input }).allowed;

  expect(takes('required_parameters = ["P"]', {})).toBe(false);
  expect(takes('required_parameters = ["P"]', { p: null })).toBe(true);
  expect(takes('required_parameters = ["p"]', { P: 1 })).toBe(false);
  expect(takes('required_parameters = ["p"]', {}, 'delete')).toBe(true);
  expect(takes('required_parameters = ["p"]', {}, 'list')).toBe(true);

  expect(takes('denied_parameters = { "*" = [] }', {})).toBe(true);
  expect(takes('denied_parameters = { "*" = ["x"] }', { p: 'y' })).toBe(false);
  expect(takes('denied_parameters = { P = [] }', { p: 1 })).toBe(false);
  expect(takes('denied_parameters = { p = [] }', { P: 1 })).toBe(false);
  expect(takes('denied_parameters = { p = ["x"] }', { p: 'y', q: 'x' })).toBe(true);

  expect(takes('allowed_parameters = {}', { p: 1 })).toBe(true);
  expect(takes('allowed_parameters = { p = [] }', { p: 1 })).toBe(true);
  expect(takes('allowed_parameters = { p = [] }', { p: 1, q: 1 })).toBe(false);
  expect(takes('allowed_parameters = { p = [] }', {})).toBe(true);
  expect(takes('allowed_parameters = { "*" = ["x"] }', { p: 'y' })).toBe(true);
  expect(takes('allowed_parameters = { "*" = [] p = ["x"] }', { p: 'x', q: 'y' })).toBe(true);
  expect(takes('allowed_parameters = { "*" = [] p = ["x"] }', { p: 'y' })).toBe(false);
  expect(takes('allowed_parameters = { p = [] } denied_parameters = { p = ["x"] }', { p: 'x' })).toBe(false);
});

test.each<[string, unknown, boolean]>([
  ['"x"', 'x', true],
  ['"x"', 'X', false],
  ['"x*"', 'xyz', true],
  ['"*z"', 'xyz', true],
  ['"*y*"', 'xyz', true],
  ['"**"', '', true],
  ['"*"', '*', true],
  ['"*"', 'x', false],
  ['"x*z"', 'xyz', false],
  ['"x*z"', 'x*z', true],
  ['""', '', true],
  ['1', 1, true],
  ['1.0', 1, true],
  ['10e-1', 1, true],
  ['-0', 0, true],
  ['1', '1', false],
  ['"1"', 1, false],
  ['true', true, true],
  ['true', 'true', false],
  ['"x"', null, false],
  ['["x", [1]]', ['x', [1]], true],
  ['["x"]', ['x', 'x'], false],
  ['["x*"]', ['xyz'], false],
  ['{ a = 1, b = "é" }', { b: '\u00e9', a: 1 }, true],
  ['{ a = 1 }', { a: 1, b: 1 }, false],
  ['{}', [], false],
])('the value %s in a list is %j: %s', (item, value, fits) => {
  const acl = aclOf(
    block('a', `capabilities = ["read"] allowed_parameters = { p = [${item}] }`) +
      block('d', `capabilities = ["read"] denied_parameters = { p = [${item}] }`),
  );
  expect(ask(acl, 'read', 'a', { input: { p: value } }).allowed).toBe(fits);
  expect(ask(acl, 'read', 'd', { input: { p: value } }).allowed).toBe(!fits);
});

test('numbers are compared digit by digit, beyond what a double holds', () => {
  const acl = aclOf(block('a', 'capabilities = ["read"] allowed_parameters = { p = [1234567890123456789] }'));
  const takes = (literal: string): boolean => decideAccess(acl, { operation: 'read', path: 'a', input: new Map([['p', literal]]), now: 0 }).allowed;
  expect(takes('1234567890123456789')).toBe(true);
  expect(takes('1234567890123456788')).toBe(false);
  expect(takes('1.234567890123456789e18')).toBe(true);
  expect(takes('1e99999999999999999999')).toBe(false);
});

test('parameters of merged rules: lists add up, and an empty one means any value', () => {
  const acl = aclOf(
    block('a', 'capabilities = ["read"] allowed_parameters = { p = ["x"] q = ["x"] } required_parameters = ["p"]'),
    block('a', 'capabilities = ["read"] allowed_parameters = { p = ["y"] q = [] } required_parameters = ["q"]'),
  );
  expect(ask(acl, 'read', 'a', { input: { p: 'x', q: 1 } }).allowed).toBe(true);
  expect(ask(acl, 'read', 'a', { input: { p: 'y', q: 1 } }).allowed).toBe(true);
  expect(ask(acl, 'read', 'a', { input: { p: 'z', q: 1 } }).allowed).toBe(false);
  expect(ask(acl, 'read', 'a', { input: { p: 'x' } }).allowed).toBe(false);
});

test.each<[unknown, number | 'refused' | undefined, number | undefined | 'refused']>([
  [undefined, 2, undefined],
  ['max', 2, 0],
  ['', 2, undefined],
  ['0', 2, undefined],
  ['-0', 2, undefined],
  ['1', 1, undefined],
  ['+1', 1, undefined],
  [2, 2, undefined],
  ['3', 'refused', undefined],
  [3, 'refused', undefined],
  ['-1', 'refused', undefined],
  ['1.0', 'refused', undefined],
  ['1e0', 'refused', undefined],
  ['0x1', 'refused', undefined],
  [' 1', 'refused', undefined],
  ['MAX', 'refused', undefined],
  ['99999999999999999999999', 'refused', undefined],
  [null, 'refused', undefined],
  [true, 'refused', undefined],
  [['1', '1'], 'refused', undefined],
])('limit %j is %s under a pagination limit of 2, and %s without', (limit, under, without) => {
  const input = limit === undefined ? {} : { limit };
  const acl = aclOf(block('a', 'capabilities = ["list", "scan"] pagination_limit = 2') + block('b', 'capabilities = ["list", "scan"]'));
  for (const operation of ['list', 'scan'] as const) {
    const access = ask(acl, operation, 'a/', { input });
    expect(access.allowed ? access.limit : 'refused').toBe(under);
    const other = ask(acl, operation, 'b/', { input });
    expect(other.allowed ? other.limit : 'refused').toBe(without);
  }
});

test('a pagination limit with a required limit does not take silence', () => {
  const acl = aclOf(block('a', 'capabilities = ["list"] pagination_limit = 2 required_parameters = ["LIMIT"]'));
  expect(ask(acl, 'list', 'a/').allowed).toBe(false);
  expect(ask(acl, 'list', 'a/', { input: { limit: 'max' } })).toMatchObject({ allowed: true, limit: 2, paginationLimit: 2 });
});

test('of pagination limits and wrapping TTLs the smaller count, of filter paths the first', () => {
  const one = block(
    'a',
    'capabilities = ["list"] pagination_limit = 5 min_wrapping_ttl = 20 max_wrapping_ttl = 90 list_scan_response_keys_filter_path = "1{{ .key }}"',
  );
  const two = block(
    'a',
    'capabilities = ["list"] pagination_limit = 3 min_wrapping_ttl = 10 max_wrapping_ttl = 60 list_scan_response_keys_filter_path = "2{{ .key }}"',
  );
  const expected = { allowed: true, limit: 3, paginationLimit: 3, minWrappingTtlSeconds: 10, maxWrappingTtlSeconds: 60 };
  expect(ask(aclOf(one, two), 'list', 'a/', { wrapTtlSeconds: 15 })).toMatchObject({ ...expected, filterPath: '1{{ .key }}' });
  expect(ask(aclOf(two, one), 'list', 'a/', { wrapTtlSeconds: 15 })).toMatchObject({ ...expected, filterPath: '2{{ .key }}' });
});

test.each([
  [undefined, false, false, false],
  [0, false, true, false],
  [9, false, true, false],
  [10, true, true, true],
  [60, true, true, true],
  [61, true, false, false],
])('a wrapping TTL of %s', (wrapTtlSeconds, min, max, both) => {
  const acl = aclOf(
    block('min', 'capabilities = ["read"] min_wrapping_ttl = 10') +
      block('max', 'capabilities = ["read"] max_wrapping_ttl = "1m"') +
      block('both', 'capabilities = ["read"] min_wrapping_ttl = 10 max_wrapping_ttl = "1m"'),
  );
  const met = ['min', 'max', 'both'].map((path) => ask(acl, 'read', path, { wrapTtlSeconds }).allowed);
  expect(met).toEqual([min, max, both]);
});

test('merging can leave no wrapping TTL at all', () => {
  const acl = aclOf(block('a', 'capabilities = ["read"] min_wrapping_ttl = 60'), block('a', 'max_wrapping_ttl = 10'));
  for (const wrapTtlSeconds of [undefined, 5, 10, 30, 60, 90]) expect(ask(acl, 'read', 'a', { wrapTtlSeconds }).allowed).toBe(false);
});

test('a rule is there up to its expiration, and then as if it had never been', () => {
  const acl = aclOf(
    block('a/*', 'capabilities = ["read"]') +
      block('a/b*', 'capabilities = ["deny"] expiration = "1970-01-01T00:00:10Z"') +
      block('a/b', 'capabilities = ["update"] expiration = 20') +
      block('a/+/c', 'capabilities = ["list"] expiration = 10') +
      block('a/*', 'capabilities = ["patch"] expiration = 10'),
  );
  const at = (path: string, seconds: number): readonly string[] => capabilitiesOf(acl, path, seconds * 1000);
  expect([10, 10.001].map((now) => at('a/x', now))).toEqual([['patch', 'read'], ['read']]);
  expect([10, 10.001].map((now) => at('a/bb', now))).toEqual([['deny'], ['read']]);
  expect([20, 20.001].map((now) => at('a/b', now))).toEqual([['update'], ['read']]);
  expect([10, 10.001].map((now) => at('a/x/c', now))).toEqual([['list'], ['read']]);
});

test('root may do everything', () => {
  expect(ask(ROOT_ACL, 'scan', 'anything/', { input: { limit: 'max' } })).toEqual({ allowed: true, isRoot: true, sudo: true });
  expect(capabilitiesOf(ROOT_ACL, 'anything', 0)).toEqual(['root']);
});

test('sudo is no capability of its own', () => {
  const acl = aclOf(block('a', 'capabilities = ["sudo"]') + block('b', 'capabilities = ["sudo", "read"]'));
  expect(ask(acl, 'read', 'a')).toMatchObject({ allowed: false, sudo: true });
  expect(ask(acl, 'read', 'b')).toMatchObject({ allowed: true, sudo: true, isRoot: false });
});

test('patterns are as long as their UTF-8', () => {
  // Equally long, so that the alphabet decides; counted in UTF-16 the second would be longer.
  const acl = aclOf(block('+/\u00e9/+/y', 'capabilities = ["read"]') + block('+/+/ab/y', 'capabilities = ["update"]'));
  expect(capabilitiesOf(acl, 'x/\u00e9/ab/y', 0)).toEqual(['read']);
});

test.each([
  ['secret/', true],
  ['secret/data/', true],
  ['secret/data/a/', true],
  ['secret/data/a/b/', false],
  ['denied/', false],
  ['other/', true],
  ['other/x/', true],
  ['other/x/deep/', true],
  ['other/x/else/', false],
  ['nothing/', false],
  ['glob/', true],
  ['glob/any/thing/', true],
])('something is allowed on %s or below: %s', (folder, expected) => {
  const acl = aclOf(
    block('secret/data/a/x', 'capabilities = ["read"]') +
      block('denied/*', 'capabilities = ["deny"]') +
      block('denied/a', '') +
      block('other/+/deep/+', 'capabilities = ["read"]') +
      block('glob/*', 'capabilities = ["read"]'),
  );
  expect(allowsBelow(acl, folder, 0)).toBe(expected);
});

test('a decision looks at few of many rules', () => {
  const members = 'capabilities = ["read"]';
  const make = (count: number): Acl =>
    aclOf(
      Array.from({ length: count / 4 }, (_, i) =>
        [`secret/data/team${i}/app`, `secret/data/team${i}/*`, `secret/+/team${i}/config`, `secret/metadata/+/team${i}/*`]
          .map((p) => block(p, members))
          .join(''),
      ).join(''),
    );
  const cpuMs = (acl: Acl): number => {
    const before = process.cpuUsage();
    for (let i = 0; i < 5_000; i++) {
      ask(acl, 'read', `secret/data/team${i % 25}/app/x`);
      ask(acl, 'read', `secret/data/team${i % 25}/config`);
      ask(acl, 'list', `secret/metadata/a/team${i % 25}/`);
    }
    return process.cpuUsage(before).user / 1000;
  };
  const [few, many] = [make(100), make(10_000)];
  cpuMs(few);
  cpuMs(many);
  // A hundred times as many rules; looking at each would take about a hundred times as long.
  expect(cpuMs(many) / cpuMs(few)).toBeLessThan(10);
});
