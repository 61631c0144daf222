import type { KvStore, OutcomeNote, ReadTx, Scope, SealErrorCode, StoreErrorCode, TxOptions, Write, WriteOutcome } from '@sealkv/core';
import { isSealKvError } from '@sealkv/core';
import type { Tree } from '@sealkv/core/json';
import { ApiError, multiError } from './api-error.ts';
import type { Access, Acl, AclOperation } from './policy/acl.ts';
import { decideAccess, ROOT_ACL } from './policy/acl.ts';
import { WRAPPING_TOKENS_POLICY } from './policy/default-policy.ts';
import { aclOf, loadAcl } from './policy/policy-store.ts';
import type { Operation } from './request.ts';
import type { Credentials, Principal } from './tokens/credentials.ts';
import { loadPrincipal, unknownToken } from './tokens/credentials.ts';

/** One thing that a request wants to do, as policies see it. A request of several operations wants several. */
export interface Wanted {
  readonly operation: Operation;
  /** The path behind `/v1/`. */
  readonly path: string;
  readonly input: ReadonlyMap<string, Tree>;
  /** Whether it takes the capability `sudo` besides its own. */
  readonly needsSudo?: boolean | undefined;
  /** Of a list or scan: whether it can be done with another `limit`, if policies demand one. */
  readonly isLimitable?: boolean | undefined;
  /** For a write: whether something is there, which makes it an update; else it is a create. Undefined: always an update. */
  readonly exists?: ((tx: ReadTx, caller: Principal) => Promise<boolean>) | undefined;
}

/** What became of a request: codes, and nothing of what the user wrote. */
export interface Outcome extends Omit<OutcomeNote, 'code'> {
  readonly code: OutcomeNote['code'] | StoreErrorCode | SealErrorCode | 'RATE_LIMITED';
}

/** Keeps a record of what was decided, in the transaction that decided it, where records are kept. */
export interface Recorder {
  /** Whether they are, as this transaction sees it. */
  isOn(tx: ReadTx): Promise<boolean>;
  /** Hashes and seals what the record says of the request: that can't be done in a transaction. */
  prepare(): Promise<PreparedRecord>;
}

export interface PreparedRecord {
  writes(tx: ReadTx, principal: Principal, outcome: Outcome): Promise<Write[]>;
}

/** Who sent the request, and what their policies say of it. */
export interface Caller extends Principal {
  /** One per thing wanted, in order. */
  readonly accesses: readonly Access[];
  readonly policies: CallersPolicies;
}

/** All of the caller's policies together. */
export interface CallersPolicies {
  readonly acl: Acl;
  /** What their paths begin with where they are about this namespace. */
  readonly prefix: string;
}

type Verdict = {
  readonly writes: readonly Write[];
  /** Whether a record is to be kept. */
  readonly isRecorded: boolean;
} & (
  | { readonly kind: 'admitted'; readonly caller: Caller }
  | { readonly kind: 'refused'; readonly error: ApiError; readonly principal: Principal | undefined }
);

/** Policies demand another `limit` than was asked for. Nothing has been decided. */
export class OtherLimit extends Error {
  override readonly name = 'OtherLimit';
  /** As a parameter. */
  readonly limit: string;

  constructor(limit: string) {
    super('policies demand another limit');
    this.limit = limit;
  }
}

/** Ends a transaction that is to be recorded when nothing has been prepared for that. */
export class NotPrepared extends Error {}

/**
 * One request's admission: token, use count, policies and record, decided inside the transaction that does what was asked. What a handler does
 * goes through {@link scope}; when it has done nothing, {@link settle} decides by itself.
 */
export class Admission {
  readonly #store: KvStore;
  readonly #credentials: Credentials;
  readonly #clock: () => number;
  readonly #recorder: Recorder | undefined;
  readonly #expectsRecord: boolean;
  readonly #alive: (tx: ReadTx) => Promise<boolean>;
  #wrapTtlSeconds: number | undefined;
  #prepared: PreparedRecord | undefined;
  /** Whether the last verdict has to be written down somewhere. */
  #isTraced = false;
  #wanted: readonly Wanted[];
  #takesUse = true;
  #caller: Caller | undefined;
  #note: Outcome = { code: 'ok' };
  #settled = false;

