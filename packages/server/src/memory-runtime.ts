import { randomBytes } from 'node:crypto';
import { memoryStore } from '@sealkv/core/memory';
import type { Api, ApiOptions, NamespacePort } from '@sealkv/http';
import { ApiError, createApi, Redacted, tokenOf } from '@sealkv/http';
import { KeptApi } from './kept-api.ts';
import type { CommitFaults } from './commit-faults.ts';
import type { FrontHandler } from './raw-front.ts';

export interface MemoryOptions extends Pick<ApiOptions, 'fetch' | 'allowsLoopbackIssuers'> {
  readonly rootToken: string;
  readonly sealKey: Uint8Array<ArrayBuffer>;
  readonly clock: () => number;
  readonly faults: CommitFaults;
}

export interface MemoryRuntime {
  readonly handler: FrontHandler;
  /** Does what is due of what would be done by itself later. */
  housekeeping(): Promise<void>;
  close(): void;
}

/** The API in this process, every namespace on a store of its own that is gone with it. */
export function openMemory({ rootToken, faults, ...shared }: MemoryOptions): MemoryRuntime {
  const kept: KeptApi[] = [];
  const open = (own: Pick<ApiOptions, 'rootToken' | 'namespaces' | 'namespaceId'>): Api => {
    const opened = new KeptApi((onDue) => {
      const api = createApi({ ...shared, ...own, store: faults.into(memoryStore()), onDue });
      return { ...api, housekeeping: () => faults.exempting(() => api.housekeeping()) };
    }, shared.clock);
    kept.push(opened);
    return opened.api;
  };
  const namespaces = new MemoryNamespaces(open);
  const root = open({ rootToken: new Redacted(rootToken), namespaces });
  return {
    async handler(request) {
      const { status, headers, body } = await (namespaces.ofToken(tokenOf(request)) ?? root).handle(request);
      return { status, headers: Object.entries(headers), body: Buffer.from(body) };
    },
    async housekeeping() {
      for (const api of kept) await api.housekeeping();
    },
    close() {
      for (const api of kept) api.close();
    },
  };
}

/** Namespaces as the Worker has them in Durable Objects. */
class MemoryNamespaces implements NamespacePort {
  readonly #openApi: (own: Pick<ApiOptions, 'rootToken' | 'namespaceId'>) => Api;
  readonly #apiById = new Map<string, Api>();

  constructor(openApi: (own: Pick<ApiOptions, 'rootToken' | 'namespaceId'>) => Api) {
    this.#openApi = openApi;
  }

  newId({ jurisdiction }: Parameters<NamespacePort['newId']>[0]): string {
    if (jurisdiction !== undefined) throw new ApiError(400, `the jurisdiction "${jurisdiction}" is not to be had here`);
    return randomBytes(32).toString('hex');
  }

  forward(forwarded: Parameters<NamespacePort['forward']>[0]): ReturnType<NamespacePort['forward']> {
    return this.#open(forwarded.to.id).handleForwarded(forwarded);
  }

  end(id: string): Promise<boolean> {
    return this.#open(id).end();
  }

  /** That of the namespace whose id a token ends in. None comes into being by it. */
  ofToken(token: string | undefined): Api | undefined {
    return this.#apiById.get(/\.([0-9a-f]{64})$/.exec(token ?? '')?.[1] ?? '');
  }

  #open(id: string): Api {
    let api = this.#apiById.get(id);
    if (api === undefined) {
      api = this.#openApi({ rootToken: undefined, namespaceId: id });
      this.#apiById.set(id, api);
    }
    return api;
  }
}
