import { StoreError } from './errors.ts';
import { headKey, incarnationPrefix, pageKey, parseOrderedNumber } from './keyspace.ts';
import type { Decide } from './kv2/decide.ts';
import { pagesNeeded } from './kv2/decide.ts';
import type { Rejection } from './kv2/decision.ts';
import type { MountEntry, SecretState, VersionEntry, Write } from './record.ts';
import { decodeHead, decodePage, pageOf } from './record.ts';
import type { ReadTx } from './store.ts';
import { prefixEnd } from './store.ts';

/** What became of a list of commands: all of them, or none and the place of the one that was refused. */
export type Applied<R> =
  | { readonly kind: 'done'; readonly outcomes: readonly R[]; readonly writes: readonly Write[] }
  | { readonly kind: 'refused'; readonly index: number; readonly rejection: Rejection; readonly writes: readonly [] };

/**
 * The only place that changes a secret: loads what each command needs, decides one after the other over the staged state, and returns the
 * writes. Runs inside a transaction; a refusal is a value, so that whoever opened the transaction can commit something beside it.
 */
export async function apply<C extends { readonly path: string; readonly versions?: readonly number[] | undefined }, R>(
  tx: ReadTx,
  mount: MountEntry,
  commands: readonly C[],
  now: number,
  decide: Decide<C, R>,
): Promise<Applied<R>> {
  const staged = new Map<string, SecretState | undefined>();
  const outcomes: R[] = [];
  const writes: Write[] = [];
  for (const [index, command] of commands.entries()) {
    const { path } = command;
    const known = staged.has(path) ? staged.get(path) : await loadHead(tx, mount.id, path);
    const missing = known ? pagesNeeded(known.head, command).filter((page) => !known.pages.has(page)) : [];
    // Nothing is awaited without a request: ten thousand commands on one secret would look like a body that waits for something foreign.
    const state = known && missing.length > 0 ? await loadPages(tx, mount.id, known, missing) : known;
    const decision = decide(state, command, { ref: { mountId: mount.id, path }, config: mount.config, now });
    if (decision.kind === 'reject') return { kind: 'refused', index, rejection: decision, writes: [] };
    if (decision.kind === 'commit') writes.push(...decision.writes);
    staged.set(path, decision.kind === 'commit' ? decision.next : state);
    outcomes.push(decision.result);
  }
  return { kind: 'done', outcomes, writes };
}

/** A secret's state with no closed page yet; undefined if there is no such secret. */
export async function loadHead(tx: ReadTx, mountId: string, path: string): Promise<SecretState | undefined> {
  const bytes = await tx.get(headKey(mountId, path));
  return bytes && { head: decodeHead(bytes), pages: new Map() };
}

/** Adds closed pages that are not there yet. */
export async function loadPages(tx: ReadTx, mountId: string, state: SecretState, missing: readonly number[]): Promise<SecretState> {
  const loaded = await Promise.all(
    missing.map(async (page): Promise<[number, readonly VersionEntry[]]> => {
      const bytes = await tx.get(pageKey(mountId, state.head.incarnation, page));
      if (bytes === undefined) throw new StoreError('CORRUPT', 'a page of version entries is missing');
      return [page, decodePage(bytes)];
    }),
  );
  return { head: state.head, pages: new Map([...state.pages, ...loaded]) };
}

/** Adds every closed page, in one range read. */
export async function loadAllPages(tx: ReadTx, mountId: string, { head }: SecretState): Promise<SecretState> {
  if (pageOf(head.currentVersion) <= 0) return { head, pages: new Map() };
  const prefix = `${incarnationPrefix(mountId, head.incarnation)}g`;
  const entries = await tx.scan({ from: prefix, to: prefixEnd(prefix) });
  return { head, pages: new Map(entries.map(({ key, value }) => [parseOrderedNumber(key.slice(prefix.length)), decodePage(value)])) };
}