  constructor({ store, credentials, clock, recorder, expectsRecord = false, alive = async () => true, wanted }: AdmissionOptions) {
    this.#alive = alive;
    this.#store = store;
    this.#credentials = credentials;
    this.#clock = clock;
    this.#recorder = recorder;
    this.#expectsRecord = expectsRecord;
    this.#wanted = wanted;
  }

  /** What the request wants, once its body has been read, and for how long its answer is to be wrapped. */
  want(wanted: readonly Wanted[], wrapTtlSeconds: number | undefined = this.#wrapTtlSeconds): void {
    this.#wanted = wanted;
    this.#wrapTtlSeconds = wrapTtlSeconds;
  }

  /** Any valid token will do: no policy is asked, and no use is taken off. */
  wantNothing(): void {
    this.#wanted = [];
    this.#takesUse = false;
  }

  /** The caller as admitted last. Only after a transaction of {@link scope}, or within one. */
  get caller(): Caller {
    if (this.#caller === undefined) throw new TypeError('nobody has been admitted yet');
    return this.#caller;
  }

  /** The store with the admission in every transaction, for handlers and engines. */
  readonly scope: Scope = {
    store: {
      read: (body, options) => this.#read(body, options),
      write: (body, options) => this.#write(body, options),
      close: () => this.#store.close(),
    },
    note: (outcome) => {
      this.#note = outcome;
    },
  };

  /**
   * Decides what no transaction has decided yet, and leaves the traces that none has left.
   * @throws ApiError 403, which comes before whatever else is wrong with the request
   */
  async settle(outcome: Outcome): Promise<void> {
    if (this.#settled) return;
    if (this.#caller !== undefined && !this.#isTraced) return;
    await this.#write(async () => {
      this.#note = outcome;
      return { result: undefined, writes: [] };
    });
  }

  async #read<T>(body: (tx: ReadTx) => Promise<T>, options?: TxOptions): Promise<T> {
    const write = (): Promise<T> => this.#write(async (tx) => ({ result: await body(tx), writes: [] }), options);
    const decides = !this.#settled && this.#readsDecide();
    if (decides && this.#expectsRecord) return write();
    const seen = await this.#store.read(async (tx) => {
      const verdict = await this.#decide(tx);
      // A trace needs a write transaction, and must lie in the one that decides.
      if (this.#isTraced && (decides || verdict.kind === 'refused')) return { traced: true };
      if (verdict.kind === 'refused') return { verdict };
      return { value: await body(tx) };
    }, options);
    if ('value' in seen) return seen.value as T;
    if ('verdict' in seen) throw seen.verdict.error;
    return write();
  }

