import type { Api } from '@sealkv/http';

const MAX_DELAY_MS = 2 ** 31 - 1; // of a timer of Node
const RETRY_MS = 600_000;

/** An API whose housekeeping is done when it falls due. The timer keeps no process alive. */
export class KeptApi {
  readonly api: Api;
  readonly #clock: () => number;
  #timer: NodeJS.Timeout | undefined;
  #setFor = Infinity;
  #isClosed = false;

  constructor(open: (onDue: (at: number) => void) => Api, clock: () => number = () => Date.now()) {
    this.#clock = clock;
    this.api = open((at) => this.#tell(at));
  }

  /** Does all that is due. */
  async housekeeping(): Promise<void> {
    for (let due = await this.api.nextDue(); due !== undefined && due <= this.#clock(); due = await this.api.nextDue()) await this.#round();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #round(): Promise<void> {
    this.#setFor = Infinity;
    const { nextDue } = await this.api.housekeeping();
    if (nextDue !== undefined) this.#tell(nextDue);
  }

  /** Something falls due at this time, in milliseconds since 1970. */
  #tell(at: number): void {
    if (at >= this.#setFor || this.#isClosed) return;
    this.#setFor = at;
    clearTimeout(this.#timer);
    // At least a second, so that requests come in between.
    const delay = Math.min(Math.max(at - this.#clock(), 1000), MAX_DELAY_MS);
    this.#timer = setTimeout(() => void this.#round().catch(() => this.#tell(this.#clock() + RETRY_MS)), delay).unref();
  }
}
