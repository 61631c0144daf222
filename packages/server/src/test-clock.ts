const MS_BY_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The time of a server in this process. It is the given clock's until it is moved, and from then on runs as far ahead of it, or behind it, as it was moved. */
export class TestClock {
  readonly #clock: () => number;
  #offset = 0;

  /** `'frozen'`: it stands still at the present moment, and only moves when it is moved. */
  constructor(clock: (() => number) | 'frozen' = () => Date.now()) {
    const start = Date.now();
    this.#clock = clock === 'frozen' ? () => start : clock;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#clock() + this.#offset;
  }

  /**
   * Makes it this time, in milliseconds since 1970 if it is a number. Earlier than it is now is fine.
   * @throws TypeError if it is no time
   */
  set(time: number | Date): void {
    const ms = Number(time);
    if (!Number.isFinite(ms)) throw new TypeError(`not a time: ${String(time)}`);
    this.#offset = ms - this.#clock();
  }

  /**
   * Makes it later by so much: milliseconds, or `'25h'`, `'1h30m'`, `'90s'`, `'500ms'`, `'30d'`.
   * @throws TypeError if it is no duration, or a negative one
   */
  advance(by: number | string): void {
    const ms = typeof by === 'number' ? by : parseDuration(by);
    if (!Number.isFinite(ms) || ms < 0) throw new TypeError(`not a duration: ${by}; such as '25h', '1h30m', or milliseconds`);
    this.#offset += ms;
  }
}

/** In milliseconds; NaN if it is none. */
function parseDuration(text: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return NaN;
  const parts = Array.from(text.matchAll(/([\d.]+)([a-z]+)/g), ([, amount, unit]) => Number(amount) * MS_BY_UNIT[unit!]!);
  return Math.round(parts.reduce((sum, part) => sum + part, 0));
}
