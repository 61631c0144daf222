import type { Action, AtomicStep } from './actions.ts';

/** KV v2 on plain objects: every version kept in one map, no records, no pages, no storage. What the engine must answer, action by action. */
export function expectedTranscript(actions: readonly Action[], start: number): unknown[] {
  const model = new Model(start);
  return actions.map((action) => model.act(action));
}

interface Version {
  readonly n: number | undefined;
  readonly createdAt: number;
  readonly deletedAt?: number | undefined;
  readonly expiresAt?: number | undefined;
  readonly destroyed?: true;
}

interface Secret {
  /** Tells this secret from another one at the same path. */
  readonly id: number;
  readonly createdAt: number;
  updatedAt: number;
  touchedAt: number;
  current: number;
  oldest: number;
  metadataVersion: number;
  maxVersions: number;
  casRequired: boolean;
  deleteVersionAfterMs: number;
  owner: string | undefined;
  readonly versions: Map<number, Version>;
}

interface Config {
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly deleteVersionAfterMs: number | 'disabled';
}

type Refusal = { readonly refused: string };

class Model {
  #now: number;
  #secrets = new Map<string, Secret>();
  #config: Config = { maxVersions: 0, casRequired: false, deleteVersionAfterMs: 0 };
  #ids = 0;
  readonly #read = new Map<string, { readonly id: number; readonly version: number }>();

  constructor(now: number) {
    this.#now = now;
  }

  act(action: Action): unknown {
    switch (action.kind) {
      case 'advance':
        this.#now += action.ms;
        return undefined;
      case 'put often':
        return Array.from({ length: action.times }, (_, n) => this.#put({ kind: 'put', path: action.path, n, cas: undefined })).at(-1);
      case 'get':
        return this.#get(action.path, action.version);
      case 'patch':
        return this.#patch(action.path, action.n);
      case 'put metadata':
        return this.#putMetadata(action);
      case 'get metadata':
        return this.#getMetadata(action.path);
      case 'put config': {
        const { maxVersions, casRequired, deleteVersionAfterMs } = this.#config;
        this.#config = {
          maxVersions: action.maxVersions ?? maxVersions,
          casRequired: action.casRequired ?? casRequired,
          deleteVersionAfterMs: action.deleteVersionAfterMs ?? deleteVersionAfterMs,
        };
        return undefined;
      }
      case 'list': {
        const folder = action.folder === '' || action.folder.endsWith('/') ? action.folder : `${action.folder}/`;
        const below = [...this.#secrets.keys()].filter((path) => path.startsWith(folder)).map((path) => path.slice(folder.length));
        return [...new Set(below.map((path) => (path.includes('/') ? path.slice(0, path.indexOf('/') + 1) : path)))].sort();
      }
      case 'delete versions':
        return this.#changeVersions(action.path, action.versions, softDeleted);
      case 'atomic':
        return this.#atomic(action.steps);
      case 'put':
      case 'delete':
      case 'undelete':
      case 'destroy':
      case 'delete metadata':
        return this.#step(action);
      default:
        return action satisfies never;
    }
  }

  #step(step: AtomicStep): unknown {
    switch (step.kind) {
      case 'put':
        return this.#put(step);
      case 'delete':
        return this.#changeVersions(step.path, [this.#secrets.get(step.path)?.current ?? 0], softDeleted);
      case 'undelete':
        return this.#changeVersions(step.path, step.versions, (version, now, secret) =>
          version.destroyed ? version : { ...version, deletedAt: undefined, expiresAt: this.#expiry(secret, now) },
        );
      case 'destroy':
        return this.#changeVersions(step.path, step.versions, (version) => ({ ...version, destroyed: true, n: undefined }));
      case 'delete metadata':
        this.#secrets.delete(step.path);
        return undefined;
      default:
        return step satisfies never;
    }
  }

  #atomic(steps: readonly AtomicStep[]): unknown {
    const before = structuredClone(this.#secrets);
    const answers: unknown[] = [];
    for (const [index, step] of steps.entries()) {
      const answer = this.#step(step);
      if (isRefusal(answer)) {
        this.#secrets = before;
        return { ...answer, index };
      }
      answers.push(answer);
    }
    return answers;
  }

  #put({ path, n, cas }: Extract<Action, { kind: 'put' }>): unknown {
    const found = this.#secrets.get(path);
    const current = found?.current ?? 0;
    const refusal = this.#checkCas(found, cas === 'as read' ? (this.#read.get(path) ?? 0) : cas);
    if (refusal !== undefined) return refusal;
    const now = this.#commitTime(found);
    const secret = found ?? this.#create(path, now);
    const version = current + 1;
    secret.versions.set(version, { n, createdAt: now, expiresAt: this.#expiry(secret, now) });
    Object.assign(secret, { current: version, updatedAt: now, touchedAt: now });
    const limit = Math.max(secret.maxVersions, this.#config.maxVersions) || 10;
    if (version - secret.oldest >= limit) {
      secret.oldest = version - limit + 1;
      for (const number of secret.versions.keys()) if (number < secret.oldest) secret.versions.delete(number);
    }
    return this.#facts(secret, version, now);
  }

  #checkCas(secret: Secret | undefined, cas: number | { readonly id: number; readonly version: number } | undefined): Refusal | undefined {
    if (cas === undefined) return this.#config.casRequired || secret?.casRequired ? { refused: 'CAS_REQUIRED' } : undefined;
    const matches = typeof cas === 'number' ? cas === (secret?.current ?? 0) : cas.id === secret?.id && cas.version === secret.current;
    return matches ? undefined : { refused: 'CAS_MISMATCH' };
  }

  #get(path: string, version = 0): unknown {
    const secret = this.#secrets.get(path);
    const number = version <= 0 ? (secret?.current ?? 0) : version;
    if (!secret?.versions.has(number)) return undefined;
    this.#read.set(path, { id: secret.id, version: number });
    const facts = this.#facts(secret, number, this.#now);
    return { ...facts, n: facts.state === 'live' ? secret.versions.get(number)!.n : undefined };
  }

