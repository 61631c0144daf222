import { expect, test } from 'vitest';
import { ApiError } from '../../packages/http/src/api-error.ts';
import type { Acl, AclOperation } from '../../packages/http/src/policy/acl.ts';
import { capabilitiesOf, compileAcl, decideAccess } from '../../packages/http/src/policy/acl.ts';
import { canonicalName } from '../../packages/http/src/policy/names.ts';
import { parsePolicy } from '../../packages/http/src/policy/parse-policy.ts';
import { parseTarget } from '../../packages/http/src/request.ts';
import { Generator, textOf } from './generate.ts';

/* What has gone wrong with policies elsewhere. Each test has the name of the advisory that it would have prevented. */

function aclOf(...texts: readonly string[]): Acl {
  return compileAcl(texts.map(parsePolicy));
}

function allows(acl: Acl, operation: AclOperation, path: string): boolean {
  return decideAccess(acl, { operation, path, input: new Map(), now: 0 }).allowed;
}

/** Of a path as sent: whether it is allowed, or `'refused'` because it is odd. */
function decided(acl: Acl, method: 'GET' | 'DELETE' | 'LIST', sent: string): boolean | 'refused' {
  try {
    const { operation, path } = parseTarget({ method, target: `/v1/${sent}`, headers: [] });
    return allows(acl, operation as AclOperation, path);
  } catch (error) {
    if (error instanceof ApiError && error.status === 400) return 'refused';
    throw error;
  }
}

const GLOB_POLICIES = {
  'a glob': 'path "secret/data/app/*" { capabilities = ["read", "delete", "list"] }',
  'a glob within a segment': 'path "secret/data/app*" { capabilities = ["read", "delete", "list"] }',
  'a plus sign': 'path "secret/data/+/x" { capabilities = ["read", "delete", "list"] }',
  'a plus sign and a glob': 'path "secret/data/+/*" { capabilities = ["read", "delete", "list"] }',
};

test.each(Object.entries(GLOB_POLICIES))(
  'CVE-2026-3605, GHSA-m2w4-8ggf-rj47: no spelling of a path gets from %s to a path beside it',
  (_, policy) => {
    const acl = aclOf(policy);
    // All of them would name secret/metadata/victim or secret/data/victim if somebody tidied them up after the decision.
    const spellings = [
      'secret/data/app/../victim',
      'secret/data/app/../../metadata/victim',
      'secret/data/app/x/../../../metadata/victim',
      'secret/data/./victim',
      'secret/data/app/./../victim',
      'secret/data/app/%2e%2e/victim',
      'secret/data/app/.%2E/victim',
      'secret/data/app/..%2fvictim',
      'secret/data/app%2f..%2f..%2fmetadata%2fvictim',
      'secret/data/app/..',
      'secret/data/app/.',
      'secret/data//victim',
      'secret/data/app//../victim',
      'secret//metadata/victim',
      '/secret/metadata/victim',
      'secret/data/app/%00/victim',
    ];
    for (const spelling of spellings)
      for (const method of ['GET', 'DELETE', 'LIST'] as const) expect([spelling, decided(acl, method, spelling)]).toEqual([spelling, 'refused']);
    // Dots that are no relative segments are characters.
    for (const name of ['...', '..x', 'x..', '.x'])
      expect(decided(acl, 'GET', `secret/data/${name}/y`)).toBe(allows(acl, 'read', `secret/data/${name}/y`));
  },
);

test.each(Object.entries(GLOB_POLICIES))('CVE-2026-3605: %s on data is about nothing but data, however the path is encoded', (_, policy) => {
  const acl = aclOf(policy);
  const others = [
    'secret/metadata/app/x',
    'secret/destroy/app/x',
    'secret/delete/app/x',
    'secret/data',
    'secret/dat',
    'secret/datax/app/x',
    'kv/data/app/x',
    'SECRET/data/app/x',
  ];
  for (const path of others) {
    for (const method of ['GET', 'DELETE', 'LIST'] as const) {
      expect(decided(acl, method, path)).toBe(false);
      expect(decided(acl, method, path.replaceAll('/', '%2F'))).toBe(false);
    }
  }
  // An encoded path is the path that it stands for.
  const path = 'secret/data/app/x';
  const encoded = Array.from(path, (char) => `%${char.charCodeAt(0).toString(16)}`).join('');
  expect(decided(acl, 'DELETE', encoded)).toBe(decided(acl, 'DELETE', path));
  expect(decided(acl, 'DELETE', path)).toBe(true);
});

test.each([
  ['kv', false],
  ['kv/metadata', true],
  ['kv/metadata/team', true],
  ['kv/metadata/restricted', false],
  ['kv/metadata/restricted/below', false],
  ['kv/metadata/restricted/open', true],
  ['kv/metadata/restricted/open/below', true],
])('GHSA-xp3c-3jw3-4vcr: a folder that is denied is not listed, with or without the slash: %s/ %s', (folder, allowed) => {
  const acl = aclOf(`
    path "kv/metadata/*" { capabilities = ["list", "scan"] }
    path "kv/metadata/restricted/*" { capabilities = ["deny"] }
    path "kv/metadata/restricted/open/*" { capabilities = ["list", "scan"] }
  `);
  for (const operation of ['list', 'scan'] as const) expect(allows(acl, operation, `${folder}/`)).toBe(allowed);
});

