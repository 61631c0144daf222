import type { SecretEngine } from '@sealkv/core';
import type { Kv1Engine } from '@sealkv/core/kv1';
import { lookupSelf } from './auth/token/lookup-self.ts';
import { config } from './kv/config.ts';
import { secretData } from './kv/data.ts';
import { deleteVersions } from './kv/delete.ts';
import { destroy } from './kv/destroy.ts';
import { detailedMetadata } from './kv/detailed-metadata.ts';
import { metadata } from './kv/metadata.ts';
import { invalidPath } from './kv/invalid-path.ts';
import { subkeys } from './kv/subkeys.ts';
import { undelete } from './kv/undelete.ts';
import { v1Secret } from './kv/v1.ts';
import type { Route } from './route.ts';
import { health } from './sys/health.ts';
import { init } from './sys/init.ts';
import { preflight, preflightAll } from './sys/internal-ui-mounts.ts';
import { leader } from './sys/leader.ts';
import { mount, mounts } from './sys/mounts.ts';
import { sealStatus } from './sys/seal-status.ts';

/** The route table: every endpoint there is, the first that matches counts. */

/** Paths that no mount can have. */
export const bases: readonly { readonly prefix: string; readonly routes: readonly Route[] }[] = [
  { prefix: 'sys/', routes: [health, sealStatus, init, leader, mounts, mount, preflight, preflightAll] },
  { prefix: 'auth/', routes: [lookupSelf] },
];

/** Below a KV v2 mount. */
export const kv2Routes: readonly Route<SecretEngine>[] = [
  config,
  secretData,
  metadata,
  detailedMetadata,
  destroy,
  subkeys,
  deleteVersions,
  undelete,
  invalidPath,
];

/** Below a KV v1 mount. */
export const kv1Routes: readonly Route<Kv1Engine>[] = [v1Secret];
