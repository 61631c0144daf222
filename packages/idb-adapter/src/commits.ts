import type { CommitListener, Touched } from '@sealkv/core';

/** Which commit was the last one: a random string that every commit puts beside the records. Undefined before the first. */
export type Revision = string | undefined;

/** What a commit tells all pages and workers on its database. No values. Null equals none: of a commit whose outcome is not known, or that left none. */
export interface Commit {
  /** The revision that it found. Who has not heard of that one has missed something. */
  readonly from: Revision | null;
  readonly to: Revision | null;
  readonly touched?: readonly Touched[];
}

type Load = () => Promise<Revision>;

/** The databases, by their names, on whose commits this page listens. */
const HUBS = new Map<string, Hub>();

/** Tells of a commit: this page at once, all others by a message, whether or not somebody listens here. */
export function tell(name: string, commit: Commit): void {
  const hub = HUBS.get(name);
  hub?.hear(commit);
  const channel = hub?.channel ?? openChannel(name);
  channel?.postMessage(commit);
  if (channel !== hub?.channel) channel?.close();
}

/** Adds a listener; `load` reads the revision from the database. Returns what ends it. */
export function listen(name: string, listener: CommitListener, load: Load): () => void {
  const hub = HUBS.get(name) ?? new Hub(name);
  HUBS.set(name, hub);
  const own: CommitListener = (touched) => listener(touched); // so that the same function can be added twice
  hub.listeners.set(own, load);
  void hub.compare(load, true);
  return () => {
    hub.listeners.delete(own);
    if (hub.listeners.size > 0 || HUBS.get(name) !== hub) return;
    HUBS.delete(name);
    hub.end();
  };
}

/** Has the listeners look at everything again if they may have missed something. */
export function compare(name: string): void {
  void HUBS.get(name)?.compare();
}

/** The listeners of this page on one database. There is at least one. */
class Hub {
  readonly listeners: Map<CommitListener, Load> = new Map();
  channel: BroadcastChannel | undefined;
  readonly #name: string;
  readonly #ended = new AbortController();
  /** The revision that was heard of last; null: not known. */
  #heard: Revision | null = null;

  constructor(name: string) {
    this.#name = name;
    this.#open();
    // Workers have none of these events. The last one reaches the window too.
    for (const type of ['pagehide', 'pageshow', 'visibilitychange'])
      globalThis.addEventListener?.(type, this.#onPage, { signal: this.#ended.signal });
  }

  hear({ from, to, touched }: Commit): void {
    const inStep = from === this.#heard;
    this.#heard = to;
    this.#call(inStep ? touched : undefined);
  }

  /** Compares the database's revision with the last one heard of. The first time for a listener only finds out where it starts from. */
  async compare(load: Load | undefined = [...this.listeners.values()][0], isFirst = false): Promise<void> {
    const now = await load?.().catch(() => null);
    if (now === null || now === this.#heard) return;
    const starts = isFirst && this.#heard === null;
    this.#heard = now;
    if (!starts) this.#call(undefined);
  }

  end(): void {
    this.#ended.abort();
    this.channel?.close();
  }

  #open(): void {
    this.channel ??= openChannel(this.#name);
    if (this.channel) this.channel.onmessage = ({ data }: MessageEvent<Commit>) => this.hear(data);
  }

  #call(touched: readonly Touched[] | undefined): void {
    for (const listener of this.listeners.keys()) listener(touched);
  }

  // An open channel would keep a page out of the back/forward cache. What a page misses there, or while it is frozen, the revision tells.
  readonly #onPage = ({ type }: Event): void => {
    if (type === 'pagehide') {
      this.channel?.close();
      this.channel = undefined;
    } else if (document.visibilityState === 'visible') {
      this.#open();
      void this.compare();
    }
  };
}

/** Undefined where there are none: there only this page hears of its commits, and of others' when it looks at the revision. */
function openChannel(name: string): BroadcastChannel | undefined {
  if (!globalThis.BroadcastChannel) return undefined;
  const channel = new BroadcastChannel(`sealkv:${name}`);
  (channel as { unref?(): void }).unref?.(); // in Node it would keep the process alive
  return channel;
}
