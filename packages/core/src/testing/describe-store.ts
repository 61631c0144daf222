import { SecretEngine } from '../engine.ts';
import { Kv1Engine } from '../kv1-engine.ts';
import { Mounts } from '../mounts.ts';
import type { Sealer } from '../sealer.ts';
import type { Entry, KvStore } from '../store.ts';

/** Everything a store holds that the API can show, as text: mounts, configuration, metadata, every version. Equal texts, equal states. */
export async function describeStore(store: KvStore, sealer: Sealer, clock: () => number): Promise<string> {
  const lines: string[] = [];
  for (const mount of await new Mounts({ store, sealer, clock }).list()) {
    lines.push(`mount ${mount.path} v${mount.version} ${mount.bound?.entry.id}`);
    if (mount.version === 1) {
      const engine = new Kv1Engine({ store, sealer, clock, mount });
      for (const path of await engine.scan()) lines.push(`${path}: ${(await engine.get(path))?.text}`);
      continue;
    }
    const engine = new SecretEngine({ store, sealer, clock, mount });
    lines.push(JSON.stringify(await engine.getConfig()));
    for (const path of await engine.scan()) {
      const metadata = await engine.getMetadata(path);
      const { versions, ...settings } = metadata!;
      lines.push(`${path}: ${JSON.stringify(settings)}`);
      for (const version of versions.keys()) {
        const { text, ...info } = (await engine.get(path, { version }))!;
        lines.push(`${path} ${JSON.stringify(info)} ${text}`);
      }
    }
  }
  return lines.join('\n');
}

/** All records of a store, for copying it and for comparing it byte for byte. */
export async function allRecords(store: KvStore): Promise<readonly Entry[]> {
  return store.read((tx) => tx.scan({ from: '', to: '\u{10ffff}' }));
}

export function sameRecords(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every(({ key, value }, i) => key === b[i]!.key && sameBytes(value, b[i]!.value));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
