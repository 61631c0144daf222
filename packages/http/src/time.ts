/** Milliseconds since 1970 as Go's RFC3339Nano writes them: UTC, no trailing zeros. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z');
}

/** Whole seconds as Go writes a duration: `3h25m19s`, `30s`, `0s`. */
export function formatDuration(seconds: number): string {
  const sign = seconds < 0 ? '-' : '';
  const total = Math.abs(seconds);
  const h = Math.floor(total / 3600);
  const m = Math.floor((total % 3600) / 60);
  const s = total % 60;
  return `${sign}${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${s}s`;
}

const SECONDS_BY_UNIT: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400 };
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
// Go keeps durations in 63 bits of nanoseconds.
const MAX_SECONDS = 9_223_372_036;

/**
 * A duration in whole seconds, fractions cut off: `90`, `"90"`, `"1h30m"`, `"2d"`, `""` (none); undefined if it is none of them.
 * (Go's `time.ParseDuration`, and days and plain seconds besides, as in hashicorp/go-secure-stdlib `parseutil`.)
 */
export function parseDuration(text: string): number | undefined {
  if (text === '') return 0;
  const plain = /^([+-]?\d+)(d?)$/.exec(text);
  if (plain) return within(Number(plain[1]) * (plain[2] === 'd' ? 86_400 : 1));
  const sign = text.startsWith('-') ? -1 : 1;
  PART.lastIndex = /^[+-]/.test(text) ? 1 : 0;
  let seconds = 0;
  while (PART.lastIndex < text.length) {
    const [, amount, unit] = PART.exec(text) ?? [];
    if (amount === undefined || unit === undefined) return undefined;
    seconds += Number(amount) * SECONDS_BY_UNIT[unit]!;
  }
  return PART.lastIndex > 0 && /\d/.test(text) ? within(Math.trunc(sign * (seconds + 1e-9))) : undefined;
}

function within(seconds: number): number | undefined {
  return Math.abs(seconds) <= MAX_SECONDS ? seconds + 0 : undefined;
}
