import { expect, test } from 'vitest';
import { DEFAULT_POLICY } from '../../packages/http/src/policy/default-policy.ts';
import { parseHcl } from '../../packages/http/src/policy/hcl.ts';
import type { PolicyRule } from '../../packages/http/src/policy/parse-policy.ts';
import { parsePolicy, PolicyProblem } from '../../packages/http/src/policy/parse-policy.ts';

function rules(text: string): readonly Partial<PolicyRule>[] {
  return parsePolicy(text).rules.map(({ capabilities, ...rule }) =>
    Object.fromEntries(
      Object.entries({ ...rule, capabilities: [...capabilities] }).filter(([name, value]) => value !== undefined && (name !== 'templated' || value)),
    ),
  );
}

function rule(members: string): Partial<PolicyRule> {
  return rules(`path "a" { ${members}\n}`)[0]!;
}

function problem(text: string): string {
  try {
    parsePolicy(text);
  } catch (error) {
    if (error instanceof PolicyProblem) return error.message;
    throw error;
  }
  return 'accepted';
}

test.each<[string, readonly Partial<PolicyRule>[]]>([
  ['', []],
  ['  \n# only a comment', []],
  ['name = "x"\nname = 5', []],
  ['path "a" {}', [{ pattern: 'a', kind: 'exact', capabilities: [] as never }]],
  ['path "/secret/*" {\n  capabilities = ["read", "list",]\n}', [{ pattern: 'secret/*', kind: 'prefix', capabilities: ['read', 'list'] as never }]],
  [
    'path a { policy = "write" }, path "b" { policy = "deny" capabilities = ["bogus"] }',
    [
      { pattern: 'a', kind: 'exact', capabilities: ['create', 'read', 'update', 'delete', 'list'] as never },
      { pattern: 'b', kind: 'exact', capabilities: ['deny'] as never },
    ],
  ],
  ['"path" "+/x" { "capabilities" = [,"read",,"sudo",] }', [{ pattern: '+/x', kind: 'segments', capabilities: ['read', 'sudo'] as never }]],
  ['{}', []],
  ['{"path": {}}', []],
  [' {"path": {"a": {"capabilities": ["read"], "comment": null}}, "name": "x"}', [{ pattern: 'a', kind: 'exact', capabilities: ['read'] as never }]],
  [
    '{"path": [{"a": {"policy": "read"}}, {"b/*": {}, "+": {}}]}',
    [
      { pattern: 'a', kind: 'exact', capabilities: ['read', 'list'] as never },
      { pattern: 'b/*', kind: 'prefix', capabilities: [] as never },
      { pattern: '+', kind: 'segments', capabilities: [] as never },
    ],
  ],
])('accepts %j', (text, expected) => {
  expect(rules(text)).toEqual(expected);
});

test.each([
  ['a', 'exact'],
  ['', 'exact'],
  ['*', 'prefix'],
  ['a*b', 'exact'],
  ['a+/b', 'exact'],
  ['+a/b', 'exact'],
  ['+a*', 'prefix'],
  ['+', 'segments'],
  ['+/', 'segments'],
  ['a/+', 'segments'],
  ['a/+b', 'segments'],
  ['a/+b*', 'segments'],
  ['a/+/*', 'segments'],
  ['//a', 'exact'],
])('the pattern %j is %s', (pattern, kind) => {
  expect(rules(`path ${JSON.stringify(pattern)} {}`)[0]?.kind).toBe(kind);
});

