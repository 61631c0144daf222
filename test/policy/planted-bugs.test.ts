import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import type { AclModule } from './play.ts';
import { play } from './play.ts';

/*
 * Whether the oracle would notice: the product's own source with one mistake planted in it, which has to be found within {@link WITHIN} triples. A patch
 * that no longer applies fails its test, so that this list can't rot unseen.
 */

interface PlantedBug {
  readonly name: string;
  readonly patches: readonly (readonly [from: string, to: string])[];
}

const WITHIN = 20_000;

const BUGS: readonly PlantedBug[] = [
  {
    name: 'the shorter prefix wins',
    patches: [
      ['let low = 0;', 'let found: V | undefined;\n  let low = 0;'],
      ['counts(values[at]!)) return values[at];', 'counts(values[at]!)) found = values[at];'],
      ['return undefined;\n}\n\n/** Patterns with', 'return found;\n}\n\n/** Patterns with'],
    ],
  },
  { name: 'deny does not win in a merge', patches: [['const denies = all.some(', 'const denies = all.every(']] },
  {
    name: 'a plus sign beats an exact pattern',
    patches: [['exactly(path) ??', 'mostSpecific({ ...acl, prefixes: indexPrefixes([]) }, path, now) ?? exactly(path) ??']],
  },
  {
    name: 'a folder is not looked up without its slash: exact',
    patches: [['(bare === undefined ? undefined : exactly(bare)) ??', '']],
  },
  { name: 'a folder is not looked up without its slash: wildcards', patches: [['mostSpecific(acl, bare, now)', 'undefined']] },
  {
    name: 'a folder is looked up without its slash first',
    patches: [
      ['mostSpecific(acl, path, now) ??', '(bare === undefined ? undefined : mostSpecific(acl, bare, now)) ?? mostSpecific(acl, path, now) ??'],
    ],
  },
  { name: 'ties go to the smaller text', patches: [['a.bytes[at]! > b.bytes[at]!', 'a.bytes[at]! < b.bytes[at]!']] },
  { name: 'a glob beats a non-glob', patches: [['return b.isGlob;', 'return a.isGlob;']] },
  { name: 'more plus signs win', patches: [['a.wildcards < b.wildcards', 'a.wildcards > b.wildcards']] },
  { name: 'the shorter pattern wins', patches: [['a.bytes.length > b.bytes.length', 'a.bytes.length < b.bytes.length']] },
  { name: 'the earlier first wildcard wins', patches: [['a.firstWildcard > b.firstWildcard', 'a.firstWildcard < b.firstWildcard']] },
  {
    name: 'a plus sign matches no empty segment',
    patches: [['[children.get(segment), plus].filter', "[children.get(segment), segment === '' ? undefined : plus].filter"]],
  },
  { name: 'a longer plus segment is a wildcard', patches: [["if (segment === '+') return", "if (segment.startsWith('+')) return"]] },
  { name: 'expired rules count', patches: [['now <= expiresAt', 'now <= expiresAt + 5000']] },
  { name: 'a rule expires in its last moment', patches: [['now <= expiresAt', 'now < expiresAt']] },
  { name: 'parameter names keep their case', patches: [['const name = lowerCased(sentName);', 'const name = sentName;']] },
  {
    name: 'denied parameters come after allowed ones',
    patches: [['const denied = deniedParameters.get(name);', 'const denied = allowsAll ? deniedParameters.get(name) : undefined;']],
  },
  {
    name: 'a star beside names does not stand for the others',
    patches: [['allowed === undefined ? !allowsOthers', 'allowed === undefined ? true']],
  },
  { name: 'limit 0 gets around the pagination limit', patches: [['limit === 0 ? paginationLimit : limit', 'limit']] },
  {
    name: 'a negative limit gets around the pagination limit',
    patches: [['limit > paginationLimit || limit < 0', 'limit > paginationLimit']],
  },
  { name: 'no limit gets around the pagination limit', patches: [["? 'refused' : paginationLimit;", "? 'refused' : undefined;"]] },
  {
    name: 'an unwrapped answer is below every wrapping TTL',
    patches: [['return ttl !== undefined && ttl >=', 'return ttl === undefined || ttl >=']],
  },
  { name: 'of two limits the larger counts', patches: [['Math.min(a, b)', 'Math.max(a, b)']] },
];

const sourcePath = fileURLToPath(new URL('../../packages/http/src/policy/acl.ts', import.meta.url));
const source = readFileSync(sourcePath, 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'sealkv-planted-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function planted(patches: PlantedBug['patches'], file: string): Promise<AclModule> {
  let text = source;
  for (const [from, to] of patches) {
    if (text.split(from).length !== 2) throw new Error(`the source has not exactly one ${from}`);
    text = text.replace(from, () => to);
  }
  const here = pathToFileURL(sourcePath);
  const path = join(directory, file);
  writeFileSync(
    path,
    text.replace(/from '(\.[^']+)'/g, (_, relative: string) => `from '${fileURLToPath(new URL(relative, here))}'`),
  );
  return (await import(/* @vite-ignore */ pathToFileURL(path).href)) as AclModule;
}

test.each(BUGS.map((bug, i) => ({ ...bug, file: `bug-${i}.ts` })))('the oracle finds: $name', async ({ name, patches, file }) => {
  const { disagreement } = play(await planted(patches, file), { seed: 7, triples: WITHIN, perSet: 20 });
  expect(disagreement, `not found within ${WITHIN} triples`).toBeDefined();
  console.log(`${name}: found at triple ${disagreement?.triple}`);
});

test('and finds nothing where nothing is planted', async () => {
  expect(play(await planted([], 'no-bug.ts'), { seed: 7, triples: WITHIN, perSet: 20 }).disagreement).toBeUndefined();
});
