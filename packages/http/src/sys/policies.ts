import type { ReadTx } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import type { Values } from '../fields.ts';
import type { Out } from '../json-out.ts';
import { scanOrder } from '../kv/scan-order.ts';
import { canonicalName } from '../policy/names.ts';
import type { PolicyRecord } from '../policy/policy-store.ts';
import { deletePolicy, loadPolicies, loadPolicy, putPolicy } from '../policy/policy-store.ts';
import { checkChangeable, decidePolicyWrite, policyEndOf, policyNameOf, policyTextOf } from '../policy/policy-write.ts';
import type { Reply } from '../reply.ts';
import { data } from '../reply.ts';
import type { Call } from '../route.ts';
import { formatTime } from '../time.ts';

/*
 * Policies as `sys/policies/acl` and the older `sys/policy` have them in common.
 */

export const policyFields = {
  policy: { type: 'string', about: 'The text, in HCL or JSON, as it is or as base64.' },
  cas: { type: 'int', about: 'Write only if this is the version; 0 or -1: only if there is none.' },
  cas_required: { type: 'bool', about: 'From now on writes need `cas`.' },
  ttl: { type: 'duration', about: 'For how long the policy counts.' },
  expiration: { type: 'time', about: 'Until when the policy counts.' },
  allow_wildcards_in_identity_templates: { type: 'bool', about: 'Kept and told; there are no entities here.' },
  allow_slashes_in_identity_templates: { type: 'bool', about: 'Kept and told; there are no entities here.' },
} as const;

type PolicyValues = Values<typeof policyFields>;

/** Everybody has it, it has no text, and nobody can change it. */
const ROOT_POLICY: PolicyRecord = { text: '', version: 0, modifiedAt: 0, casRequired: false };
/** Not told of: it is given to no token but wrapping tokens. */
const HIDDEN = 'response-wrapping';

/** The policies below a folder, or all, as OpenBao lists them: `root` last, and in the root namespace only. */
export async function listPolicies(
  { services, store }: Pick<Call, 'services' | 'store'>,
  folder: string,
): Promise<ReadonlyMap<string, PolicyRecord>> {
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
  const found = await store.read((tx) => loadPolicies(tx, prefix, services.clock()));
  const names = [...found.keys()].filter((name) => name !== HIDDEN).sort();
  const listed = new Map(scanOrder(names.map((name) => name.slice(prefix.length))).map((name) => [prefix + name, found.get(prefix + name)!]));
  if (prefix === '' && services.namespaceId === undefined) listed.set('root', ROOT_POLICY);
  return listed;
}

/** A policy as it is shown; undefined if there is none of the name. */
export async function readPolicy(
  { services, store }: Pick<Call, 'services' | 'store'>,
  sent: string,
): Promise<{ readonly [name: string]: Out } | undefined> {
  const name = canonicalName(sent);
  const record = await store.read((tx) => loadShown(tx, name, services.clock()));
  return record && policyOut(name, record);
}

/** @throws ApiError 400 */
export async function writePolicy(
  { services, store }: Pick<Call, 'services' | 'store'>,
  sent: string,
  values: PolicyValues,
  { warnings: more = [] }: { readonly warnings?: readonly string[] } = {},
): Promise<Reply> {
  const { name, warnings } = policyNameOf(sent);
  const now = services.clock();
  const expiresAt = policyEndOf(values, now);
  const text = policyTextOf(values.policy ?? '');
  checkChangeable(name, 'update');
  const write = { text, expiresAt, casRequired: values.cas_required ?? false, cas: values.cas, ...templatesOf(values, undefined) };
  await store.write(async (tx) => {
    const after = decidePolicyWrite(await loadPolicy(tx, name, now), write, now);
    return { result: undefined, writes: [putPolicy(name, after)] };
  });
  const all = [...warnings, ...more];
  return all.length === 0 ? undefined : data(null, { warnings: all });
}

/** Changes what is given of a policy that is there. @throws ApiError 400 */
export async function patchPolicy({ services, store }: Pick<Call, 'services' | 'store'>, sent: string, values: PolicyValues): Promise<Reply> {
  const { name, warnings } = policyNameOf(sent);
  const now = services.clock();
  const expiresAt = policyEndOf(values, now);
  const text = values.policy === undefined ? undefined : policyTextOf(values.policy);
  checkChangeable(name, 'update');
  await store.write(async (tx) => {
    const before = await loadPolicy(tx, name, now);
    if (before === undefined) throw badRequest('policy not found');
    const patched = {
      text: text ?? before.text,
      expiresAt: expiresAt ?? before.expiresAt,
      casRequired: values.cas_required ?? before.casRequired,
      // What is patched has just been read, so even where `cas` is required there need not be one.
      cas: values.cas ?? before.version,
      ...templatesOf(values, before),
    };
    return { result: undefined, writes: [putPolicy(name, decidePolicyWrite(before, patched, now))] };
  });
  return data(null, { warnings });
}

/** @throws ApiError 400 */
export async function removePolicy({ store }: Pick<Call, 'store'>, sent: string): Promise<Reply> {
  const name = canonicalName(sent);
  checkChangeable(name, 'delete');
  await store.write(async () => ({ result: undefined, writes: [deletePolicy(name)] }));
  return undefined;
}

export function policyOut(name: string, record: PolicyRecord): { readonly [name: string]: Out } {
  return {
    allow_slashes_in_identity_templates: record.allowSlashesInTemplates ?? false,
    allow_wildcards_in_identity_templates: record.allowWildcardsInTemplates ?? false,
    cas_required: record.casRequired,
    ...(record.expiresAt !== undefined && { expiration: formatTime(record.expiresAt) }),
    ...(record.modifiedAt > 0 && { modified: formatTime(record.modifiedAt) }),
    name,
    policy: record.text,
    version: record.version,
  };
}

async function loadShown(tx: ReadTx, name: string, now: number): Promise<PolicyRecord | undefined> {
  return name === 'root' ? ROOT_POLICY : loadPolicy(tx, name, now);
}

function templatesOf(
  values: PolicyValues,
  before: PolicyRecord | undefined,
): Pick<PolicyRecord, 'allowWildcardsInTemplates' | 'allowSlashesInTemplates'> {
  return {
    allowWildcardsInTemplates: values.allow_wildcards_in_identity_templates ?? before?.allowWildcardsInTemplates,
    allowSlashesInTemplates: values.allow_slashes_in_identity_templates ?? before?.allowSlashesInTemplates,
  };
}