  #patch(path: string, n: number | null): unknown {
    const secret = this.#secrets.get(path);
    const version = secret?.versions.get(secret.current);
    if (secret === undefined || version === undefined) return { refused: 'NOT_FOUND' };
    const refusal = this.#checkCas(secret, undefined);
    if (refusal !== undefined) return refusal;
    if (this.#facts(secret, secret.current, this.#now).state !== 'live') return { refused: 'NOT_LIVE' };
    return this.#put({ kind: 'put', path, n: n === null ? (undefined as never) : n, cas: undefined });
  }

  #changeVersions(path: string, numbers: readonly number[], change: (version: Version, now: number, secret: Secret) => Version): undefined {
    const secret = this.#secrets.get(path);
    if (secret === undefined) return undefined;
    const now = this.#commitTime(secret);
    for (const number of numbers) {
      const version = secret.versions.get(number);
      if (version === undefined) continue;
      const next = change(version, now, secret);
      if (JSON.stringify(next) === JSON.stringify(version)) continue;
      secret.versions.set(number, next);
      secret.touchedAt = now;
    }
    return undefined;
  }

  #putMetadata({ path, metadataCas, maxVersions, casRequired, deleteVersionAfterMs, owner }: Extract<Action, { kind: 'put metadata' }>): unknown {
    const found = this.#secrets.get(path);
    if ([maxVersions, casRequired, deleteVersionAfterMs, owner].every((setting) => setting === undefined)) return undefined;
    if (metadataCas !== undefined && metadataCas !== (found?.metadataVersion ?? 0)) return { refused: 'METADATA_CAS_MISMATCH' };
    const now = this.#commitTime(found);
    const secret = found ?? this.#create(path, now);
    Object.assign(secret, {
      maxVersions: maxVersions ?? secret.maxVersions,
      casRequired: casRequired ?? secret.casRequired,
      deleteVersionAfterMs: deleteVersionAfterMs ?? secret.deleteVersionAfterMs,
      owner: owner === undefined ? secret.owner : (owner ?? undefined),
      metadataVersion: secret.metadataVersion + 1,
      updatedAt: now,
      touchedAt: now,
    });
    return undefined;
  }

  #getMetadata(path: string): unknown {
    const secret = this.#secrets.get(path);
    if (secret === undefined) return undefined;
    const { id: _, touchedAt: __, versions, ...facts } = secret;
    return { ...facts, versions: [...versions.keys()].map((number) => this.#facts(secret, number, this.#now)) };
  }

  #create(path: string, now: number): Secret {
    const secret: Secret = {
      id: this.#ids++,
      createdAt: now,
      updatedAt: now,
      touchedAt: now,
      current: 0,
      oldest: 0,
      metadataVersion: 0,
      maxVersions: 0,
      casRequired: false,
      deleteVersionAfterMs: 0,
      owner: undefined,
      versions: new Map(),
    };
    this.#secrets.set(path, secret);
    return secret;
  }

  #commitTime(secret: Secret | undefined): number {
    return Math.max(this.#now, secret?.touchedAt ?? this.#now);
  }

  #expiry({ deleteVersionAfterMs }: Secret, from: number): number | undefined {
    const { deleteVersionAfterMs: mount } = this.#config;
    if (mount === 'disabled') return undefined;
    const period = deleteVersionAfterMs === 0 || mount === 0 ? deleteVersionAfterMs + mount : Math.min(deleteVersionAfterMs, mount);
    return period === 0 ? undefined : from + period;
  }

  #facts(
    secret: Secret,
    number: number,
    now: number,
  ): { readonly version: number; readonly state: string; readonly createdAt: number; readonly deletionAt: number | undefined } {
    const { createdAt, deletedAt, expiresAt, destroyed } = secret.versions.get(number)!;
    const deletionAt = deletedAt ?? expiresAt;
    const gone = deletedAt !== undefined || (expiresAt !== undefined && expiresAt <= now);
    return { version: number, state: destroyed ? 'destroyed' : gone ? 'deleted' : 'live', createdAt, deletionAt };
  }
}

function softDeleted(version: Version, now: number): Version {
  if (version.destroyed || version.deletedAt !== undefined) return version;
  const { expiresAt } = version;
  return { ...version, deletedAt: expiresAt !== undefined && expiresAt <= now ? expiresAt : now, expiresAt: undefined };
}

function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === 'object' && answer !== null && 'refused' in answer;
}
