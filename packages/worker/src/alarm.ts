// An alarm that is due already waits so long, so that requests come in between.
const PAUSE_MS = 1000;

/**
 * When an object is to be woken: at the earliest of the times that it was told. Costs a write only where that is earlier than what it is set for. What it
 * knows is in memory: after a restart it has to be told again.
 */
export class Alarm {
  readonly #schedule: (at: number) => Promise<void>;
  #told = Infinity;
  #setFor = Infinity;

  /** `schedule` sets the alarm of the object, in place of the one that is set. */
  constructor(schedule: (at: number) => Promise<void>) {
    this.#schedule = schedule;
  }

  /** In milliseconds since 1970. Nothing is set yet. */
  tell(at: number): void {
    this.#told = Math.min(this.#told, at);
  }

  /** Sets it for what it was told. */
  async set(): Promise<void> {
    const told = this.#told;
    this.#told = Infinity;
    const at = Math.max(told, Date.now() + PAUSE_MS);
    if (at >= this.#setFor || told === Infinity) return;
    try {
      await this.#schedule(at);
      this.#setFor = at;
    } catch (error) {
      this.tell(told);
      throw error;
    }
  }

  wentOff(): void {
    this.#setFor = Infinity;
  }
}
