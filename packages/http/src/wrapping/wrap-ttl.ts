import { badRequest } from '../api-error.ts';
import type { RequestHead } from '../request.ts';
import { header } from '../request.ts';
import { parseDuration } from '../time.ts';

/**
 * For how many seconds the answer is to be wrapped (`X-Vault-Wrap-TTL`, in seconds or as a duration); undefined: it is not. Who asks for less than a
 * second gets one: an answer that was to be wrapped is never given in the open.
 * @throws ApiError 400 in OpenBao's words
 */
export function wrapTtlOf(head: RequestHead): number | undefined {
  const text = header(head, 'x-vault-wrap-ttl') ?? '';
  if (text === '') return undefined;
  const seconds = parseDuration(text);
  if (seconds === undefined) throw badHeader(problemOf(text));
  if (seconds < 0 || (seconds === 0 && text.startsWith('-') && hasDigit(text))) throw badHeader('requested wrap ttl cannot be negative');
  if (seconds === 0 && !hasDigit(text)) return undefined;
  if (header(head, 'x-vault-wrap-format') === 'jwt') throw badRequest('wrapping tokens are not made as JWTs: leave out X-Vault-Wrap-Format');
  return Math.max(1, seconds);
}

const badHeader = (problem: string): Error => badRequest(`error parsing X-Vault-Wrap-TTL header: ${problem}`);

function problemOf(text: string): string {
  if (/^[+-]?\d+$/.test(text)) return 'multiplication of durations resulted in overflow, one operand may be too large';
  return /^[+-]?(?:\d+\.\d*|\.\d+)$/.test(text)
    ? `time: missing unit in duration ${JSON.stringify(text)}`
    : `time: invalid duration ${JSON.stringify(text)}`;
}

/** Whether it is more than zero. */
function hasDigit(text: string): boolean {
  return /[1-9]/.test(text);
}
