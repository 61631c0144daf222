import type { ReadTx, Write } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import { isLoginValid } from '../auth/auth-mount.ts';
import { clearCubbyhole } from '../cubbyhole/cubbyhole-store.ts';
import { accessorKey, below, childKey, leftoverKey, putRecord, readRecord, tokenKey } from '../records.ts';
import type { TokenEntry } from './token-entry.ts';
import { deleteToken, putToken, ROOT_PARENT } from './token-entry.ts';

/** How many tokens one transaction removes. The rest of a family is dead with its head, and removed by housekeeping. */
const MAX_REMOVED = 1000;
const MAX_ORPHANED = 10_000;
/** How much that one of them kept for itself goes with it. There may be many of them. */
const MAX_OWN_RECORDS = 10;

/** The token with this hash, if it is valid: it is there, not expired, where it logged in is still there, and every token it descends from is valid too. */
export async function loadToken(tx: ReadTx, hash: string, now: number): Promise<TokenEntry | undefined> {
  const entry = await loadEntry(tx, hash);
  if (entry === undefined || !(await isAlive(tx, entry, now))) return undefined;
  for (let parent = entry.parent; parent !== undefined && parent !== ROOT_PARENT;) {
    const ancestor = await loadEntry(tx, parent);
    if (ancestor === undefined || !(await isAlive(tx, ancestor, now))) return undefined;
    parent = ancestor.parent;
  }
  return entry;
}

async function isAlive(tx: ReadTx, entry: TokenEntry, now: number): Promise<boolean> {
  return !isExpired(entry, now) && (await isLoginValid(tx, entry.login));
}

export function isExpired({ expiresAt }: TokenEntry, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** The hash of the valid token with this accessor. */
export async function findByAccessor(
  tx: ReadTx,
  accessor: string,
  now: number,
): Promise<{ readonly hash: string; readonly entry: TokenEntry } | undefined> {
  const bytes = await tx.get(accessorKey(accessor));
  if (bytes === undefined) return undefined;
  const { hash } = readRecord<{ hash: string }>(bytes).facts;
  const entry = await loadToken(tx, hash, now);
  return entry && { hash, entry };
}

/** Whether the hash is taken: by a token, valid or not, or by the children of one, which would be those of the next. */
export async function isTaken(tx: ReadTx, hash: string): Promise<boolean> {
  const [token, leftover, children] = await Promise.all([tx.get(tokenKey(hash)), tx.get(leftoverKey(hash)), childrenOf(tx, hash, 1)]);
  return token !== undefined || leftover !== undefined || children.length > 0;
}

/** How many tokens this one descends from. */
export async function generationOf(tx: ReadTx, entry: TokenEntry): Promise<number> {
  let generation = 0;
  let next: TokenEntry | undefined = entry;
  while (next?.parent !== undefined && next.parent !== ROOT_PARENT) {
    generation++;
    next = await loadEntry(tx, next.parent);
  }
  return generation;
}

/** Ends one token, and with it what it kept for itself: of that, up to `limit` records at once. */
export async function endToken(tx: ReadTx, hash: string, entry: TokenEntry, limit?: number): Promise<Write[]> {
  return [...deleteToken(hash, entry), ...(await clearCubbyhole(tx, entry.accessor, limit))];
}

/** Ends a token, and with it all that descend from it. */
export async function revokeTree(tx: ReadTx, hash: string): Promise<Write[]> {
  return (await removeTree(tx, hash, MAX_REMOVED)).writes;
}

/**
 * Removes a token and what descends from it, `limit` tokens at most. What is left over is dead without its head; where it starts is put on the list
 * that housekeeping works off.
 */
export async function removeTree(tx: ReadTx, head: string, limit: number): Promise<{ readonly writes: Write[]; readonly removed: number }> {
  const entry = await loadEntry(tx, head);
  // It may be on the list itself.
  const writes: Write[] = [{ kind: 'delete', key: leftoverKey(head) }, ...(entry === undefined ? [] : await endToken(tx, head, entry))];
  let removed = entry === undefined ? 0 : 1;
  // From the head down to where we are: each with its children, one more than may be removed, and how many of them are done.
  const families = [{ hash: head, children: await childrenOf(tx, head, limit - removed + 1), done: 0 }];
  for (let family = families.at(-1); family !== undefined; family = families.at(-1)) {
    const child = family.children[family.done];
    if (child === undefined) {
      families.pop();
      continue;
    }
    if (removed >= limit) break;
    const its = await loadEntry(tx, child);
    writes.push(
      ...(its === undefined ? [{ kind: 'delete' as const, key: childKey(family.hash, child) }] : await endToken(tx, child, its, MAX_OWN_RECORDS)),
    );
    removed++;
    family.done++;
    families.push({ hash: child, children: await childrenOf(tx, child, limit - removed + 1), done: 0 });
  }
  for (const { hash, children, done } of families) if (done < children.length) writes.push(putRecord(leftoverKey(hash), {}));
  return { writes, removed };
}

/**
 * Ends a token and leaves its children, which are orphans then.
 * @throws ApiError 400 if they are more than one transaction should touch
 */
export async function revokeOrphan(tx: ReadTx, hash: string): Promise<Write[]> {
  const entry = await loadEntry(tx, hash);
  const writes = entry === undefined ? [] : await endToken(tx, hash, entry);
  const children = await childrenOf(tx, hash, MAX_ORPHANED + 1);
  if (children.length > MAX_ORPHANED) throw badRequest(`the token has more than ${MAX_ORPHANED} children; revoke some of them first`);
  for (const child of children) {
    const before = await loadEntry(tx, child);
    writes.push(
      ...(before === undefined
        ? [{ kind: 'delete' as const, key: childKey(hash, child) }]
        : putToken(child, { ...before, parent: undefined }, before)),
    );
  }
  return writes;
}

async function childrenOf(tx: ReadTx, hash: string, limit: number): Promise<string[]> {
  const prefix = childKey(hash, '');
  return (await tx.scanKeys({ ...below(prefix), limit })).map((key) => key.slice(prefix.length));
}

export async function loadEntry(tx: ReadTx, hash: string): Promise<TokenEntry | undefined> {
  const bytes = await tx.get(tokenKey(hash));
  return bytes && readRecord<TokenEntry>(bytes).facts;
}
