import type { ReadTx, Write } from '@sealkv/core';
import { ApiError, badRequest, permissionDenied } from '../api-error.ts';
import { requestRecorder, writeRecorded } from '../audit/request-recorder.ts';
import type { Reply } from '../reply.ts';
import { data } from '../reply.ts';
import type { Call } from '../route.ts';
import type { Services } from '../services.ts';
import { makeBatchToken } from '../tokens/batch-token.ts';
import type { Minted } from '../tokens/mint.ts';
import { mintToken } from '../tokens/mint.ts';
import { isAssignable, sanitizePolicies } from '../tokens/policy-set.ts';
import type { TokenEntry } from '../tokens/token-entry.ts';
import { putToken } from '../tokens/token-entry.ts';
import { calculateTtl } from '../tokens/ttl.ts';
import type { AuthMount, MountTokenType } from './auth-mount.ts';
import { accessorOf, authMountAt } from './auth-mount.ts';
import { authOut } from './auth-out.ts';
import type { Failures } from './lockout.ts';
import { isLockedOut, loadFailures, lockoutKey, lockoutOf, oneMore, putFailures } from './lockout.ts';
import { stableUuid } from './stable-uuid.ts';
import type { TokenParameters } from './token-parameters.ts';
import { WatchedTx } from './watched-tx.ts';

/** How a method finds out who somebody is. */
export interface LoginMethod<S> {
  /** Whom the client says it is, whether there is such a one or not. */
  readonly alias: string;
  /** Reads, by keys and with nothing else awaited, what the decision rests on. It is still the same when the login is committed, or all is done again. */
  read(tx: ReadTx): Promise<S>;
  /** The name of the user or role that there is, under which failures are counted; undefined: there is none, or failures don't count. */
  nameOf(seen: S): string | undefined;
  /**
   * Decides, outside of any transaction: hashes, signatures and keys from elsewhere belong here.
   * @throws ApiError for what is wrong with the request, which is no failure
   */
  verify(seen: S): Promise<LoginVerdict>;
}

export type LoginVerdict = { readonly kind: 'failed'; readonly message: string } | ({ readonly kind: 'proven' } & ProvenLogin);

export interface ProvenLogin {
  /** The user or role. */
  readonly name: string;
  readonly parameters: TokenParameters;
  /** Who it is, within the mount: the same one always gets the same entity. */
  readonly alias: string;
  /** Behind the mount's name; empty for none. */
  readonly displayName: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** What else the login changes, committed with its token. */
  readonly writes?: readonly Write[] | undefined;
}

/** What a login is asked by. */
export type LoginCall = Pick<Call, 'services' | 'requestId' | 'operation' | 'path' | 'input'>;

const MAX_ATTEMPTS = 5;

/**
 * One login, of any method: what it rests on is read in one transaction, looked at outside of it, and in a second transaction, if it is all still so, the
 * token is stored, whatever the method uses up is used up, failures are forgotten and the record of the login is made. Otherwise from the start.
 *
 * Before anything that costs there is the rate limit. Logins of the same user or role take turns, so that guesses made side by side are counted like
 * those made one after the other, and a secret id with a few uses left serves many that come at once. A name that nobody has is treated like one that
 * somebody has: the same limits and the same work; but its failures are counted in memory only.
 *
 * @throws ApiError 400, 403 if there is no such mount or they are locked out, 409 if others kept changing what it rests on, 429
 */
export async function logIn<S>(
  call: LoginCall,
  { path: mountPath, id, type }: Pick<AuthMount, 'path' | 'id' | 'type'>,
  method: LoginMethod<S>,
): Promise<Reply> {
  const { services, path } = call;
  const recorder = requestRecorder(services, () => ({ ...call, id: call.requestId }));
  // It is whatever the client says, so it is kept short.
  const principal = `${id}/${method.alias.slice(0, 200)}`;
  services.loginLimits.take({ id, type }, principal, path);
  return services.loginQueue.run(principal, async () => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { watched, mount, seen, failures } = await services.store.read(async (tx) => {
        const all = new WatchedTx(tx);
        const found = await authMountAt(all, mountPath);
        if (found?.id !== id) throw permissionDenied();
        const state = await method.read(all);
        const name = method.nameOf(state);
        return { watched: all, mount: found, seen: state, failures: name === undefined ? undefined : await loadFailures(all, id, name) };
      });

      const name = method.nameOf(seen);
      const lockout = lockoutOf(mount);
      const known: Failures | undefined = name === undefined ? services.unknownFailures.get(principal) : failures;
      if (countsFailures(mount) && isLockedOut(lockout, known, services.clock())) throw permissionDenied();

      const verdict = await method.verify(seen);
      if (verdict.kind === 'failed') {
        if (countsFailures(mount)) await countFailure(services, mount, { method, name, principal });
        throw badRequest(verdict.message);
      }
      const token = await planToken(services, mount, verdict, path);
      const isDone = await writeRecorded(services.store, recorder, async (tx, record) => {
        if (!(await watched.isUnchanged(tx))) return { result: false, writes: [] };
        const writes = [...(verdict.writes ?? []), ...(token.entry.type === 'batch' ? [] : putToken(token.minted.hash, token.entry))];
        if (name !== undefined && failures !== undefined) writes.push({ kind: 'delete', key: lockoutKey(id, name) });
        const whoLoggedIn = { id: token.minted.id, hash: token.minted.hash, entry: token.entry };
        return { result: true, writes: [...writes, ...(await record(whoLoggedIn))] };
      });
      if (isDone) return data(null, { auth: authOut(token.minted.id, token.entry, token.entry.creationTtl), warnings: token.warnings });
    }
    throw new ApiError(409, 'what the login rests on kept changing; nothing was done, try again');
  });
}

