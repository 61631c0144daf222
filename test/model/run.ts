import type { KvStore, PutResult, Secret, VersionInfo } from '@sealkv/core';
import { isSealKvError, plaintextSealer, SecretEngine } from '@sealkv/core';
import { checkStore } from '@sealkv/core/check';
import { expect } from 'vitest';
import type { Action, AtomicStep } from './actions.ts';

/** What the engine answers, action by action, in the model's words. Ends with `checkStore()`. */
export async function transcriptOf(store: KvStore, actions: readonly Action[], start: number): Promise<unknown[]> {
  let now = start;
  const secrets = new SecretEngine({ store, sealer: plaintextSealer(), clock: () => now });
  const readByPath = new Map<string, Secret>();
  const transcript: unknown[] = [];
  for (const action of actions) {
    if (action.kind === 'advance') now += action.ms;
    transcript.push(action.kind === 'advance' ? undefined : await answer(secrets, action, readByPath));
  }
  expect((await checkStore(store)).problems).toEqual([]);
  return transcript;
}

type Request = Exclude<Action, { kind: 'advance' }>;

async function answer(secrets: SecretEngine, action: Request, readByPath: Map<string, Secret>): Promise<unknown> {
  try {
    return await act(secrets, action, readByPath);
  } catch (error) {
    if (!isSealKvError(error) || error.name !== 'KvError') throw error;
    return { refused: error.code, ...(error.index === undefined ? {} : { index: error.index }) };
  }
}

async function act(secrets: SecretEngine, action: Request, readByPath: Map<string, Secret>): Promise<unknown> {
  const casOf = ({ path, cas }: Extract<Action, { kind: 'put' }>): number | Secret | undefined =>
    cas === 'as read' ? (readByPath.get(path) ?? 0) : cas;
  switch (action.kind) {
    case 'put':
      return facts(await secrets.put(action.path, { n: action.n }, { cas: casOf(action) }));
    case 'put often': {
      let last: unknown;
      for (let n = 0; n < action.times; n++) last = facts(await secrets.put(action.path, { n }));
      return last;
    }
    case 'get': {
      const secret = await secrets.get(action.path, { version: action.version });
      if (secret === undefined) return undefined;
      readByPath.set(action.path, secret);
      return { ...facts(secret), n: secret.data?.['n'] };
    }
    case 'delete':
      return secrets.delete(action.path);
    case 'delete versions':
      return secrets.deleteVersions(action.path, action.versions);
    case 'undelete':
      return secrets.undelete(action.path, action.versions);
    case 'destroy':
      return secrets.destroy(action.path, action.versions);
    case 'patch':
      return facts(await secrets.patch(action.path, { n: action.n }));
    case 'put metadata': {
      const { owner, path, metadataCas, maxVersions, casRequired, deleteVersionAfterMs } = action;
      const customMetadata = typeof owner === 'string' ? { owner } : owner;
      await secrets.putMetadata(path, { maxVersions, casRequired, deleteVersionAfterMs, customMetadata }, { metadataCas });
      return undefined;
    }
    case 'get metadata': {
      const metadata = await secrets.getMetadata(action.path);
      if (metadata === undefined) return undefined;
      const { currentVersion: current, oldestVersion: oldest, metadataVersion, maxVersions, casRequired, deleteVersionAfterMs } = metadata;
      return {
        createdAt: metadata.createdAt.getTime(),
        updatedAt: metadata.updatedAt.getTime(),
        current,
        oldest,
        metadataVersion,
        maxVersions,
        casRequired,
        deleteVersionAfterMs,
        owner: metadata.customMetadata?.['owner'],
        versions: Array.from(metadata.versions.values(), facts),
      };
    }
    case 'delete metadata':
      return secrets.deleteMetadata(action.path);
    case 'put config': {
      const { maxVersions, casRequired, deleteVersionAfterMs } = action;
      return secrets.putConfig({ maxVersions, casRequired, deleteVersionAfterMs });
    }
    case 'list':
      return secrets.list(action.folder);
    case 'atomic': {
      const results = await secrets.atomic((tx) => {
        const add: { readonly [K in AtomicStep['kind']]: (step: Extract<AtomicStep, { kind: K }>) => unknown } = {
          put: (step) => tx.put(step.path, { n: step.n }, { cas: casOf(step) }),
          delete: ({ path }) => tx.delete(path),
          undelete: ({ path, versions }) => tx.undelete(path, versions),
          destroy: ({ path, versions }) => tx.destroy(path, versions),
          'delete metadata': ({ path }) => tx.deleteMetadata(path),
        };
        for (const step of action.steps) (add[step.kind] as (step: AtomicStep) => unknown)(step);
      });
      return results.map((result) => result && facts(result as PutResult));
    }
    default:
      return action satisfies never;
  }
}

function facts({ version, state, createdAt, deletionAt }: VersionInfo): object {
  return { version, state, createdAt: createdAt.getTime(), deletionAt: deletionAt?.getTime() };
}
