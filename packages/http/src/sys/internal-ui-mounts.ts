import type { KvStore, MountBinding, Mounts } from '@sealkv/core';
import type { Caller } from '../admission.ts';
import { ApiError } from '../api-error.ts';
import type { AuthMount } from '../auth/auth-mount.ts';
import { findAuthMount, listAuthMounts } from '../auth/auth-mount.ts';
import { authMountOut, publicAuthOut, TOKEN_MOUNT, tokenMountOut } from '../auth/auth-mount-out.ts';
import { sortedByName } from '../json-out.ts';
import { allowsBelow } from '../policy/acl.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import type { Services } from '../services.ts';
import { FIXED_MOUNTS, fixedMountOf } from './fixed-mounts.ts';
import type { MountOut } from './mount-info.ts';
import { mountInfo, publicInfo } from './mount-info.ts';

/** `sys/internal/ui/mounts/:path`: by which clients tell KV v1 from v2 before they do anything. */
export const preflight: Route = route({
  pattern: 'internal/ui/mounts/:path+',
  about: 'The mount that a path lies in, for whose policies allow anything in it.',
  forEveryToken: true,
  fields: {},
  operations: {
    async read({ services, store, mounts, params, admission }) {
      const path = params['path']!.replace(/\/?$/, '/');
      const found = path.startsWith(AUTH) ? await findLogin(services, store, path.slice(AUTH.length)) : await findMount(mounts, path);
      // Whether a mount is not there, or not theirs, is all the same to who asks.
      if (found === undefined || !mayEnter(admission.caller, found.enteredBy, services.clock()))
        throw new ApiError(403, `preflight capability check returned 403, please ensure client's policies grant access to path "${path}"`);
      return data({ ...found.info, path: found.path });
    },
  },
});

/** `sys/internal/ui/mounts`: what to show to whom, also on a page for logging in. */
export const preflightAll: Route = route({
  pattern: 'internal/ui/mounts',
  about: 'The mounts in which the policies of the caller allow anything. Without a token: those that are listed for everybody.',
  open: 'without a token',
  forEveryToken: true,
  fields: {},
  operations: {
    async read({ services, store, mounts, admission, isAnonymous }) {
      const all = await mounts.list();
      const logins = await store.read(listAuthMounts);
      const listed = all.filter(isListedForAll);
      if (isAnonymous)
        return data({
          auth: sortedByName(logins.filter(isShownToAll).map((login) => [login.path, publicAuthOut(login)])),
          secret: sortedByName(listed.map((binding) => [binding.path, publicInfo(binding)])),
        });
      const isSeen = (path: string): boolean => mayEnter(admission.caller, path, services.clock());
      const seen = all.filter((binding) => isListedForAll(binding) || isSeen(binding.path));
      const fixed = [...FIXED_MOUNTS].filter(([path]) => isSeen(path));
      const tokens = isSeen(`auth/${TOKEN_MOUNT.path}`) ? [[TOKEN_MOUNT.path, await tokenMountOut(services.keys)] as const] : [];
      const seenLogins = logins.filter((login) => isShownToAll(login) || isSeen(`auth/${login.path}`));
      const auth = sortedByName([...tokens, ...seenLogins.map((login) => [login.path, authMountOut(login)] as const)]);
      return data({ auth, secret: sortedByName([...fixed, ...seen.map((binding) => [binding.path, mountInfo(binding)] as const)]) });
    },
  },
});

const AUTH = 'auth/';

interface Found {
  /** The mount's own path, without the `auth/` of a login. */
  readonly path: string;
  readonly info: MountOut;
  /** What policies name it by. */
  readonly enteredBy: string;
}

async function findMount(mounts: Mounts, path: string): Promise<Found | undefined> {
  const binding = await mounts.find(path);
  const found = binding === undefined ? fixedMountOf(path) : { path: binding.path, info: mountInfo(binding) };
  return found && { ...found, enteredBy: found.path };
}

async function findLogin({ keys }: Services, store: KvStore, path: string): Promise<Found | undefined> {
  const login = await store.read((tx) => findAuthMount(tx, path)); // always: in it the caller is admitted
  if (path.startsWith(TOKEN_MOUNT.path)) return { path: TOKEN_MOUNT.path, info: await tokenMountOut(keys), enteredBy: AUTH + TOKEN_MOUNT.path };
  return login && { path: login.path, info: authMountOut(login), enteredBy: AUTH + login.path };
}

function mayEnter({ policies: { acl, prefix } }: Caller, path: string, now: number): boolean {
  return allowsBelow(acl, prefix + path, now);
}

function isShownToAll({ tuning }: AuthMount): boolean {
  return tuning.listingVisibility === 'unauth';
}

function isListedForAll({ bound }: MountBinding): boolean {
  return bound!.entry.tuning?.listingVisibility === 'unauth';
}
