import type { ReadTx, Write } from '@sealkv/core';
import { SealError } from '@sealkv/core';
import type { StoreOwner, StoreProblem } from '@sealkv/core/check';
import { ApiError, badRequest } from '../api-error.ts';
import type { Out } from '../json-out.ts';
import { base64Url } from '../keys.ts';
import { below, putRecord, readRecord, tokenKey, wrappedKey } from '../records.ts';
import type { Services } from '../services.ts';
import { formatTime } from '../time.ts';
import type { Minted } from '../tokens/mint.ts';
import { mintToken } from '../tokens/mint.ts';
import type { TokenEntry } from '../tokens/token-entry.ts';
import { deleteToken, putToken } from '../tokens/token-entry.ts';
import { loadToken } from '../tokens/token-store.ts';

/*
 * A wrapped answer is a record of its own, sealed, next to the entry of the token that opens it. It goes wherever that token's entry goes: with the
 * use, with a revocation, with its time.
 */

/** What is told instead of an answer. */
export interface WrapInfo {
  readonly token: string;
  readonly entry: TokenEntry;
  /** Of a token that is in the answer. */
  readonly wrappedAccessor?: string | undefined;
}

/** An answer as it is kept. */
export interface WrappedAnswer {
  readonly status: number;
  /** The whole body. */
  readonly text: string;
}

interface WrappedFacts {
  readonly status: number;
}

// What a row takes, less what comes around the text.
const MAX_TEXT_BYTES = 1_900_000;
const SEALED_FOR = 'wrapped answers';

/**
 * Seals an answer and stores it under a new wrapping token, in a transaction of its own. `wrappedAccessor` is that of a token in the answer.
 * @throws ApiError 400 if it is too large; StoreError
 */
export async function wrapAnswer(
  services: Services,
  { status, text }: WrappedAnswer,
  { path, ttlSeconds, wrappedAccessor }: { readonly path: string; readonly ttlSeconds: number; readonly wrappedAccessor: string | undefined },
): Promise<WrapInfo> {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > MAX_TEXT_BYTES) throw badRequest('the answer is too large to be wrapped; ask for part of it with "limit" and "after"');
  const wrappedId = base64Url(services.randomBytes(16));
  const [minted, sealed] = await Promise.all([mintToken(services), services.keys.sealer.seal(bytes, { mountId: SEALED_FOR, recordId: wrappedId })]);
  const entry = wrappingToken(minted, { path, ttlSeconds, wrappedId, now: services.clock() });
  await services.store.write(async () => ({ result: undefined, writes: putWrapped(minted.hash, entry, { status }, sealed) }));
  return { token: minted.id, entry, wrappedAccessor };
}

/** The words for a token that opens nothing, whatever else it may be. */
export const notAWrappingToken = (): ApiError => badRequest('wrapping token is not valid or does not exist');

/**
 * The wrapping token with this hash.
 * @throws ApiError 400
 */
export async function mustLoadWrappingToken(tx: ReadTx, hash: string, now: number): Promise<TokenEntry> {
  const entry = await loadToken(tx, hash, now);
  if (entry?.type !== 'wrapping') throw notAWrappingToken();
  return entry;
}

/** What was taken out of its record and is still sealed. */
export interface TakenAnswer extends WrappedFacts {
  readonly wrappedId: string;
  readonly sealed: Uint8Array;
}

/**
 * Takes the answer of a wrapping token; the writes remove both.
 * @throws ApiError 400
 */
export async function takeWrapped(
  tx: ReadTx,
  hash: string,
  now: number,
): Promise<{ readonly entry: TokenEntry; readonly taken: TakenAnswer; readonly writes: Write[] }> {
  const entry = await mustLoadWrappingToken(tx, hash, now);
  const bytes = await tx.get(wrappedKey(hash));
  if (bytes === undefined || entry.wrappedId === undefined) throw notAWrappingToken();
  const { facts, sealed } = readRecord<WrappedFacts>(bytes);
  return { entry, taken: { ...facts, wrappedId: entry.wrappedId, sealed }, writes: deleteToken(hash, entry) };
}

/** @throws ApiError 500 if it does not open; it is gone all the same */
export async function openTaken({ keys }: Services, { status, wrappedId, sealed }: TakenAnswer): Promise<WrappedAnswer> {
  try {
    return { status, text: new TextDecoder().decode(await keys.sealer.open(sealed, { mountId: SEALED_FOR, recordId: wrappedId })) };
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    throw new ApiError(500, 'the wrapped answer does not open: it was altered in the storage. It is gone, and so is its token');
  }
}

/** The same answer under another token, without being opened; it still says for which path it was made. */
export function rewrapped(
  minted: Minted,
  { entry: before, taken }: { readonly entry: TokenEntry; readonly taken: TakenAnswer },
  { ttlSeconds, now }: { readonly ttlSeconds: number; readonly now: number },
): { readonly info: WrapInfo; readonly writes: Write[] } {
  const { status, wrappedId, sealed } = taken;
  const entry = wrappingToken(minted, { path: before.path, ttlSeconds, wrappedId, now });
  return { info: { token: minted.id, entry }, writes: putWrapped(minted.hash, entry, { status }, sealed) };
}

/** The `wrap_info` of an answer. */
export function wrapInfoOut({ token, entry, wrappedAccessor }: WrapInfo): Out {
  return {
    token,
    accessor: entry.accessor,
    ttl: entry.creationTtl,
    creation_time: formatTime(entry.createdAt),
    creation_path: entry.path,
    ...(wrappedAccessor !== undefined && { wrapped_accessor: wrappedAccessor }),
  };
}

function wrappingToken(
  { accessor }: Minted,
  { path, ttlSeconds, wrappedId, now }: { readonly path: string; readonly ttlSeconds: number; readonly wrappedId: string; readonly now: number },
): TokenEntry {
  return {
    accessor,
    policies: ['response-wrapping'],
    path,
    displayName: '',
    numUses: 1,
    createdAt: now,
    expiresAt: now + ttlSeconds * 1000,
    creationTtl: ttlSeconds,
    explicitMaxTtl: ttlSeconds,
    period: 0,
    renewable: false,
    type: 'wrapping',
    wrappedId,
  };
}

function putWrapped(hash: string, entry: TokenEntry, facts: WrappedFacts, sealed: Uint8Array): Write[] {
  return [...putToken(hash, entry), putRecord(wrappedKey(hash), facts, sealed)];
}

const BATCH = 500;

/** Every wrapped answer has its token, and every wrapping token its answer. */
export const wrappedAnswerRecords: StoreOwner = { prefix: wrappedKey(''), check: checkWrapped };

async function checkWrapped(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const problems: StoreProblem[] = [];
  const answers = wrappedKey('');
  for (const key of await tx.scanKeys(below(answers))) {
    const token = await tx.get(tokenKey(key.slice(answers.length)));
    if (token === undefined || readRecord<TokenEntry>(token).facts.type !== 'wrapping')
      problems.push({ kind: 'orphan', key, detail: 'a wrapped answer without its wrapping token' });
  }
  const tokens = tokenKey('');
  for (let range = { ...below(tokens), limit: BATCH }; ;) {
    const entries = await tx.scan(range);
    for (const { key, value } of entries) {
      if (readRecord<TokenEntry>(value).facts.type !== 'wrapping') continue;
      if ((await tx.get(wrappedKey(key.slice(tokens.length)))) === undefined)
        problems.push({ kind: 'missing-value', key, detail: 'a wrapping token without its wrapped answer' });
    }
    if (entries.length < BATCH) return problems;
    range = { ...range, from: `${entries.at(-1)!.key}\0` };
  }
}
