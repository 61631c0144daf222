import { aesGcmSealer } from '@sealkv/core';
import { memoryStore } from '@sealkv/core/memory';
import { createApi, Redacted } from '@sealkv/http';
import type { FrontHandler } from './raw-front.ts';

export interface MemoryOptions {
  readonly rootToken: string;
  readonly sealKey: Uint8Array<ArrayBuffer>;
  readonly clock?: (() => number) | undefined;
}

/** The API in this process, on a store that is gone with it. */
export function openMemory({ rootToken, sealKey, clock }: MemoryOptions): FrontHandler {
  const api = createApi({ store: memoryStore(), sealer: aesGcmSealer(sealKey), rootToken: new Redacted(rootToken), clock });
  return async (request) => {
    const { status, headers, body } = await api.handle(request);
    return { status, headers: Object.entries(headers), body: Buffer.from(body) };
  };
}
