import type { KvStore } from '@sealkv/core';
import { aesGcmSealer, Mounts, plaintextSealer, SecretEngine } from '@sealkv/core';
import { Kv1Engine } from '@sealkv/core/kv1';
import { memoryStore } from '@sealkv/core/memory';

declare const hkdf: CryptoKey;

const store: KvStore = memoryStore();
const sealer = aesGcmSealer(() => hkdf);
aesGcmSealer(new Uint8Array(32));
aesGcmSealer(hkdf);
aesGcmSealer(async () => hkdf);
// @ts-expect-error a passphrase is no key
aesGcmSealer('secret');

const engine = new SecretEngine({ store, sealer });
new SecretEngine({ store, sealer: plaintextSealer(), mount: 'kv', limits: { maxBytes: 10 }, clock: () => 0 });
// @ts-expect-error sealing is not left out by accident
new SecretEngine({ store });
// @ts-expect-error
new SecretEngine({ sealer });

// @ts-expect-error KV v1 has no default mount
new Kv1Engine({ store, sealer });
const kv1 = new Kv1Engine({ store, sealer, mount: 'kv' });
void kv1.put('a', { user: 'ada' });
// @ts-expect-error a Date would come back as a string
void kv1.put('a', { at: new Date() });
// @ts-expect-error KV v1 has no check-and-set
void kv1.put('a', {}, { cas: 1 });

async function bindings(): Promise<void> {
  for (const mount of await new Mounts({ store, sealer, initial: { 'secret/': { version: 2 } } }).list())
    if (mount.version === 2) new SecretEngine({ store, sealer, mount });
  // @ts-expect-error there are two versions of KV
  await new Mounts({ store, sealer }).create('a', { version: 3 });
}

// A promise that is dropped is found by the linter; a result that does not exist by the compiler.
// @ts-expect-error
const { version: _version } = engine.put('a', {});

export type { bindings };
