import { expect, test } from 'vitest';
import { allowsBelow, capabilitiesOf, compileAcl } from '../../packages/http/src/policy/acl.ts';
import { DEFAULT_POLICY } from '../../packages/http/src/policy/default-policy.ts';
import { compileFilterPath, FilterPathProblem } from '../../packages/http/src/policy/filter-path.ts';
import { parsePolicy, PolicyProblem } from '../../packages/http/src/policy/parse-policy.ts';
import { Generator, randomOf, textOf } from './generate.ts';

const PIECES = [
  ...[
    '{',
    '}',
    '[',
    ']',
    '(',
    ',',
    '=',
    ':',
    '"',
    "'",
    '\\',
    '$',
    '${',
    '{{',
    '}}',
    '+',
    '*',
    '+*',
    '/',
    '//',
    '/*',
    '*/',
    '#',
    '<<',
    '<<-EOF\n',
    '\nEOF\n',
  ],
  ...[
    '\n',
    '\r\n',
    '\t',
    '\0',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\ud800',
    '\u{1f600}',
    'é',
    'true',
    'null',
    '-',
    '.',
    '0x',
    '08',
    '1e9',
    '9'.repeat(70),
    '\\u00',
    '\\x',
    '\\777',
  ],
  ...[
    'path',
    'path "a" {',
    'name',
    'capabilities',
    '"deny"',
    'allowed_parameters',
    '{"path":',
    '"a":{',
    'min_wrapping_ttl',
    'expiration = "2030-01-01T00:00:00Z"',
  ],
];

const HEREDOC = 'path "a" {\n  comment = <<-EOF\n    a\n    EOF\n  capabilities = ["read"] # b\n}\n';
const JSON_POLICY = '{"path": {"secret/data/*": {"capabilities": ["read", "list"], "allowed_parameters": {"a": [1, "x*", null, true, {"b": []}]}}}}';

function corpus(): readonly string[] {
  const generator = new Generator(5);
  return [DEFAULT_POLICY, HEREDOC, JSON_POLICY, ...Array.from({ length: 60 }, () => textOf(generator.policies()[0]!))];
}

test('200,000 mutated texts are policies or PolicyProblems', { timeout: 600_000 }, () => {
  const random = randomOf(11);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const texts = corpus();
  let accepted = 0;
  for (let i = 0; i < 200_000; i++) {
    let text = pick(texts);
    for (let n = 1 + Math.floor(random() * 4); n > 0; n--) {
      const from = Math.floor(random() * (text.length + 1));
      const to = Math.min(text.length, from + Math.floor(random() * random() * 20));
      text = text.slice(0, from) + (random() < 0.3 ? text.slice(from, to).repeat(2) : random() < 0.4 ? '' : pick(PIECES)) + text.slice(to);
    }
    try {
      compileAcl([parsePolicy(text)]);
      accepted++;
    } catch (error) {
      if (!(error instanceof PolicyProblem)) throw error;
    }
  }
  // Neither all nor nothing got through: the mutations are neither too tame nor too wild.
  expect(accepted).toBeGreaterThan(10_000);
  expect(accepted).toBeLessThan(190_000);
});