test('a rule has all its members', () => {
  expect(
    rule(`
    comment = "why"
    capabilities = ["read", "list"]
    capabilities = ["scan"]
    allowed_parameters = { "Ttl" = ["1h", 5, 1.50, true, ["x"], { n = 1 }] zone = [] }
    allowed_parameters { ttl = ["2h"] }
    denied_parameters = { "*" = [] }
    required_parameters = ["TTL", 7]
    min_wrapping_ttl = 10
    max_wrapping_ttl = "1m30s"
    mfa_methods = ["m"]
    pagination_limit = "0x10"
    expiration = "2030-01-02T03:04:05.678901+01:00"
    list_scan_response_keys_filter_path = "{{ .path | replace \\"metadata\\" \\"data\\" }}{{- .key }}"
  `),
  ).toEqual({
    pattern: 'a',
    kind: 'exact',
    comment: 'why',
    capabilities: ['read', 'list', 'scan'],
    allowedParameters: new Map([
      ['ttl', ['"1h"', '5', '1.50', 'true', ['"x"'], new Map([['n', '1']]), '"2h"']],
      ['zone', []],
    ]),
    deniedParameters: new Map([['*', []]]),
    requiredParameters: ['ttl', '7'],
    minWrappingTtlSeconds: 10,
    maxWrappingTtlSeconds: 90,
    paginationLimit: 16,
    expiresAt: Date.UTC(2030, 0, 2, 2, 4, 5, 678),
    listScanResponseKeysFilterPath: '{{ .path | replace "metadata" "data" }}{{- .key }}',
  });
});

test.each<[string, Partial<PolicyRule>]>([
  ['min_wrapping_ttl = "500ms"', { minWrappingTtlSeconds: 0.5 }],
  ['min_wrapping_ttl = 1.9', { minWrappingTtlSeconds: 1 }],
  ['max_wrapping_ttl = "2d"', { maxWrappingTtlSeconds: 172_800 }],
  ['max_wrapping_ttl = ""', {}],
  ['max_wrapping_ttl = 0', {}],
  ['max_wrapping_ttl = "1m" max_wrapping_ttl = 5', { maxWrappingTtlSeconds: 5 }],
  ['pagination_limit = -1', {}],
  ['pagination_limit = 010', { paginationLimit: 8 }],
  ['expiration = 5000000000', { expiresAt: 5_000_000_000_000 }],
  ['expiration = ""', {}],
  ['policy = ""', {}],
  ['allowed_parameters = { a = {} }', { allowedParameters: new Map([['a', [new Map()]]]) }],
  ['comment = <<EOF\none\n  two\nEOF\n', { comment: 'one\n  two\n' }],
  ['comment = <<-EOF\n    one\n      two\n    EOF\n', { comment: 'one\n  two\n' }],
  ['comment = "\\"\\n\\u00e9\\x41\\101\\U0001f600 ${"x\\n{}"} $x"', { comment: '"\n\u00e9AA\u{1f600} ${"x\\n{}"} $x' }],
  ['comment { any = ["thing"] }', {}],
  ['/* a */ comment = "x" // b\n # c', { comment: 'x' }],
])('reads %j', (members, expected) => {
  expect(rule(members)).toEqual({ pattern: 'a', kind: 'exact', capabilities: [], ...expected });
});

