import { plaintextSealer, SecretEngine } from '@sealkv/core';
import { idbStore, persistStorage, storageEstimate } from '@sealkv/idb-adapter';
import { afterEach, describe, expect, test, vi } from 'vitest';

afterEach(() => vi.unstubAllGlobals());

describe('storage', () => {
  test('an estimate tells usage, quota and persistence, or that the browser does not tell', async () => {
    const estimate = await storageEstimate();
    if (estimate) expect(estimate.quota).toBeGreaterThan(estimate.usage);
    vi.stubGlobal('navigator', { storage: { estimate: async () => ({ usage: 3, quota: 7 }), persisted: async () => true } });
    expect(await storageEstimate()).toEqual({ usage: 3, quota: 7, persisted: true });
    for (const navigator of [undefined, {}, { storage: {} }]) {
      vi.stubGlobal('navigator', navigator);
      expect(await storageEstimate()).toBeUndefined();
      expect(await persistStorage()).toBe(false);
    }
  });

  test('persistence is asked for on request only', async () => {
    const persist = vi.fn(async () => true);
    vi.stubGlobal('navigator', { storage: { persist, estimate: async () => ({}) } });
    const secrets = new SecretEngine({ store: idbStore('not asked'), sealer: plaintextSealer() });
    await secrets.put('a', {});
    await storageEstimate();
    expect(persist).not.toHaveBeenCalled();
    expect(await persistStorage()).toBe(true);
    await secrets.close();
  });
});
