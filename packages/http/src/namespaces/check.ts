import type { ReadTx } from '@sealkv/core';
import type { StoreOwner, StoreProblem } from '@sealkv/core/check';
import { below, dyingNamespaceKey, namespaceKey, ownNamespaceKey } from '../records.ts';
import { loadNamespaces, loadOwnNamespace } from './namespace-entry.ts';

const prefix = 'x/n/';

/** Which namespaces there are, and which one this is. */
export const namespaceRecords: StoreOwner = { prefix, check: checkNamespaces };

/** Every namespace has an object of its own, and none that is in use is on the list of those that are to be emptied. */
async function checkNamespaces(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const problems: StoreProblem[] = [];
  await loadOwnNamespace(tx); // it decodes
  const nameById = new Map<string, string>();
  for (const [name, { id }] of await loadNamespaces(tx)) {
    const other = nameById.get(id);
    if (other !== undefined) problems.push({ kind: 'inconsistent', key: namespaceKey(name), detail: `shares its object with ${other}` });
    nameById.set(id, name);
  }
  for (const key of await tx.scanKeys(below(prefix))) {
    const dying = key.startsWith(dyingNamespaceKey('')) ? nameById.get(key.slice(dyingNamespaceKey('').length)) : undefined;
    if (dying !== undefined) problems.push({ kind: 'inconsistent', key, detail: `is to be emptied, but is the object of ${dying}` });
    const isKnown = key === ownNamespaceKey || key.startsWith(namespaceKey('')) || key.startsWith(dyingNamespaceKey(''));
    if (!isKnown) problems.push({ kind: 'orphan', key, detail: 'is of no known kind' });
  }
  return problems;
}