/** Refused in the words of the server that we are compatible with. */
const REFUSED_IN_ITS_WORDS: readonly (readonly [string, string])[] = [
  ['path "p" { capabilities = ["x"] }', 'path "p": invalid capability "x"'],
  ['path "/p" { capabilities = ["read", "Read"] }', 'path "/p": invalid capability "Read"'],
  ['path "a" { capabilities = ["bogus", "deny"] }', 'path "a": invalid capability "bogus"'],
  ['path "a" { policy = "read" capabilities = ["bogus"] }', 'path "a": invalid capability "bogus"'],
  ['path "a" { capabilities = [1] }', 'path "a": invalid capability "1"'],
  ['path "a" { capabilities = ["read"] capabilities = [""] }', 'path "a": invalid capability ""'],
  ['path "/a/+*" { capabilities = ["read"] }', `path "a/+*": invalid use of wildcards ('+*' is forbidden)`],
  ['path "a" { policy = "odd" }', 'path "a": invalid policy "odd"'],
  ['path "a" { policy = 5 }', 'path "a": invalid policy "5"'],
  ['path "a\\u0007\\"\\n\\u2028é" { policy = "o\\u007f" }', 'path "a\\a\\"\\n\\u2028é": invalid policy "o\\x7f"'],
  ['path "a" {\n foo = 1\n}', '1 error occurred:\n\t* path "a": invalid key "foo" on line 2\n\n'],
  [
    'path "a" {\n foo = 1\r\n bar = 2\n baz { }\n}',
    '3 errors occurred:\n\t* path "a": invalid key "foo" on line 2\n\t* path "a": invalid key "bar" on line 3\n\t* path "a": invalid key "baz" on line 0\n\n',
  ],
  ['path "a" { control_group = {} }', '1 error occurred:\n\t* path "a": invalid key "control_group" on line 1\n\n'],
  ['path "a" { Capabilities = ["read"] }', '1 error occurred:\n\t* path "a": invalid key "Capabilities" on line 1\n\n'],
  ['nope "x" {}\n/*\n*/ bar = 1', '2 errors occurred:\n\t* invalid key "nope" on line 0\n\t* invalid key "bar" on line 3\n\n'],
  ['path "a" { foo = 1 }\n path "b" { bar = 1 }', '1 error occurred:\n\t* path "a": invalid key "foo" on line 1\n\n'],
  ['path "a/+*" {}\nfoo=1', '1 error occurred:\n\t* invalid key "foo" on line 2\n\n'],
  ['path "a" { expiration = "x" }', 'path "a": invalid expiration time: could not parse string as date and time'],
  ['path "a" { expiration = "2029-02-29T00:00:00Z" }', 'path "a": invalid expiration time: could not parse string as date and time'],
  ['path "a" { expiration = "2030-01-01T24:00:00Z" }', 'path "a": invalid expiration time: could not parse string as date and time'],
  ['path "a" { expiration = "2030-01-01t00:00:00z" }', 'path "a": invalid expiration time: could not parse string as date and time'],
  ['path "a" { min_wrapping_ttl = true }', 'error parsing min_wrapping_ttl: could not parse duration from input'],
  ['path "a" { max_wrapping_ttl = ["1m"] }', 'error parsing max_wrapping_ttl: could not parse duration from input'],
  ['path "a" { min_wrapping_ttl = "5m" max_wrapping_ttl = "1m" }', 'max_wrapping_ttl cannot be less than min_wrapping_ttl'],
  [
    'path "a" { list_scan_response_keys_filter_path = "x" }',
    'list_scan_response_keys_filter_path needs to be used on a path with the list capability',
  ],
  [
    'path "a" { capabilities = ["scan"] list_scan_response_keys_filter_path = "{{ .key }}" }',
    'list_scan_response_keys_filter_path needs to be used on a path with the list capability',
  ],
  [
    'path "a" { capabilities = ["list"] list_scan_response_keys_filter_path = "{{ .path }}" }',
    'list_scan_response_keys_filter_path resulted in same path for two different keys',
  ],
  ...['a{{', 'a{{x', 'a}}', 'a{{x}}b}}', '{{a{{b}}'].map((path): [string, string] => [
    `path "${path}" {}`,
    'failed to validate policy templating: unbalanced templating characters',
  ]),
  ['{"path": {"a": {"capabilities": ["x"]}}}', 'path "a": invalid capability "x"'],
  ['{"nope": 1}', '1 error occurred:\n\t* invalid key "nope" on line 1\n\n'],
  ['{\n"path":{"a":{"capabilities":["read"],\n"foo"\n:1}}}', '1 error occurred:\n\t* path "a": invalid key "foo" on line 4\n\n'],
];

test.each(REFUSED_IN_ITS_WORDS)('refuses %j', (text, message) => {
  expect(problem(text)).toBe(message);
});

