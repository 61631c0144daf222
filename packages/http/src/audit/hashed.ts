import type { Tree } from '@sealkv/core/json';
import { printTree } from '@sealkv/core/json';
import type { Out } from '../json-out.ts';
import { ExactJson } from '../json-out.ts';
import type { Keys } from '../keys.ts';

/** How many values of a request are hashed one by one. Of more, the text as a whole is hashed. */
const MAX_HASHED = 200;
const MAX_NAMES_LENGTH = 8000;

/** What stands for a value in a record: who knows the value can tell that it is the same, and nobody else can tell anything. */
export async function hashOf(keys: Keys, value: string): Promise<string> {
  return `hmac-sha256:${await keys.mac('audit', value)}`;
}

/**
 * The parameters of a request with every text and number hashed (numbers by their digits as sent); names, true, false and null are left. Large
 * ones become one hash of the whole, `{"": "hmac-sha256:…"}`, so that a record stays small.
 */
export async function hashedInput(keys: Keys, input: ReadonlyMap<string, Tree>): Promise<Out> {
  const size = { values: 0, names: 0 };
  measure(input, size);
  if (size.values > MAX_HASHED || size.names > MAX_NAMES_LENGTH) return { '': await hashOf(keys, printTree(input)) };
  return hashedTree(keys, input);
}

function measure(tree: Tree, size: { values: number; names: number }): void {
  if (typeof tree === 'string') size.values++;
  else if (Array.isArray(tree)) for (const item of tree as readonly Tree[]) measure(item, size);
  else
    for (const [name, member] of tree as ReadonlyMap<string, Tree>) {
      size.names += name.length + 1;
      measure(member, size);
    }
}

async function hashedTree(keys: Keys, tree: Tree): Promise<Out> {
  if (typeof tree === 'string') {
    if (tree === 'null' || tree === 'true' || tree === 'false') return new ExactJson(printTree(tree));
    return hashOf(keys, tree.startsWith('"') ? (JSON.parse(tree) as string) : tree);
  }
  if (Array.isArray(tree)) return Promise.all((tree as readonly Tree[]).map((item) => hashedTree(keys, item)));
  const members = Array.from(tree as ReadonlyMap<string, Tree>, async ([name, member]) => [name, await hashedTree(keys, member)] as const);
  return new Map(await Promise.all(members));
}
