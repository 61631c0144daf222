import type { ReadTx } from '@sealkv/core';
import { badRequest } from '../../api-error.ts';
import type { Values } from '../../fields.ts';
import { loadPolicy } from '../../policy/policy-store.ts';
import type { Reply } from '../../reply.ts';
import { data } from '../../reply.ts';
import type { Call } from '../../route.ts';
import { makeBatchToken } from '../../tokens/batch-token.ts';
import { credentialsOf } from '../../tokens/credentials.ts';
import { mintToken } from '../../tokens/mint.ts';
import type { AskedToken } from '../../tokens/new-token.ts';
import { planToken } from '../../tokens/new-token.ts';
import { putToken } from '../../tokens/token-entry.ts';
import { loadTokenRole } from '../../tokens/token-role.ts';
import { generationOf, isTaken } from '../../tokens/token-store.ts';
import { authOut } from '../auth-out.ts';

/** What every way of making a token takes. */
export const makingFields = {
  policies: { type: 'wholeStrings', about: 'The policies it gets; none: those of the token that makes it.' },
  ttl: { type: 'string', about: 'For how long it lives: `90`, `1h30m`.' },
  lease: { type: 'string', about: 'An old name of `ttl`.' },
  explicit_max_ttl: { type: 'string', about: 'For how long it can be made to live.' },
  period: { type: 'string', about: 'It can be renewed for ever, by so much at a time.' },
  num_uses: { type: 'int', about: 'How many requests it is good for; 0: any number.' },
  renewable: { type: 'bool', about: 'Whether it can be renewed; yes unless told otherwise.' },
  type: { type: 'string', about: '`service`, or `batch`: not stored, and so neither renewed nor revoked.' },
  no_parent: { type: 'bool', about: 'It does not end with the token that makes it.' },
  no_default_policy: { type: 'bool', about: 'Without the policy `default`.' },
  display_name: { type: 'string', about: 'For people.' },
  meta: { type: 'texts', about: 'Names and texts of your own.' },
  id: { type: 'string', about: 'A text to be the token.' },
  entity_alias: { type: 'string', about: 'There are no entities here, so there is none to name.' },
} as const;

type MakingFields = typeof makingFields;

/** How many tokens one can descend from: each request looks at all of them. */
const MAX_GENERATION = 100;

/**
 * Makes a token as a child of the caller's, or an orphan. It is stored, if at all, in the transaction that admitted the caller.
 * @throws ApiError 400
 */
export async function makeToken(
  { services, store, admission, path, input, values }: Call<MakingFields>,
  { role: roleName, orphan = false }: { readonly role?: string; readonly orphan?: boolean } = {},
): Promise<Reply> {
  const asked = askedToken(values, input.get('meta') === 'null');
  const minted = await mintToken(services, asked.id === '' ? undefined : asked.id);
  const isRootToken = asked.id !== '' && (await credentialsOf(asked.id, services))?.kind === 'root';

  const { entry, warnings } = await store.write(async (tx) => {
    const { accesses, ...parent } = admission.caller;
    const now = services.clock();
    const role = roleName === undefined ? undefined : await loadTokenRole(tx, roleName);
    if (roleName !== undefined && role === undefined) throw badRequest(`unknown role ${roleName}`);
    const isSudo = accesses.every(({ sudo }) => sudo);
    const plan = planToken({ asked, parent, isSudo, fromOutside: parent.fromOutside === true, role, orphan, path, now });
    if (asked.id !== '' && services.namespaceId !== undefined) throw badRequest('token IDs can only be manually specified in the root namespace');
    if (isRootToken || (asked.id !== '' && (await isTaken(tx, minted.hash)))) throw badRequest('cannot create a token with a duplicate ID');
    if (plan.entry.parent !== undefined && (await generationOf(tx, parent.entry)) >= MAX_GENERATION)
      throw badRequest(`a token can descend from at most ${MAX_GENERATION} others; make an orphan`);

    const missing = await missingPolicies(tx, plan.entry.policies, now);
    const result = { entry: plan.entry, warnings: [...plan.warnings, ...missing.map((name) => `Policy "${name}" does not exist`)] };
    const writes = plan.entry.type === 'batch' ? [] : putToken(minted.hash, { ...plan.entry, accessor: minted.accessor });
    return { result, writes };
  });

  if (entry.type !== 'batch') return data(null, { warnings, auth: authOut(minted.id, { ...entry, accessor: minted.accessor }, entry.creationTtl) });
  // All that is known of it is in its text, which takes WebCrypto and so comes after the transaction. If its parent has ended by now, so has it.
  const batch = { ...entry, accessor: '' };
  return data(null, { warnings, auth: authOut(await makeBatchToken(batch, services), batch, entry.creationTtl) });
}

async function missingPolicies(tx: ReadTx, names: readonly string[], now: number): Promise<string[]> {
  const records = await Promise.all(names.map((name) => loadPolicy(tx, name, now)));
  return names.filter((name, i) => name !== 'root' && records[i] === undefined);
}

function askedToken(values: Values<MakingFields>, hasNullMeta: boolean): AskedToken {
  return {
    policies: values.policies ?? [],
    noDefaultPolicy: values.no_default_policy ?? false,
    type: values.type ?? '',
    ttl: values.ttl ?? '',
    lease: values.lease ?? '',
    explicitMaxTtl: values.explicit_max_ttl ?? '',
    period: values.period ?? '',
    numUses: values.num_uses ?? 0,
    renewable: values.renewable ?? true,
    displayName: values.display_name ?? '',
    meta: values.meta === undefined || hasNullMeta ? undefined : Object.fromEntries(values.meta),
    noParent: values.no_parent ?? false,
    id: values.id ?? '',
    entityAlias: values.entity_alias ?? '',
  };
}
