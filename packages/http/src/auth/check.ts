import type { Entry, ReadTx } from '@sealkv/core';
import type { StoreOwner, StoreProblem } from '@sealkv/core/check';
import { authDataPrefix, authMountsPrefix, authPurgeKey, authPurgesPrefix, below, forEachEntry, readRecord } from '../records.ts';
import type { Role } from './approle/role-entry.ts';
import type { SecretId } from './approle/secret-id-entry.ts';
import type { AuthMount, AuthType } from './auth-mount.ts';
import { listAuthMounts } from './auth-mount.ts';

/** Auth mounts, what they keep, and what is left of those that are gone. */
export const authRecords: readonly StoreOwner[] = [
  { prefix: authMountsPrefix, check: checkMounts },
  { prefix: 'x/a/', check: checkData },
  { prefix: authPurgesPrefix, check: checkPurges },
];

async function checkMounts(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const seen = new Set<string>();
  return (await listAuthMounts(tx)).flatMap(({ path, id }) => {
    const isKnown = seen.has(id);
    seen.add(id);
    return isKnown ? [{ kind: 'inconsistent' as const, key: authMountsPrefix + path, detail: 'shares its id with another mount' }] : [];
  });
}

async function checkPurges(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const ids = new Set((await listAuthMounts(tx)).map(({ id }) => id));
  const keys = await tx.scanKeys(below(authPurgesPrefix));
  return keys
    .filter((key) => ids.has(key.slice(authPurgesPrefix.length)))
    .map((key) => ({ kind: 'inconsistent', key, detail: 'is to be purged, but still mounted' }));
}

/** Every record is of a mount that is there or being purged, and leads to one that leads back. */
async function checkData(tx: ReadTx): Promise<readonly StoreProblem[]> {
  const mounts = new Map((await listAuthMounts(tx)).map((mount) => [mount.id, mount]));
  const problems: StoreProblem[] = [];
  await forEachEntry(tx, 'x/a/', async (entry) => {
    const id = entry.key.split('/')[2] ?? '';
    const mount = mounts.get(id);
    if (mount === undefined && (await tx.get(authPurgeKey(id))) !== undefined) return;
    const detail = mount === undefined ? 'belongs to no mount' : await problemOf(tx, mount, entry);
    if (detail !== undefined) problems.push({ kind: 'orphan', key: entry.key, detail });
  });
  return problems;
}

async function problemOf(tx: ReadTx, { id, type }: AuthMount, { key, value }: Entry): Promise<string | undefined> {
  const prefix = authDataPrefix(id);
  const [kind = '', first = '', second = ''] = key.slice(prefix.length).split('/');
  if (!KINDS[type].includes(kind)) return 'is of no known kind';
  const at = async <T>(suffix: string): Promise<T | undefined> => {
    const bytes = await tx.get(prefix + suffix);
    return bytes && readRecord<T>(bytes).facts;
  };
  const facts = <T>(): T => readRecord<T>(value).facts;
  switch (kind) {
    case 'l': // failures
      return (await at(`${type === 'userpass' ? 'u' : 'r'}/${first}`)) === undefined ? 'counts failures of nobody' : undefined;
    case 'r':
      return type === 'jwt' || (await at<{ name: string }>(`i/${facts<Role>().roleIdHash}`))?.name === first ? undefined : 'is not found by its id';
    case 'i':
      return (await at<Role>(`r/${facts<{ name: string }>().name}`))?.roleIdHash === first ? undefined : 'leads to no role with this id';
    case 's': {
      const { accessor } = facts<SecretId>();
      if ((await at(`r/${first}`)) === undefined) return 'belongs to no role';
      return (await at<{ hash: string }>(`c/${first}/${accessor}`))?.hash === second ? undefined : 'is not found by its accessor';
    }
    case 'c':
      return (await at<SecretId>(`s/${first}/${facts<{ hash: string }>().hash}`))?.accessor === second ? undefined : 'leads to no secret id';
    default:
      return undefined;
  }
}

// Secret ids by the time they expire (`e`) may lead to none: that of a role that is gone.
const KINDS: { readonly [T in AuthType]: readonly string[] } = {
  approle: ['c', 'e', 'i', 'l', 'r', 's'],
  jwt: ['config', 'r'],
  userpass: ['l', 'u'],
};
