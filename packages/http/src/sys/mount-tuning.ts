import type { MountTuning } from '@sealkv/core';
import type { Tree } from '@sealkv/core/json';
import { badRequest } from '../api-error.ts';
import type { FieldOf, Values } from '../fields.ts';
import { parseDuration } from '../time.ts';
import { DEFAULT_TTL } from '../tokens/ttl.ts';

/*
 * What a mount, of secrets or of logins, is known by besides what it holds: as requests give it, in OpenBao's words (vault/logical_system.go).
 */

type TuningFields = {
  readonly default_lease_ttl: FieldOf<'string'>;
  readonly max_lease_ttl: FieldOf<'string'>;
  readonly listing_visibility: FieldOf<'string'>;
  readonly audit_non_hmac_request_keys: FieldOf<'strings'>;
  readonly audit_non_hmac_response_keys: FieldOf<'strings'>;
  readonly passthrough_request_headers: FieldOf<'strings'>;
  readonly allowed_response_headers: FieldOf<'strings'>;
};

/** The parameters of `tune` that are the same for every kind of mount. */
export const tuningFields: TuningFields = {
  default_lease_ttl: { type: 'string', about: 'How long leases and tokens live unless asked otherwise: a duration; `system`: as by default.' },
  max_lease_ttl: { type: 'string', about: 'How long they live at most: a duration; `system`: as by default.' },
  listing_visibility: { type: 'string', about: '`unauth`: listed for who has not logged in; `hidden` or empty: not.' },
  audit_non_hmac_request_keys: { type: 'strings', about: 'Kept and shown, of no effect: values of requests are always hashed in records.' },
  audit_non_hmac_response_keys: { type: 'strings', about: 'Kept and shown, of no effect: records hold nothing of answers.' },
  passthrough_request_headers: { type: 'strings', about: 'Kept and shown, of no effect.' },
  allowed_response_headers: { type: 'strings', about: 'Kept and shown, of no effect.' },
};

/**
 * The tuning of a new mount, from the `config` of the request that makes it. What `config` may hold besides is ignored.
 * @throws ApiError 400
 */
export function newTuning(config: ReadonlyMap<string, Tree> | 'null' | undefined): MountTuning {
  const given: ReadonlyMap<string, Tree> = config === undefined || config === 'null' ? new Map() : config;
  const text = (name: string): string => strictText(given.get(name));
  if (text('plugin_version') !== '') throw badRequest('there is no other version of a plugin than the one that is built in');
  const defaultLeaseTtl = leaseTtl(text('default_lease_ttl'), (problem) => `unable to parse default TTL of ${text('default_lease_ttl')}: ${problem}`);
  const maxLeaseTtl = leaseTtl(text('max_lease_ttl'), (problem) => `unable to parse max TTL of ${text('max_lease_ttl')}: ${problem}`);
  if (maxLeaseTtl !== undefined && (defaultLeaseTtl ?? 0) > maxLeaseTtl) throw badRequest('given default lease TTL greater than given max lease TTL');
  if (maxLeaseTtl === undefined && (defaultLeaseTtl ?? 0) > DEFAULT_TTL)
    throw badRequest(`given default lease TTL greater than system max lease TTL of ${DEFAULT_TTL}`);
  return {
    defaultLeaseTtl,
    maxLeaseTtl,
    forceNoCache: strictBool(given.get('force_no_cache')),
    listingVisibility: visibility(text('listing_visibility')),
    auditNonHmacRequestKeys: strictList(given.get('audit_non_hmac_request_keys')),
    auditNonHmacResponseKeys: strictList(given.get('audit_non_hmac_response_keys')),
    passthroughRequestHeaders: strictList(given.get('passthrough_request_headers')),
    allowedResponseHeaders: strictList(given.get('allowed_response_headers')),
  };
}

/**
 * The tuning that a mount has after a `tune`: what was not given, or as an empty TTL, stays.
 * @throws ApiError 400
 */
export function tuned(before: MountTuning, given: Values<TuningFields>): MountTuning {
  const ttl = (text: string | undefined, now: number | undefined): number | undefined => (text ? leaseTtl(text, (problem) => problem) : now);
  const list = (items: readonly string[] | undefined, now: readonly string[] | undefined): readonly string[] | undefined =>
    items === undefined ? now : items.length === 0 ? undefined : items;
  const defaultLeaseTtl = ttl(given.default_lease_ttl, before.defaultLeaseTtl);
  const maxLeaseTtl = ttl(given.max_lease_ttl, before.maxLeaseTtl);
  const changes = defaultLeaseTtl !== before.defaultLeaseTtl || maxLeaseTtl !== before.maxLeaseTtl;
  if (changes && defaultLeaseTtl !== undefined && maxLeaseTtl !== undefined && maxLeaseTtl < defaultLeaseTtl)
    throw badRequest(`backend max lease TTL of ${maxLeaseTtl} would be less than backend default lease TTL of ${defaultLeaseTtl}`);
  return {
    ...before,
    defaultLeaseTtl,
    maxLeaseTtl,
    listingVisibility: given.listing_visibility === undefined ? before.listingVisibility : visibility(given.listing_visibility),
    auditNonHmacRequestKeys: list(given.audit_non_hmac_request_keys, before.auditNonHmacRequestKeys),
    auditNonHmacResponseKeys: list(given.audit_non_hmac_response_keys, before.auditNonHmacResponseKeys),
    passthroughRequestHeaders: list(given.passthrough_request_headers, before.passthroughRequestHeaders),
    allowedResponseHeaders: list(given.allowed_response_headers, before.allowedResponseHeaders),
  };
}

/** Whole seconds; undefined where the system's are to count. `refusal` says it in the endpoint's words. */
function leaseTtl(text: string, refusal: (problem: string) => string): number | undefined {
  if (text === '' || text === 'system') return undefined;
  const seconds = parseDuration(text);
  if (seconds === undefined) throw badRequest(refusal(`time: invalid duration ${JSON.stringify(text)}`));
  if (seconds < 0) throw badRequest(refusal(`cannot provide negative value '${seconds}'`));
  return seconds || undefined;
}

function visibility(text: string): MountTuning['listingVisibility'] {
  if (text === '') return undefined;
  if (text === 'hidden' || text === 'unauth') return text;
  throw badRequest(`invalid listing_visibility ${text}`);
}

// What is inside of `config` is not read as loosely as parameters are.

function strictText(tree: Tree | undefined): string {
  if (tree === undefined || tree === 'null') return '';
  if (typeof tree !== 'string' || tree === 'true' || tree === 'false') throw unconvertible();
  return tree.startsWith('"') ? (JSON.parse(tree) as string) : tree;
}

function strictBool(tree: Tree | undefined): boolean | undefined {
  if (tree === undefined || tree === 'null' || tree === 'false') return undefined;
  if (tree === 'true') return true;
  throw unconvertible();
}

/** A list of texts, or the parts of a text between commas; undefined if there are none. */
function strictList(tree: Tree | undefined): readonly string[] | undefined {
  if (tree === undefined || tree === 'null') return undefined;
  const isText = (item: Tree): item is string => typeof item === 'string' && item.startsWith('"');
  if (isText(tree)) {
    const parts = strictText(tree).split(',');
    return parts.map((part) => part.trim());
  }
  if (!Array.isArray(tree) || !(tree as readonly Tree[]).every(isText)) throw unconvertible();
  return tree.length === 0 ? undefined : (tree as readonly Tree[]).map(strictText);
}

function unconvertible(): Error {
  return badRequest('unable to convert given mount config information');
}