test.each([
  ['path "a" {', `At 1:11: expected a name, met the end of the text`],
  ['path "a" }', `At 1:10: expected '{' or '=', met '}'`],
  ['path', `At 1:5: expected '{' or '=', met the end of the text`],
  ['name =', 'At 1:7: expected a value, met the end of the text'],
  ['path "a" = {}', `At 1:10: expected '{' after a label, met '='`],
  ['= 1', `At 1:1: expected a name, met '='`],
  ['true = 1', 'At 1:1: expected a name, met a bool'],
  ['path "a" { capabilities = ["a" "b"] }', `At 1:32: expected ',' or ']', met a string`],
  ['path "a" { capabilities = ["read" }', `At 1:35: expected ',' or ']', met '}'`],
  ['path "a" { comment = nope }', 'At 1:22: expected a value, met a name'],
  ['path "a" { comment = - }', 'At 1:22: malformed number'],
  ['path "a" { comment = 1.2.3 }', 'At 1:22: malformed number'],
  ['path "a" { comment = 0x }', 'At 1:22: malformed number'],
  ['path "a" { comment = 089 }', 'At 1:22: a number that starts with 0 is octal'],
  [`path "a" { comment = ${'9'.repeat(65)} }`, 'At 1:22: a number is too long'],
  ["path 'a' {}", 'At 1:6: unexpected character'],
  ['path "a" { "a" : 1 }', 'At 1:16: unexpected character'],
  ['\uFEFFpath "a" {}', 'At 1:1: unexpected character'],
  ['path "a', 'At 1:6: a string is not closed'],
  ['path "a\n" {}', 'At 1:6: a string is not closed'],
  ['path "${a" {}', 'At 1:14: a string is not closed'],
  ['path "\\q" {}', 'At 1:7: unknown escape in a string'],
  ['path "\\xff" {}', 'At 1:11: an escape in a string is no character'],
  ['path "\\ud83d\\ude00" {}', 'At 1:13: an escape in a string is no character'],
  ['\n/* x', 'At 2:1: a comment is not closed'],
  ['path "a" { comment = <<EOF\nhello\nEOF }', 'At 1:22: a heredoc is not closed'],
  ['path "a" { comment = <<\nhello\n\n}', 'At 1:22: a heredoc starts with << and a word, alone at the end of its line'],
  ['path { capabilities = ["read"] }', 'At 1:1: a path is a block with one label: path "secret/data/a" { ... }'],
  ['path "a" "b" { capabilities = ["read"] }', 'At 1:1: a path is a block with one label: path "secret/data/a" { ... }'],
  ['path = "x"', 'At 1:1: a path is a block with one label: path "secret/data/a" { ... }'],
  ['name = true', 'At 1:8: name must be a text'],
  ['path "a" { capabilities = "read" }', 'path "a": At 1:27: capabilities must be a list of texts'],
  ['path "a" { capabilities = [true] }', 'path "a": At 1:27: capabilities must be a list of texts'],
  ['path "a" { mfa_methods = "a" }', 'path "a": At 1:26: mfa_methods must be a list of texts'],
  ['path "a" { required_parameters "x" {} }', 'path "a": At 1:36: required_parameters must be a list of texts'],
  ['path "a" { policy = ["read"] }', 'path "a": At 1:21: policy must be a text'],
  ['path "a" { expiration = true }', 'path "a": At 1:25: expiration must be a text'],
  ['path "a" { allowed_parameters = [] }', 'path "a": At 1:33: allowed_parameters must be an object of lists'],
  ['path "a" { denied_parameters = { a = "x" } }', 'path "a": At 1:32: denied_parameters must be an object of lists'],
  ['path "a" { pagination_limit = 1.5 }', 'path "a": At 1:31: pagination_limit must be a whole number'],
  ['path "a" { pagination_limit = "" }', 'path "a": At 1:31: pagination_limit must be a whole number'],
  ['path "a" { pagination_limit = 99999999999999999999 }', 'path "a": At 1:31: pagination_limit must be a whole number'],
  ['path "a" { min_wrapping_ttl = "x" }', 'error parsing min_wrapping_ttl: time: invalid duration'],
  ['path "a" { min_wrapping_ttl = "1h1" }', 'error parsing min_wrapping_ttl: time: invalid duration'],
  ['path "a" { min_wrapping_ttl = "1.5d" }', 'error parsing min_wrapping_ttl: time: invalid duration'],
  ['path "a" { max_wrapping_ttl = 9223372037 }', 'error parsing max_wrapping_ttl: time: invalid duration'],
  ['path "a" { max_wrapping_ttl = "-5s" }', `error parsing max_wrapping_ttl: a limit can't be negative`],
  [
    'path "a" { capabilities = ["list"] list_scan_response_keys_filter_path = "{{ .foo }}{{ .key }}" }',
    'unable to compile template for list_scan_response_keys_filter_path: only {{ .path }}, {{ .key }} and {{ ... | replace "old" "new" }} are understood',
  ],
  ['{', 'At 1:2: expected a name in quotes, met the end of the text'],
  ['{"path": {}} x', 'At 1:14: expected the end of the text, met a name'],
  ['{"path": {},}', `At 1:13: expected a name in quotes, met '}'`],
  ['{"path" {}}', `At 1:9: expected ':', met '{'`],
  ['{"path": {"a": {}, "a": {}}}', 'At 1:20: a member appears twice'],
  ['{"path": {"a": {"capabilities": ["read",]}}}', `At 1:41: expected a value, met ']'`],
  ['{"path": {"a": {"comment": tru}}}', 'At 1:28: expected a value, met a name'],
  ['{"path": {"a": {"comment": "\t"}}}', 'At 1:28: a string is not well-formed'],
  ['{"path": {"a": {"comment": "x}}}', 'At 1:28: a string is not closed'],
  ['{"path": {"a": []}}', 'At 1:16: what path "a" stands for must be an object'],
  ['{"path": ["a"]}', 'At 1:11: path must be an object'],
  ['{"path": {"a": {"capabilities": null}}}', 'path "a": At 1:33: capabilities must be a list of texts'],
])('refuses in its own words %j', (text, message) => {
  expect(problem(text)).toBe(message);
});