  async #write<T>(body: (tx: ReadTx) => Promise<WriteOutcome<T>>, options?: TxOptions): Promise<T> {
    let isRecorded = this.#expectsRecord;
    for (;;) {
      if (isRecorded) this.#prepared ??= await this.#recorder?.prepare();
      try {
        return await this.#attempt(body, options);
      } catch (error) {
        if (!(error instanceof NotPrepared)) throw error;
        isRecorded = true; // switched on a moment ago
      }
    }
  }

  async #attempt<T>(body: (tx: ReadTx) => Promise<WriteOutcome<T>>, options?: TxOptions): Promise<T> {
    const done = await this.#store.write(async (tx): Promise<WriteOutcome<{ value: T } | { error: unknown }>> => {
      const verdict = await this.#decide(tx);
      if (verdict.isRecorded && this.#prepared === undefined) throw new NotPrepared();
      if (verdict.kind === 'refused') {
        const traces = await this.#traces(tx, verdict, verdict.principal, { code: 'ACCESS_DENIED' });
        return { result: { error: verdict.error }, writes: traces };
      }
      this.#note = { code: 'ok' };
      try {
        const { result, writes } = await body(tx);
        // An attempt that will be made again has decided nothing.
        if (this.#isAttempt()) return { result: { value: result }, writes };
        const traces = await this.#traces(tx, verdict, verdict.caller, this.#note);
        // The use count first: what is done to the token itself comes after it.
        return { result: { value: result }, writes: [...traces, ...writes] };
      } catch (error) {
        if (!isRefusal(error)) throw error;
        return { result: { error }, writes: await this.#traces(tx, verdict, verdict.caller, outcomeOf(error)) };
      }
    }, options);
    if (!this.#isAttempt()) this.#settled = true;
    if ('error' in done) throw done.error;
    return done.value;
  }

  async #decide(tx: ReadTx): Promise<Verdict> {
    const now = this.#clock();
    const found = (await this.#alive(tx)) ? await loadPrincipal(tx, this.#credentials, now) : undefined;
    if (found === undefined) {
      this.#isTraced = false;
      return { kind: 'refused', error: unknownToken(this.#credentials), principal: undefined, writes: [], isRecorded: false };
    }
    const { principal } = found;
    // What one transaction has taken off and recorded, the next one of the same request does not.
    const writes = this.#settled || !this.#takesUse ? [] : found.writes;
    const isRecorded = !this.#settled && (await this.#recorder?.isOn(tx)) === true;
    this.#isTraced = isRecorded || writes.length > 0;
    const policies = await this.#policies(tx, principal, now);
    const { acl, prefix } = policies;
    const accesses: Access[] = [];
    for (const { operation, path, input, needsSudo, isLimitable, exists } of this.#wanted) {
      // HEAD is allowed to no policy.
      const access =
        operation === 'head'
          ? undefined
          : decideAccess(acl, {
              operation: await aclOperation(operation, tx, principal, exists),
              path: prefix + path,
              input,
              now,
              wrapTtlSeconds: this.#wrapTtlSeconds,
            });
      const isAllowed = access?.allowed && (access.sudo || !needsSudo);
      if (!isAllowed && !acl.isRoot) return { kind: 'refused', error: accessDenied(), principal, writes, isRecorded };
      const limit = access?.limit === undefined ? undefined : JSON.stringify(String(access.limit));
      if (isLimitable && limit !== undefined && limit !== input.get('limit')) throw new OtherLimit(limit);
      if (access !== undefined) accesses.push(access);
    }
    this.#caller = { ...principal, accesses, policies };
    return { kind: 'admitted', caller: this.#caller, writes, isRecorded };
  }

  async #policies(tx: ReadTx, { entry }: Principal, now: number): Promise<CallersPolicies> {
    if (this.#credentials.kind === 'wrapping') return { acl: aclOf([WRAPPING_TOKENS_POLICY]), prefix: '' };
    if (this.#credentials.kind !== 'delegate') return { acl: await loadAcl(tx, entry.policies, now), prefix: '' };
    const { policyTexts, prefix } = this.#credentials;
    return { acl: entry.policies.includes('root') ? ROOT_ACL : aclOf(policyTexts), prefix };
  }

  #isAttempt(): boolean {
    return this.#note.code === 'CONFLICT';
  }

  /** Whether reads leave a trace as well: those that are all of a request. */
  #readsDecide(): boolean {
    return this.#wanted.every(({ operation }) => operation === 'read' || operation === 'list' || operation === 'scan' || operation === 'head');
  }

  async #traces(tx: ReadTx, { writes, isRecorded }: Verdict, principal: Principal | undefined, outcome: Outcome): Promise<Write[]> {
    return [...writes, ...(isRecorded ? await this.#prepared!.writes(tx, principal!, outcome) : [])];
  }
}

export interface AdmissionOptions {
  readonly store: KvStore;
  readonly credentials: Credentials;
  readonly clock: () => number;
  readonly recorder?: Recorder | undefined;
  /** Whether a record was to be kept when that was last looked at. */
  readonly expectsRecord?: boolean | undefined;
  /** Whether the namespace is still there; it always is if not given. */
  readonly alive?: ((tx: ReadTx) => Promise<boolean>) | undefined;
  readonly wanted: readonly Wanted[];
}

async function aclOperation(operation: Exclude<Operation, 'head'>, tx: ReadTx, caller: Principal, exists: Wanted['exists']): Promise<AclOperation> {
  if (operation !== 'update' || exists === undefined) return operation;
  return (await exists(tx, caller)) ? 'update' : 'create';
}

/** A policy says no: OpenBao wraps this one, and not that of a bad token. */
export function accessDenied(): ApiError {
  return new ApiError(403, multiError('permission denied'));
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError || (isSealKvError(error) && error.name === 'KvError');
}

/** An error as the outcome of a request. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof ApiError && error.status === 429) return { code: 'RATE_LIMITED' };
  return { code: isSealKvError(error) ? error.code : 'REFUSED' };
}
