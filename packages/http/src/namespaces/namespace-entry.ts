import type { ReadTx, Write } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import { below, dyingNamespaceKey, namespaceKey, ownNamespaceKey, putRecord, readRecord } from '../records.ts';

/** A namespace in the registry of the root object, under its name. */
export interface NamespaceEntry {
  /** The id of its object. */
  readonly id: string;
  readonly uuid: string;
  readonly customMetadata: Readonly<Record<string, string>>;
}

/** What a namespace's own object knows of itself. */
export interface OwnNamespace {
  readonly id: string;
  /** Ends in a slash. */
  readonly path: string;
}

export async function loadNamespace(tx: ReadTx, name: string): Promise<NamespaceEntry | undefined> {
  const bytes = await tx.get(namespaceKey(name));
  return bytes && readRecord<NamespaceEntry>(bytes).facts;
}

export async function loadNamespaces(tx: ReadTx): Promise<ReadonlyMap<string, NamespaceEntry>> {
  const prefix = namespaceKey('');
  const entries = await tx.scan(below(prefix));
  return new Map(entries.map(({ key, value }) => [key.slice(prefix.length), readRecord<NamespaceEntry>(value).facts]));
}

export function putNamespace(name: string, entry: NamespaceEntry): Write {
  return putRecord(namespaceKey(name), entry);
}

/** Takes a namespace out of the registry; until its object is empty, its id is kept. */
export function deleteNamespace(name: string, { id }: NamespaceEntry): Write[] {
  return [{ kind: 'delete', key: namespaceKey(name) }, putRecord(dyingNamespaceKey(id), {})];
}

/** Which namespace this is; undefined if nothing has been written yet; `'ended'` once it was removed, for ever. */
export async function loadOwnNamespace(tx: ReadTx): Promise<OwnNamespace | 'ended' | undefined> {
  const bytes = await tx.get(ownNamespaceKey);
  if (bytes === undefined) return undefined;
  const own = readRecord<OwnNamespace | { readonly ended: true }>(bytes).facts;
  return 'ended' in own ? 'ended' : own;
}

export function putOwnNamespace(own: OwnNamespace | { readonly ended: true }): Write {
  return putRecord(ownNamespaceKey, own);
}

const RESERVED = ['root', 'sys', 'audit', 'auth', 'cubbyhole', 'identity'];

/**
 * The name of a namespace: one segment of a path. Namespaces of namespaces are not made here.
 * @throws ApiError 400
 */
export function parseNamespaceName(text: string): string {
  const name = text.replace(/\/$/, '');
  if (name === '') throw badRequest('namespace name cannot be empty');
  if (name.includes('/')) throw badRequest('namespace name cannot contain /');
  // Whatever the case or spaces around it: `Root` must never be taken for the root namespace.
  if (RESERVED.includes(name.trim().toLowerCase())) throw badRequest(`"${name}/" is a reserved path and cannot be used as a namespace name`);
  if (/\s/u.test(name)) throw badRequest(`"${name}" contains space characters that cannot be used in a namespace name`);
  if (/[+*]/.test(name)) throw badRequest(`"${name}" contains wildcard characters that cannot be used in a namespace name`);
  if (name === '.' || name === '..' || /[\p{C}%\\]/u.test(name))
    throw badRequest(`"${name}" contains characters that cannot be used in a namespace name`);
  return name;
}