test('GHSA-xp3c-3jw3-4vcr: whatever else policies say, denying all below a folder denies the list of it', () => {
  const generator = new Generator(21);
  let wouldBeAllowed = 0;
  for (let i = 0; i < 1_000; i++) {
    const rules = generator.policies();
    const policies = rules.map(textOf);
    const before = aclOf(...policies);
    for (let n = 0; n < 10; n++) {
      const { operation, path } = generator.question(rules);
      const folder = path.endsWith('/') ? path : `${path}/`;
      // Only a rule about exactly this folder is more specific, or one about what is directly in it: its `+` matches nothing at all, too.
      const about = [folder, folder.slice(0, -1), `${folder}+`];
      const isExact = rules.flat().some(({ pattern }) => about.includes(pattern.replace(/^\//, '')));
      if (operation !== 'list' || isExact || folder.startsWith('/') || /[*+]/.test(folder)) continue;
      if (allows(before, 'list', folder)) wouldBeAllowed++;
      expect(allows(aclOf(...policies, `path ${JSON.stringify(`${folder}*`)} { capabilities = ["deny"] }`), 'list', folder)).toBe(false);
    }
  }
  expect(wouldBeAllowed).toBeGreaterThan(200);
});

test.each(['root', 'Root', 'ROOT', ' root', 'root ', ' Root ', '\troot\n', '\u00a0rOOt\u2003', '\u0085root', '\v\froot\u3000', 'root\u2028'])(
  'CVE-2025-5999, CVE-2025-54996, CVE-2025-64761: %j is root, so that it is refused where root is',
  (name) => {
    expect(canonicalName(name)).toBe('root');
  },
);

test.each([
  'ro ot',
  'root\0',
  'r\u200boot',
  '\u200broot',
  '\ufeffroot',
  'r\u043e\u043et',
  'root/',
  '/root',
  '"root"',
  'roots',
  'r\u00f6\u00f6t',
  '\uff52oot',
  '',
])('CVE-2025-5999: %j is not root, neither before nor after it was made canonical', (name) => {
  expect(canonicalName(name)).not.toBe('root');
  expect(canonicalName(canonicalName(name))).toBe(canonicalName(name));
});

test('CVE-2025-5999: no character becomes one of root by lower case', () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    const char = String.fromCodePoint(code);
    const lower = canonicalName(`x${char}x`).slice(1, -1);
    if ('root'.includes(lower)) expect('rootROOT').toContain(char);
  }
});

test('CVE-2025-5999: a name in the text of a policy gives it nothing', () => {
  for (const name of ['root', ' Root ', 'default']) {
    const acl = aclOf(`name = ${JSON.stringify(name)}\npath "a" { capabilities = ["read"] }`);
    expect(acl.isRoot).toBe(false);
    expect(capabilitiesOf(acl, 'b', 0)).toEqual(['deny']);
  }
  expect(aclOf('path "a" { capabilities = ["sudo"] }').isRoot).toBe(false);
  for (const capability of ['root', 'Root', 'ROOT'])
    expect(() => parsePolicy(`path "*" { capabilities = ["${capability}"] }`)).toThrow('invalid capability');
  for (const policy of ['root', 'Sudo', 'toString', '__proto__', 'constructor'])
    expect(() => parsePolicy(`path "*" { policy = "${policy}" }`)).toThrow('invalid policy');
});

test.each(['root', 'Root', '', '/', '.', '..', '%2f', 'root/', 'root/child'])(
  'GHSA-mwr2-wmgp-crj6: a path %j is no way out of the paths of a policy',
  (name) => {
    const acl = aclOf('path "team/*" { capabilities = ["read", "list", "sudo"] }');
    for (const path of [name, `${name}/secret/data/a`, `${name}/team/a`]) {
      const stripped = path.replace(/^\/+/, '');
      expect(allows(acl, 'read', path)).toBe(stripped.startsWith('team/'));
    }
  },
);

test('GHSA-59w7-v8rr-pr4p, CVE-2021-43998: a template widens nothing, because nothing is put in its place', () => {
  const acl = aclOf(
    'path "secret/{{identity.entity.id}}/*" { capabilities = ["read"] }\npath "secret/data/{{ identity.entity.name }}" { capabilities = ["read"] }\npath "{{x}}*" { capabilities = ["sudo", "read"] }',
  );
  for (const path of [
    'secret/',
    'secret//x',
    'secret/x/y',
    'secret/data/',
    'secret/data/x',
    'secret/{{identity.entity.id}}/x',
    'secret/data/{{ identity.entity.name }}',
    '{{x}}',
    '',
  ])
    expect(capabilitiesOf(acl, path, 0)).toEqual(['deny']);
});

test('CVE-2025-4166: what a policy may not say is not told to be in it by a value of a parameter', () => {
  const canary = 'canary-5f1c';
  for (const members of [
    `denied_parameters = { a = "${canary}" }`,
    `allowed_parameters = { a = ["${canary}" }`,
    `comment = "${canary}\n"`,
    `capabilities = "${canary}"`,
  ]) {
    let message = '';
    try {
      parsePolicy(`path "a" { ${members} }`);
    } catch (error) {
      message = String(error) + String((error as Error).cause);
    }
    expect(message).toContain('PolicyProblem');
    expect(message).not.toContain(canary);
  }
});
