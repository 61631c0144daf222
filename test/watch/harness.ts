import type { KvStore, ReadTx, SecretEngine } from '@sealkv/core';
import type { SecretChange } from '@sealkv/core/watch';

/** What a test may do at the moments of a watch. */
export interface Moments {
  /** The listener is there, nothing was read yet. */
  subscribed?: (() => Promise<unknown>) | undefined;
  /** A read is about to begin. */
  reading?: (() => Promise<unknown>) | undefined;
  /** A read has seen its state, and has not answered yet. */
  read?: (() => Promise<unknown>) | undefined;
  /** A request of a transaction's body. */
  request?: ((request: 'get' | 'scan' | 'scanKeys', what: unknown) => void) | undefined;
}

/** A store that lets a test in at these moments. What it does there goes to the store below, at once. */
export function withMoments(store: KvStore, moments: Moments): KvStore {
  const seen = (tx: ReadTx): ReadTx => ({
    get: (key) => (moments.request?.('get', key), tx.get(key)),
    scan: (range) => (moments.request?.('scan', range), tx.scan(range)),
    scanKeys: (range) => (moments.request?.('scanKeys', range), tx.scanKeys(range)),
  });
  let entered: Promise<unknown> | undefined;
  return {
    async read(body, options) {
      await entered;
      await moments.reading?.();
      const result = await store.read((tx) => body(seen(tx)), options);
      await moments.read?.();
      return result;
    },
    write: (body, options) => store.write(body, options),
    close: () => store.close(),
    onCommit(listener) {
      const unlisten = store.onCommit!(listener);
      entered = moments.subscribed?.();
      return unlisten;
    },
  };
}

/** Brings what was told together: path → what is known of the secret. */
export class Fold {
  readonly secrets = new Map<string, SecretChange>();

  add(changes: readonly SecretChange[]): this {
    for (const change of changes) {
      if (change.state === 'removed') this.secrets.delete(change.path);
      else this.secrets.set(change.path, change);
    }
    return this;
  }

  toString(): string {
    return linesOf([...this.secrets.values()]);
  }
}

/** The same, asked of the engine. */
export async function foldOf(secrets: SecretEngine, folder = ''): Promise<string> {
  const listed = await secrets.listDetailed(folder, { recursive: true });
  return linesOf(
    listed.map(({ name, metadata }) => {
      const { currentVersion: version, incarnation, metadataVersion, versions } = metadata!;
      const current = versions.get(version);
      return { path: folder + name, version, incarnation, metadataVersion, state: current?.state ?? 'empty', deletionAt: current?.deletionAt };
    }),
  );
}

function linesOf(secrets: readonly Omit<SecretChange, 'changedAt' | 'initial'>[]): string {
  const lines = secrets.map(({ path, version, incarnation, metadataVersion, state, deletionAt }) =>
    [path, version, incarnation, metadataVersion, state, deletionAt?.getTime()].join(' '),
  );
  return lines.toSorted().join('\n');
}

/** The next `n` things a watch tells, in short. */
export async function take(watching: AsyncIterator<SecretChange>, n: number): Promise<string[]> {
  const told: string[] = [];
  while (told.length < n) {
    const { value, done } = (await watching.next()) as IteratorResult<SecretChange, undefined>;
    told.push(done ? 'end' : short(value));
  }
  return told;
}

export function short({ path, version, state, initial }: SecretChange): string {
  return `${initial ? '= ' : ''}${path} ${version} ${state}`;
}