/** Texts that would take very long if anything were quadratic. */
const LONG: Readonly<Record<string, (length: number) => string>> = {
  'one string': (n) => `path "${'a'.repeat(n)}" {}`,
  'a string of escapes': (n) => `path "${'\\n'.repeat(n / 2)}" {}`,
  'a string of dollars': (n) => `path "${'$'.repeat(n)}" {}`,
  'a JSON string of escapes': (n) => `{"path":{"${'\\n'.repeat(n / 2)}":{}}}`,
  'an interpolation that is not closed': (n) => `path "\${${'{'.repeat(n)}`,
  'a name': (n) => `${'a'.repeat(n)} = 1`,
  'a number': (n) => `name = ${'1'.repeat(n)}x`,
  'names on one line': (n) => 'a=1 '.repeat(n / 4),
  'the same name again and again': (n) => `path "a" { ${'comment=1 '.repeat(n / 10)} }`,
  'lists of the same name': (n) => `path "a" { ${'capabilities=["read"] '.repeat(n / 22)} }`,
  'parameters of the same name': (n) => `path "a" { ${'allowed_parameters={a=[1]} '.repeat(n / 27)} }`,
  'parameters of different names': (n) => `path "a" { allowed_parameters = { ${numbered(n / 10, (i) => `a${i}=[]`)} } }`,
  labels: (n) => `path ${'a '.repeat(n / 2)} {}`,
  commas: (n) => `path "a" { capabilities = [${','.repeat(n)}] }`,
  comments: (n) => '/**/'.repeat(n / 4),
  'comments that are not closed': (n) => `/*${'*'.repeat(n)}`,
  blanks: (n) => `${' '.repeat(n)}x`,
  lines: (n) => '\n'.repeat(n),
  'a heredoc of lines': (n) => `path "a" { comment = <<-E\n${'  \n'.repeat(n / 3)}  E\n}`,
  'a heredoc that is not closed': (n) => `path "a" { comment = <<E\n${' E \n'.repeat(n / 4)}`,
  heredocs: (n) => `path "a" { ${'comment = <<E\nE\n'.repeat(n / 16)} }`,
  'a template': (n) => `path "${'{{x}}'.repeat(n / 5)}" {}`,
  'braces that are not a template': (n) => `path "${'{{'.repeat(n / 2)}" {}`,
  'rules of one pattern': (n) => 'path "a" {allowed_parameters={b=[1]}}\n'.repeat(n / 38),
  'nested prefixes': (n) => numbered(n / 500, (i) => `path "${'a'.repeat(i % 480)}*" {}`),
  prefixes: (n) => numbered(n / 20, (i) => `path "a${i}*" {}`),
  'plus signs': (n) => `path "${'+/'.repeat(n / 2)}" {}`,
  'patterns with plus signs': (n) => numbered(n / 30, (i) => `path "+/${i % 100}/+/${i}" {}`),
  'globs of one segment': (n) => numbered(n / 30, (i) => `path "+/a${i}*" {}`),
};

function numbered(count: number, text: (i: number) => string): string {
  return Array.from({ length: Math.floor(count) }, (_, i) => text(i)).join('\n');
}

function work(text: string): void {
  try {
    const acl = compileAcl([parsePolicy(text)]);
    capabilitiesOf(acl, 'a'.repeat(500), 0);
    capabilitiesOf(acl, 'x/1/x/1001', 0);
    capabilitiesOf(acl, '/'.repeat(100_000), 0);
    allowsBelow(acl, 'x/', 0);
  } catch (error) {
    if (!(error instanceof PolicyProblem)) throw error;
  }
}

/** Of this process, so that what else the machine does makes no difference. */
function cpuMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  return process.cpuUsage(before).user / 1000;
}

test.each(Object.keys(LONG))('takes no more than linear time for a long text of: %s', (name) => {
  const [short, long] = [LONG[name]!(100_000), LONG[name]!(400_000)];
  const shortMs = cpuMs(() => work(short));
  const longMs = cpuMs(() => work(long));
  // Four times as long a text; sixteen times the work would be quadratic. What takes no time at all can't be compared.
  if (longMs > 1000) expect(longMs / shortMs).toBeLessThan(10);
});

test('templates of filter paths neither hang nor grow', () => {
  const random = randomOf(3);
  const pieces = [
    '{{',
    '}}',
    '{{ .path }}',
    '{{ .key }}',
    '{{- ',
    ' -}}',
    '| replace ',
    '"a"',
    '`b`',
    '""',
    '"\\',
    ' ',
    '.key',
    'x',
    '\n',
    '{{ .key | replace "a" "aaaa" }}',
  ];
  for (let i = 0; i < 50_000; i++) {
    const template = Array.from({ length: Math.floor(random() * 8) }, () => pieces[Math.floor(random() * pieces.length)]!).join('');
    try {
      compileFilterPath(template)('secret/metadata/', 'a');
    } catch (error) {
      if (!(error instanceof FilterPathProblem)) throw error;
    }
  }
  const doubling = `{{ .key${' | replace "a" "aa"'.repeat(40)} }}`;
  expect(compileFilterPath(doubling)('', 'a')).toBeUndefined();
  expect(compileFilterPath(doubling)('', 'b')).toBe('b');
  expect(() => compileFilterPath(`{{ .key | replace "${'\\a'.repeat(10_000)}`)).toThrow(FilterPathProblem);
});
