import { METHODS } from 'node:http';
import { Refusal } from './request-framing.ts';

// What can be carried on; the API itself refuses those that mean nothing to it. CONNECT asks for a tunnel.
const KNOWN_METHODS = new Set(METHODS.filter((method) => method !== 'CONNECT'));
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['LIST', 'list'],
  ['SCAN', 'scan'],
]);

/**
 * The request as an HTTP library can carry it: `LIST /p` becomes `GET /p?list=true`, SCAN alike; an absolute target loses its origin, bytes
 * beyond ASCII are percent-encoded. What a URL parser would resolve on its way (`.`, `..`, `\`) is refused here, where it can still be seen.
 * @throws Refusal 400, 405
 */
export function rewriteRequest(method: string, target: string): { method: string; target: string } {
  const flag = FLAGS.get(method);
  if (flag === undefined && !KNOWN_METHODS.has(method)) throw new Refusal(405, 'unsupported operation');
  const local = target.replace(/^https?:\/\/[^/?]*\/?/i, '/');
  if (!local.startsWith('/') || local.includes('#')) throw new Refusal(400, 'malformed request target');

  const [path, query] = splitOnce(local.replace(/[\x80-\xff]/g, percentEncode), '?');
  const isRelative = path.includes('\\') || path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
  if (isRelative) throw new Refusal(400, 'relative paths not supported');
  if (flag === undefined) return { method, target: query === undefined ? path : `${path}?${query}` };

  // The verb decides: a `list=false` that came with it has no say.
  const others = (query ?? '').split('&').filter((part) => part !== '' && !['list', 'scan'].some((name) => new URLSearchParams(part).has(name)));
  return { method: 'GET', target: `${path}?${[...others, `${flag}=true`].join('&')}` };
}

function percentEncode(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
