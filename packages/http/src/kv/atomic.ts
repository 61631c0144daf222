import type { AtomicOperations, AtomicResult, MountBinding, ReadTx, SecretEngine } from '@sealkv/core';
import { isSealKvError, rawJson, secretExists } from '@sealkv/core';
import type { Tree } from '@sealkv/core/json';
import { printTree } from '@sealkv/core/json';
import type { Wanted } from '../admission.ts';
import { ApiError, badRequest } from '../api-error.ts';
import type { Values } from '../fields.ts';
import { decodeFields, FieldProblem } from '../fields.ts';
import type { Out } from '../json-out.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { toApiError } from '../status.ts';
import { versionOut } from '../wire.ts';
import { mustCasOf } from './cas.ts';
import { customMetadataOf } from './custom-metadata.ts';
import { settingFields, settingsOf } from './settings.ts';

/** So that one transaction stays short. */
const MAX_OPERATIONS = 100;

/**
 * `atomic`: several operations on any secrets of the mount, in order, as one transaction. All of them happen, or none, and then the answer says which was
 * refused. Each is allowed or denied as if it had been sent alone. Neither Vault nor OpenBao has it.
 *
 * ```json
 * {"operations": [{"operation": "put", "path": "app/a", "data": {"n": 1}, "options": {"cas": 0}}, {"operation": "delete", "path": "app/b"}]}
 * ```
 * answers `{"results": [...]}`, one for each operation: for a `put` the new version as `data/` shows it, else null. A refusal is answered with
 * its own status and words, and `"data": {"index": 1}`.
 */
export const atomic: Route<SecretEngine> = route({
  pattern: 'atomic',
  about: 'Several operations on any secrets of the mount as one: all of them happen, or none. Each is authorised as if it had been sent alone.',
  fields: {
    operations: {
      type: 'maps',
      about:
        'Done in order, and a later one sees the earlier ones; at most 100. `operation`: put, delete, undelete, destroy, put-metadata or delete-metadata; `path`; and the parameters it has when sent alone.',
    },
  },
  operations: {
    async update({ services, path, values, admission, mount }, secrets: SecretEngine) {
      const steps = (values.operations ?? []).map(parseStep);
      if (steps.length === 0) throw badRequest('no operations provided');
      if (steps.length > MAX_OPERATIONS) throw badRequest(`${steps.length} operations; at most ${MAX_OPERATIONS} make one request`);
      admission.want(wantedOf(steps, path.slice(0, -'atomic'.length), mount!));
      if (steps.some(({ leaves }) => leaves)) services.checkRoom();
      try {
        const results = await secrets.atomic((tx) => steps.forEach((step) => step.add(tx)));
        return data({ results: results.map(resultOut) });
      } catch (error) {
        if (!isSealKvError(error) || error.name !== 'KvError' || error.index === undefined) throw error;
        const { status, errors } = toApiError(error);
        throw refusal(status, error.index, errors.join());
      }
    },
  },
});

interface Step {
  readonly path: string;
  /** Where it would have been sent alone, and as what. */
  readonly endpoint: 'data' | 'delete' | 'undelete' | 'destroy' | 'metadata';
  readonly operation: 'update' | 'delete';
  readonly input: ReadonlyMap<string, Tree>;
  /** What it makes of whether the secret is there; undefined: nothing. */
  readonly leaves: boolean | undefined;
  add(tx: AtomicOperations): void;
}

const FIELDS = {
  operation: { type: 'string', about: 'put, delete, undelete, destroy, put-metadata or delete-metadata' },
  path: { type: 'string', about: 'The path of the secret within the mount.' },
  data: { type: 'map', about: 'Of a put: the value.' },
  options: { type: 'map', about: 'Of a put: `cas`.' },
  versions: { type: 'ints', about: 'Of delete (none: the current one), undelete and destroy.' },
  ...settingFields,
} as const;

function parseStep(given: ReadonlyMap<string, Tree>, index: number): Step {
  try {
    const values = decodeFields(FIELDS, given);
    const input = new Map([...given].filter(([name]) => name !== 'operation' && name !== 'path'));
    return { path: values.path ?? '', input, ...meaningOf(values) };
  } catch (error) {
    if (error instanceof FieldProblem) throw refusal(400, index, error.message);
    if (error instanceof ApiError) throw refusal(error.status, index, error.message);
    throw error;
  }
}

function meaningOf(values: Values<typeof FIELDS>): Omit<Step, 'path' | 'input'> {
  const { path = '', versions = [] } = values;
  const versionsGiven = (): readonly number[] => {
    if (versions.length === 0) throw badRequest('no version number provided');
    return versions;
  };
  switch (values.operation) {
    case 'put': {
      const { data: value } = values;
      if (value === undefined) throw badRequest('no data provided');
      const cas = mustCasOf(values.options);
      return { endpoint: 'data', operation: 'update', leaves: true, add: (tx) => void tx.put(path, rawJson(printTree(value)), { cas }) };
    }
    case 'delete':
      return versions.length === 0
        ? { endpoint: 'data', operation: 'delete', leaves: undefined, add: (tx) => void tx.delete(path) }
        : { endpoint: 'delete', operation: 'update', leaves: undefined, add: (tx) => void tx.deleteVersions(path, versions) };
    case 'undelete':
    case 'destroy': {
      const endpoint = values.operation;
      const these = versionsGiven();
      return { endpoint, operation: 'update', leaves: undefined, add: (tx) => void tx[endpoint](path, these) };
    }
    case 'put-metadata': {
      const { custom_metadata: custom, metadata_cas: metadataCas } = values;
      const customMetadata = custom === undefined ? undefined : (customMetadataOf(custom, 'empty') as Record<string, string> | null);
      const metadata = { ...settingsOf(values), customMetadata };
      return { endpoint: 'metadata', operation: 'update', leaves: true, add: (tx) => void tx.putMetadata(path, metadata, { metadataCas }) };
    }
    case 'delete-metadata':
      return { endpoint: 'metadata', operation: 'delete', leaves: false, add: (tx) => void tx.deleteMetadata(path) };
    case undefined:
    default:
      throw badRequest('unknown operation; there are put, delete, undelete, destroy, put-metadata and delete-metadata');
  }
}

/** As policies see it: a put of a secret that an earlier step has made is an update, as it would be if they were sent one after the other. */
function wantedOf(steps: readonly Step[], mountPath: string, mount: MountBinding): Wanted[] {
  const left = new Map<string, boolean>();
  return steps.map(({ path, endpoint, operation, input, leaves }) => {
    const known = left.get(path);
    if (leaves !== undefined) left.set(path, leaves);
    const creates = operation === 'update' && (endpoint === 'data' || endpoint === 'metadata');
    const exists = creates ? async (tx: ReadTx): Promise<boolean> => known ?? secretExists(tx, mount, path) : undefined;
    return { operation, path: `${mountPath}${endpoint}/${path}`, input, exists };
  });
}

function resultOut(result: AtomicResult): Out {
  return result !== undefined && 'version' in result ? versionOut(result, result.customMetadata) : null;
}

function refusal(status: number, index: number, message: string): ApiError {
  return new ApiError(status, `operation ${index}: ${message}`, { data: { index } });
}