test('nesting and length are bounded', () => {
  const nested = (depth: number): string => `path "a" { comment = ${'['.repeat(depth)}${']'.repeat(depth)} }`;
  expect(problem(nested(30))).toBe('accepted');
  expect(problem(nested(100_000))).toBe('At 1:53: nested more than 32 deep');
  expect(problem(`{"path":${'['.repeat(100_000)}`)).toBe('At 1:41: nested more than 32 deep');
  expect(problem(' '.repeat(1_048_577))).toBe('At 1:1: the text is longer than 1048576 characters');
});

test('the default policy is one, and is about no path that is open to everybody', () => {
  const patterns = parsePolicy(DEFAULT_POLICY).rules;
  expect(patterns.map(({ pattern }) => pattern)).toContain('auth/token/lookup-self');
  for (const { pattern, capabilities } of patterns) {
    expect(pattern).toMatch(/^(?:auth\/token\/|sys\/|cubbyhole\/)/);
    expect(capabilities.has('sudo')).toBe(false);
  }
});

test('a problem says nothing of the text but what it is about', () => {
  const canary = 'hunter2';
  for (const text of [
    `path "a" { comment = ${canary} }`,
    `path "a" { comment = "${canary}`,
    `{"path": ${canary}}`,
    `path "a" { comment = <<E\n${canary}\n`,
  ])
    expect(problem(text)).not.toContain(canary);
});

test('positions count lines and columns', () => {
  const { root } = parseHcl('a = 1\n\n  b "c" { d = <<E\nx\nE\n f = [2]\r\n}\n/*\n*/ g = 3');
  const at = root.members.map((member) => member.at);
  expect(at).toEqual([
    { line: 1, column: 1 },
    { line: 3, column: 3 },
    { line: 9, column: 4 },
  ]);
  const block = root.members[1]!.value;
  expect(block.kind === 'object' && block.members.map((member) => member.value.at)).toEqual([
    { line: 3, column: 15 },
    { line: 6, column: 6 },
  ]);
});
