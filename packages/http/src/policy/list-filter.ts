import { badRequest } from '../api-error.ts';
import type { Out } from '../json-out.ts';
import type { Reply } from '../reply.ts';
import type { Acl } from './acl.ts';
import { decideAccess } from './acl.ts';
import { compileFilterPath } from './filter-path.ts';

export interface ListFilter {
  readonly acl: Acl;
  /** What paths begin with in the caller's policies. */
  readonly prefix: string;
  /** The template of the path that decides about a key. */
  readonly template: string;
  /** Where the list is: the path behind `/v1/`, which ends in a slash. */
  readonly path: string;
  /** Whether a path takes `sudo`. */
  needsSudo(path: string): boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Of the answer to a list or scan, the keys that the caller could read, or list if they are folders (OpenBao
 * vault/request_handling_list_filtering.go).
 * @throws ApiError 400 if there is something in the answer of which it is not known to which key it belongs
 */
export function filterKeys(reply: Reply, { acl, prefix, template, path, needsSudo, now }: ListFilter): Reply {
  if (reply?.kind !== 'data' || reply.data === null) return reply;
  const { keys, key_info: info, ...rest } = membersOf(reply.data);
  if (keys === undefined && Object.keys(rest).length === 0) return reply;
  if (!Array.isArray(keys) || Object.keys(rest).length > 0) throw badRequest('what is listed here cannot be filtered, as the policy demands');

  const pathOf = compileFilterPath(template);
  const seen = (keys as readonly string[]).filter((key) => {
    const checked = pathOf(path, key);
    if (checked === undefined) return false;
    const operation = key.endsWith('/') ? 'list' : 'read';
    const { allowed, sudo } = decideAccess(acl, { operation, path: prefix + checked, input: new Map(), now });
    return allowed && (sudo || !needsSudo(checked));
  });
  // As a list of nothing is.
  if (seen.length === 0) return { ...reply, data: {} };
  const infoByKey = info === undefined ? undefined : membersOf(info);
  const infoOfSeen = infoByKey && new Map(seen.flatMap((key) => (Object.hasOwn(infoByKey, key) ? [[key, infoByKey[key]!] as const] : [])));
  return { ...reply, data: { ...(infoOfSeen && { key_info: infoOfSeen }), keys: seen } };
}

function membersOf(out: Out): { readonly [name: string]: Out } {
  return out instanceof Map
    ? (Object.fromEntries(out as ReadonlyMap<string, Out>) as { readonly [name: string]: Out })
    : (out as { readonly [name: string]: Out });
}
