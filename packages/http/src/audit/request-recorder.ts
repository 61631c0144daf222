import type { KvStore, ReadTx, Write, WriteOutcome } from '@sealkv/core';
import type { Tree } from '@sealkv/core/json';
import type { PreparedRecord, Recorder } from '../admission.ts';
import { NotPrepared } from '../admission.ts';
import { printOut } from '../json-out.ts';
import { base64Url } from '../keys.ts';
import type { Operation } from '../request.ts';
import type { Services } from '../services.ts';
import type { Principal } from '../tokens/credentials.ts';
import { isAuditing } from './audit-device.ts';
import { appendRecord, sealInput } from './audit-log.ts';
import { hashedInput } from './hashed.ts';

/** What is recorded of a request besides who sent it and what became of it. */
export interface RecordedRequest {
  readonly id: string;
  readonly operation: Operation;
  readonly path: string;
  /** The parameters; undefined where they were not read. */
  readonly input: ReadonlyMap<string, Tree> | undefined;
}

// Whatever comes from outside has a bound, so that a record always fits.
const MAX_PATH_LENGTH = 2000;
const MAX_POLICIES = 100;

/** The recorder of one request. `request` is asked for it when the record is got ready: the parameters are known late. */
export function requestRecorder(services: Services, request: () => RecordedRequest): Recorder {
  const { keys, clock } = services;
  return {
    isOn: isAuditing,
    async prepare(): Promise<PreparedRecord> {
      const { id, operation, path, input } = request();
      const sealedId = base64Url(services.randomBytes(16));
      const sealed = await sealInput(keys, sealedId, printOut(input === undefined ? null : await hashedInput(keys, input)));
      const facts = { requestId: id, operation, path: shortened(path), sealedId };
      return {
        writes: (tx, { entry }, { code, version }) => {
          const { accessor, displayName, policies, type: tokenType } = entry;
          const who = { accessor, displayName: shortened(displayName), policies: policies.slice(0, MAX_POLICIES).map(shortened), tokenType };
          return appendRecord(tx, { time: clock(), ...facts, ...who, code, version }, sealed);
        },
      };
    },
  };
}

/**
 * For logins, which nobody is admitted to: a transaction whose body says by `record` who has logged in, and adds what that returns to its writes.
 */
export async function writeRecorded<T>(
  store: KvStore,
  recorder: Recorder,
  body: (tx: ReadTx, record: (principal: Principal) => Promise<Write[]>) => Promise<WriteOutcome<T>>,
): Promise<T> {
  for (let prepared: PreparedRecord | undefined; ; prepared = await recorder.prepare()) {
    try {
      return await store.write((tx) =>
        body(tx, async (principal) => {
          if (!(await recorder.isOn(tx))) return [];
          if (prepared === undefined) throw new NotPrepared();
          return prepared.writes(tx, principal, { code: 'ok' });
        }),
      );
    } catch (error) {
      if (!(error instanceof NotPrepared)) throw error;
    }
  }
}

function shortened(text: string): string {
  return text.length <= MAX_PATH_LENGTH ? text : `${text.slice(0, MAX_PATH_LENGTH).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
