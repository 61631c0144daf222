import type { Entry, ReadTx } from '@sealkv/core';
import type { StoreOwner, StoreProblem } from '@sealkv/core/check';
import { accessorKey, childKey, expiryKey, forEachEntry, leftoverKey, parseExpiryKey, readRecord, tokenKey } from '../records.ts';
import type { TokenEntry } from './token-entry.ts';
import { ROOT_PARENT } from './token-entry.ts';
import type { TokenRole } from './token-role.ts';

/** Tokens, the records they are found by, and roles. */
export const tokenRecords: StoreOwner = { prefix: 'x/t/', check: checkTokens };

/** Every record that leads to a token leads to one that leads back, and no token is left below one that is gone unless it is going to be removed. */
export async function checkTokens(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const problems: StoreProblem[] = [];
  await forEachEntry(tx, tokenRecords.prefix, async (entry) => {
    const [kind, detail] = (await problemOf(tx, entry)) ?? [];
    if (kind !== undefined) problems.push({ kind, key: entry.key, detail: detail! });
  });
  return problems;
}

type Problem = readonly [kind: StoreProblem['kind'], detail: string];

async function problemOf(tx: ReadTx, { key, value }: Entry): Promise<Problem | undefined> {
  const facts = decoded<unknown>(value);
  if (facts === undefined) return ['unreadable', 'does not decode'];
  const [, , kind = '', first = '', second = ''] = key.split('/');
  switch (kind) {
    case 'h':
      return problemOfToken(tx, first, facts as TokenEntry);
    case 'a':
      return (await tokenAt(tx, (facts as { hash: string }).hash))?.accessor === first
        ? undefined
        : ['orphan', 'leads to no token with this accessor'];
    case 'c':
      return (await tokenAt(tx, second))?.parent === first ? undefined : ['orphan', 'leads to no child'];
    case 'e':
      return (await tokenAt(tx, second))?.expiresAt === parseExpiryKey(key).expiresAt ? undefined : ['orphan', 'leads to no token that expires then'];
    case 'l':
      return (await isThere(tx, tokenKey(first))) ? ['inconsistent', 'is on the list of what is gone, but still there'] : undefined;
    case 'r':
      return (facts as TokenRole).name === first ? undefined : ['inconsistent', 'is the record of another role'];
    default:
      return ['orphan', 'is of no known kind'];
  }
}

async function problemOfToken(tx: ReadTx, hash: string, { accessor, parent, expiresAt }: TokenEntry): Promise<Problem | undefined> {
  if (!(await isThere(tx, accessorKey(accessor)))) return ['inconsistent', 'is not found by its accessor'];
  if (expiresAt !== undefined && !(await isThere(tx, expiryKey(expiresAt, hash)))) return ['inconsistent', 'will not be found when it has expired'];
  if (parent === undefined) return undefined;
  if (!(await isThere(tx, childKey(parent, hash)))) return ['inconsistent', 'is not found among the children of its parent'];
  if (parent === ROOT_PARENT || (await isThere(tx, tokenKey(parent))) || (await isThere(tx, leftoverKey(parent)))) return undefined;
  return ['orphan', 'its parent is gone, and it will not be removed'];
}

async function isThere(tx: ReadTx, key: string): Promise<boolean> {
  return (await tx.get(key)) !== undefined;
}

async function tokenAt(tx: ReadTx, hash: string): Promise<TokenEntry | undefined> {
  const bytes = await tx.get(tokenKey(hash));
  return bytes && decoded<TokenEntry>(bytes);
}

/** Undefined: it does not decode, whatever the reason. */
function decoded<T>(value: Uint8Array): T | undefined {
  try {
    return readRecord<T>(value).facts;
  } catch {
    return undefined;
  }
}
