import type { KvStore, ReadTx, Write } from '@sealkv/core';
import { purgesPrefix } from '@sealkv/core';
import { isManyth, nextAuditDue, sweepAudit } from './audit/audit-log.ts';
import { expiryOf } from './auth/approle/secret-id-entry.ts';
import { nextSecretIdDue, purgeAuthMounts, sweepExpiredSecretIds } from './auth/housekeeping.ts';
import { purgeCubbyholes } from './cubbyhole/cubbyhole-store.ts';
import type { Chore } from './housekeeping.ts';
import {
  auditDeviceKey,
  authPurgesPrefix,
  below,
  dyingNamespaceKey,
  endedCubbyholesPrefix,
  expiriesPrefix,
  leftoverKey,
  parseExpiryKey,
} from './records.ts';
import { sweepTokens } from './tokens/housekeeping.ts';

// What one transaction removes at most. A token is several records.
const MAX_RECORDS = 1000;
const MAX_TOKENS = 200;

const MINUTE = 60_000;
const LONG_AGO = 0;

const unmounted: Chore = {
  about: 'The data of mounts that were too large to be removed at once.',
  ...list(purgesPrefix),
  run: ({ mounts }) => mounts.purge({ limit: MAX_RECORDS }),
};

const authMounts: Chore = {
  about: 'What auth mounts kept that were too large to be removed at once.',
  ...list(authPurgesPrefix),
  run: ({ store }) => write(store, (tx) => purgeAuthMounts(tx, MAX_RECORDS)),
};

const secretIds: Chore = {
  about: 'Secret ids that have expired. They are good for nothing any more; this is about their records.',
  nextDue: async (tx) => wholeMinute(await nextSecretIdDue(tx)),
  dueAfter: (key) => wholeMinute(expiryOf(key)),
  run: ({ store }, now) => write(store, (tx) => sweepExpiredSecretIds(tx, now, MAX_TOKENS)),
};

const cubbyholes: Chore = {
  about: 'The cubbyholes of tokens that have ended.',
  ...list(endedCubbyholesPrefix),
  run: ({ store }) => write(store, (tx) => purgeCubbyholes(tx, MAX_RECORDS)),
};

const leftovers = list(leftoverKey(''));

const tokens: Chore = {
  about: 'Tokens that have expired, and what is left of large families. They are valid no more; this is about their records.',
  nextDue: async (tx, now) => {
    const [next] = await tx.scanKeys({ ...below(expiriesPrefix), limit: 1 });
    return (await leftovers.nextDue(tx, now)) ?? (next === undefined ? undefined : sweptAt(next));
  },
  dueAfter: (key) => leftovers.dueAfter(key) ?? (key.startsWith(expiriesPrefix) ? sweptAt(key) : undefined),
  run: ({ store }, now) => write(store, (tx) => sweepTokens(tx, now, MAX_TOKENS)),
};

const auditRecords: Chore = {
  about: 'Records of requests that are too old or too many.',
  nextDue: nextAuditDue,
  dueAfter: (key) => (key === auditDeviceKey || isManyth(key) ? LONG_AGO : undefined),
  run: ({ store }, now) => write(store, (tx) => sweepAudit(tx, now, MAX_RECORDS)),
};

const dyingNamespaces: Chore = {
  about: 'What is left of namespaces that were removed.',
  ...list(dyingNamespaceKey('')),
  async run({ store, namespaces }) {
    const prefix = dyingNamespaceKey('');
    const [key] = await store.read((tx) => tx.scanKeys({ ...below(prefix), limit: 1 }));
    if (key === undefined || namespaces === undefined) return;
    if (await namespaces.end(key.slice(prefix.length))) await write(store, async () => [{ kind: 'delete', key }]);
  },
};

/** All that is done later. */
export const CHORES: readonly Chore[] = [unmounted, authMounts, cubbyholes, tokens, secretIds, auditRecords, dyingNamespaces];

/** Work of which each piece is a record under a prefix, due as soon as it is there. */
function list(prefix: string): Pick<Chore, 'nextDue' | 'dueAfter'> {
  return {
    nextDue: async (tx) => ((await tx.scanKeys({ ...below(prefix), limit: 1 })).length > 0 ? LONG_AGO : undefined),
    dueAfter: (key) => (key.startsWith(prefix) ? LONG_AGO : undefined),
  };
}

function write(store: KvStore, body: (tx: ReadTx) => Promise<readonly Write[]>): Promise<void> {
  return store.write(async (tx) => ({ result: undefined, writes: await body(tx) }));
}

function sweptAt(expiryKey: string): number {
  return wholeMinute(parseExpiryKey(expiryKey).expiresAt);
}

/** All that expire within a minute are swept together. */
function wholeMinute<T extends number | undefined>(time: T): T {
  return (time === undefined ? time : Math.ceil(time / MINUTE) * MINUTE) as T;
}