/** Only where there is something to guess. (OpenBao counts for these two and LDAP.) */
function countsFailures({ type }: AuthMount): boolean {
  return type === 'userpass' || type === 'approle';
}

interface Failed<S> {
  readonly method: LoginMethod<S>;
  readonly name: string | undefined;
  readonly principal: string;
}

/** One more failure, in the row of those there are at that moment. */
async function countFailure<S>(services: Services, mount: AuthMount, { method, name, principal }: Failed<S>): Promise<void> {
  const lockout = lockoutOf(mount);
  if (lockout.disabled) return;
  const now = services.clock();
  if (name === undefined) {
    services.unknownFailures.set(principal, oneMore(lockout, services.unknownFailures.get(principal), now));
    return;
  }
  await services.store.write(async (tx) => {
    // Nothing is stored for who is gone by now.
    const isThere = (await authMountAt(tx, mount.path))?.id === mount.id && method.nameOf(await method.read(tx)) === name;
    const failures = { ...oneMore(lockout, await loadFailures(tx, mount.id, name), now), alias: method.alias };
    return { result: undefined, writes: isThere ? [putFailures(mount.id, name, failures)] : [] };
  });
}

interface PlannedToken {
  readonly minted: Minted;
  readonly entry: TokenEntry;
  readonly warnings: readonly string[];
}

/** The token of a login (OpenBao vault/request_handling.go, `LoginCreateToken`). */
async function planToken(services: Services, mount: AuthMount, login: ProvenLogin, path: string): Promise<PlannedToken> {
  const { parameters, name } = login;
  const policies = sanitizePolicies(parameters.policies, { addDefault: !parameters.noDefaultPolicy });
  if (policies.includes('root')) throw badRequest('auth methods cannot create root tokens');
  const forbidden = policies.find((policy) => !isAssignable(policy));
  if (forbidden !== undefined) throw badRequest(`cannot assign policy "${forbidden}"`);

  const { ttl, warnings } = calculateTtl({ ...parameters, defaultLeaseTtl: mount.tuning.defaultLeaseTtl, maxLeaseTtl: mount.tuning.maxLeaseTtl });
  const isBatch = tokenTypeOf(mount.tokenType, parameters.type) === 'batch';
  const [minted, entityId] = await Promise.all([
    mintToken(services),
    stableUuid(services.keys, `entity ${accessorOf(mount)} ${mount.id} ${login.alias}`),
  ]);
  const now = services.clock();
  const entry: TokenEntry = {
    accessor: isBatch ? '' : minted.accessor,
    policies,
    path,
    displayName: `${mount.path.replaceAll('/', '-')}${login.displayName}`.replace(/-$/, ''),
    meta: login.metadata,
    // A batch token has none of these: it can't be renewed, and nothing counts its uses.
    numUses: isBatch ? 0 : parameters.numUses,
    explicitMaxTtl: isBatch ? 0 : parameters.explicitMaxTtl,
    period: isBatch ? 0 : parameters.period,
    renewable: !isBatch,
    createdAt: now,
    expiresAt: now + ttl * 1000,
    creationTtl: ttl,
    type: isBatch ? 'batch' : 'service',
    entityId,
    login: { mountPath: mount.path, mountId: mount.id, remountId: mount.lastRemount?.id, name },
  };
  return { minted: isBatch ? { ...minted, id: await makeBatchToken(entry, services) } : minted, entry, warnings };
}

/** The mount decides, or it leaves it to the user or role (OpenBao vault/routing/router.go). */
function tokenTypeOf(ofMount: MountTokenType, own: TokenParameters['type']): 'service' | 'batch' {
  switch (ofMount) {
    case 'service':
    case 'batch':
      return ofMount;
    case 'default-service':
      return own === 'batch' ? 'batch' : 'service';
    case 'default-batch':
      return own === 'service' ? 'service' : 'batch';
    default:
      return ofMount satisfies never;
  }
}
