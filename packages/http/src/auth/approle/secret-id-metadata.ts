import { parseTree } from '@sealkv/core/json';
import { badRequest } from '../../api-error.ts';

const FORMAT = 'failed to parse metadata: failed to parse the input: invalid <key,value> format';

/**
 * The metadata of a secret id: a text that is a JSON object of texts, or `a=b,c=d` (hashicorp/go-secure-stdlib strutil `ParseArbitraryKeyValues`).
 * @throws ApiError 400
 */
export function parseMetadata(text: string): Readonly<Record<string, string>> {
  const trimmed = text.trim();
  if (trimmed === '') return {};
  const entries = trimmed.startsWith('{') ? ofJson(trimmed) : trimmed.split(',').map(pair);
  return Object.fromEntries(entries);
}

function ofJson(text: string): (readonly [string, string])[] {
  try {
    return Array.from(parseTree(text, { maxBytes: Infinity, maxDepth: 4 }) as ReadonlyMap<string, unknown>, ([name, member]) => {
      if (typeof member !== 'string' || !member.startsWith('"')) throw badRequest(FORMAT);
      return [name, JSON.parse(member) as string];
    });
  } catch {
    throw badRequest(FORMAT);
  }
}

function pair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(0, at)).trim();
  if (name === '') throw badRequest(FORMAT);
  return [name, text.slice(at + 1).trim()];
}
