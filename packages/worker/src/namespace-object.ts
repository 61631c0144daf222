import { DurableObject } from 'cloudflare:workers';
import type { Api, ApiAnswer, ApiOptions, ApiRequest, EngineCall, ForwardedRequest } from '@sealkv/http';
import { createApi, decodeSealKey, Redacted, sealedAnswer } from '@sealkv/http';
import { Alarm } from './alarm.ts';
import { durableStore } from './durable-store.ts';
import { namespacePort } from './namespace-port.ts';
import { isRoot } from './object-names.ts';

/** The Worker's secrets. Without a key, and a root token or what one is made with, every request is answered with 503 and nothing is written. */
export interface NamespaceEnv {
  /** 32 bytes as base64, base64url or hex: what everything is sealed with. */
  readonly SEALKV_SEAL_KEY?: string | undefined;
  readonly SEALKV_ROOT_TOKEN?: string | undefined;
  /** In place of a root token: what `sys/init` asks for before it makes one, once. */
  readonly SEALKV_BOOTSTRAP_SECRET?: string | undefined;
  /** Bytes of an object's database from which on nothing more is taken in, while removing goes on; 9.5 GB by default, below the platform's 10 GB. */
  readonly SEALKV_SOFT_LIMIT_BYTES?: string | undefined;
  /** The binding of the objects themselves, by which the root namespace reaches the others. */
  readonly SEALKV?: DurableObjectNamespace<NamespaceObject> | undefined;
}

/** One namespace (one tenant): its mounts and their secrets, in the SQLite database of one Durable Object. */
export class NamespaceObject extends DurableObject<NamespaceEnv> {
  readonly #api: Api | { readonly sealed: string };
  readonly #alarm: Alarm;
  #hasLookedForWork = false;

  /** Writes nothing. */
  constructor(ctx: DurableObjectState, env: NamespaceEnv) {
    super(ctx, env);
    const store = durableStore(ctx.storage, { remembers: true });
    this.#alarm = new Alarm((at) => store.schedule(at));
    this.#api = open(ctx, env, { store, onDue: (at) => this.#alarm.tell(at) });
  }

  /** One API request, start to end. */
  async handle(request: ApiRequest): Promise<ApiAnswer> {
    if ('sealed' in this.#api) return sealedAnswer(request, this.#api.sealed);
    const answer = await this.#api.handle(request);
    await this.#setAlarm(this.#api);
    return answer;
  }

  /** A request that the root namespace's object sends on to this one. */
  async handleForwarded(forwarded: ForwardedRequest): Promise<ApiAnswer> {
    if ('sealed' in this.#api) return sealedAnswer(forwarded.request, this.#api.sealed);
    const answer = await this.#api.handleForwarded(forwarded);
    await this.#setAlarm(this.#api);
    return answer;
  }

  /** A call of an engine's method; see `Secrets`. */
  async callEngine(call: EngineCall): Promise<unknown> {
    if ('sealed' in this.#api) throw new Error('Vault is sealed');
    const result = await this.#api.callEngine(call);
    await this.#setAlarm(this.#api);
    return result;
  }

  /** Ends this namespace; see `Api.end`. */
  async end(): Promise<boolean> {
    if ('sealed' in this.#api) throw new Error('Vault is sealed');
    return this.#api.end();
  }

  /** Housekeeping, whenever something is due. */
  override async alarm(): Promise<void> {
    if ('sealed' in this.#api) return;
    this.#alarm.wentOff();
    try {
      const { nextDue } = await this.#api.housekeeping();
      if (nextDue !== undefined) this.#alarm.tell(nextDue);
    } catch (error) {
      // Of what is left, nothing is in the way of a request.
      console.error('housekeeping failed, and will be tried again:', error);
      this.#alarm.tell(Date.now() + RETRY_MS);
    }
    await this.#alarm.set();
  }

  /** Once there may be work to do later. That an alarm can't be set is no reason to refuse a request that is done: the next one tries again. */
  async #setAlarm(api: Api): Promise<void> {
    try {
      if (!this.#hasLookedForWork) {
        const due = await api.nextDue();
        if (due !== undefined) this.#alarm.tell(due);
        this.#hasLookedForWork = true;
      }
      await this.#alarm.set();
    } catch (error) {
      console.error('the alarm was not set:', error);
    }
  }
}

const RETRY_MS = 600_000;
const SOFT_LIMIT_BYTES = 9_500_000_000;

function open({ id, storage }: DurableObjectState, env: NamespaceEnv, own: Pick<ApiOptions, 'store' | 'onDue'>): Api | { readonly sealed: string } {
  const { SEALKV_SEAL_KEY, SEALKV_ROOT_TOKEN, SEALKV_BOOTSTRAP_SECRET, SEALKV, SEALKV_SOFT_LIMIT_BYTES = String(SOFT_LIMIT_BYTES) } = env;
  if (!SEALKV_SEAL_KEY) return { sealed: 'the secret SEALKV_SEAL_KEY is not set' };
  if (!SEALKV_ROOT_TOKEN && !SEALKV_BOOTSTRAP_SECRET) return { sealed: 'the secret SEALKV_ROOT_TOKEN is not set, nor is SEALKV_BOOTSTRAP_SECRET' };
  const sealKey = decodeSealKey(SEALKV_SEAL_KEY);
  if (sealKey === undefined) return { sealed: 'the secret SEALKV_SEAL_KEY is not 32 bytes as base64, base64url or hex' };
  const softLimit = Number(SEALKV_SOFT_LIMIT_BYTES);
  if (!(softLimit > 0)) return { sealed: 'the variable SEALKV_SOFT_LIMIT_BYTES is not a number of bytes' };
  const isFull = (): boolean => storage.sql.databaseSize >= softLimit;
  if (SEALKV !== undefined && !isRoot(SEALKV, id)) return createApi({ ...own, sealKey, isFull, rootToken: undefined, namespaceId: id.toString() });
  const secret = (text: string | undefined): Redacted | undefined => (text ? new Redacted(text) : undefined);
  const root = { rootToken: secret(SEALKV_ROOT_TOKEN), bootstrapSecret: secret(SEALKV_BOOTSTRAP_SECRET) };
  return createApi({ ...own, ...root, sealKey, isFull, namespaces: SEALKV && namespacePort(SEALKV) });
}
