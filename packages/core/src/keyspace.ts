/**
 * Every key of a store, built here and nowhere else. The owners:
 *
 * ```text
 * m/<mount path>                            one mount's entry: id, KV version, configuration, key check
 * p/<mount id>                              the id of a mount that was unmounted, whose data is still to be removed
 * d/<mount id>/h/<secret path>              a secret's head: what decisions need, and the sealed custom metadata
 * d/<mount id>/i/<incarnation>/g<page>      a closed page of version entries
 * d/<mount id>/i/<incarnation>/v<version>   one version's sealed value
 * ```
 *
 * Values and pages lie under the incarnation and not under the path: deleting a secret's metadata is one point delete and one range, an
 * orphan is recognisable, and a secret could be moved without touching them. `x/` is kept free for `packages/http`.
 */

const MOUNTS = 'm/';
const PURGES = 'p/';
const DATA = 'd/';

export const mountsPrefix: string = MOUNTS;
export const purgesPrefix: string = PURGES;
export const dataPrefix: string = DATA;

export function mountKey(mountPath: string): string {
  return MOUNTS + mountPath;
}

export function purgeKey(mountId: string): string {
  return PURGES + mountId;
}

/** Everything that belongs to one mount's data. */
export function mountDataPrefix(mountId: string): string {
  return `${DATA}${mountId}/`;
}

export function headsPrefix(mountId: string): string {
  return `${DATA}${mountId}/h/`;
}

export function headKey(mountId: string, path: string): string {
  return headsPrefix(mountId) + path;
}

/** The secret's path, if this is a head's key, of whatever mount. */
export function pathOfHead(key: string): string | undefined {
  return /^d\/[^/]*\/h\/(.+)$/s.exec(key)?.[1];
}

export function incarnationsPrefix(mountId: string): string {
  return `${DATA}${mountId}/i/`;
}

export function incarnationPrefix(mountId: string, incarnation: string): string {
  return `${incarnationsPrefix(mountId)}${incarnation}/`;
}

export function pageKey(mountId: string, incarnation: string, page: number): string {
  return `${incarnationPrefix(mountId, incarnation)}g${orderedNumber(page)}`;
}

export function payloadKey(mountId: string, incarnation: string, version: number): string {
  return `${incarnationPrefix(mountId, incarnation)}v${orderedNumber(version)}`;
}

/** Whether a range lies below the incarnations of one mount, so that there is no head in it. */
export function isBelowIncarnations({ from, to }: { readonly from: string; readonly to: string }): boolean {
  const prefix = /^d\/[^/]*\/i\//.exec(from)?.[0];
  return prefix !== undefined && (to.startsWith(prefix) || to === `${prefix.slice(0, -1)}0`);
}

/** Hexadecimal with its length in front, so that the keys' order is the numbers' order: 9 → `19`, 16 → `210`. */
export function orderedNumber(n: number): string {
  const digits = n.toString(16);
  return digits.length.toString(16) + digits;
}

/** The number at the end of a key, as {@link orderedNumber} wrote it. */
export function parseOrderedNumber(text: string): number {
  return parseInt(text.slice(1), 16);
}
