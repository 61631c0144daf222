import type { Keys } from '../keys.ts';
import type { MountOut } from '../sys/mount-info.ts';
import { infoOf, tuneInfo } from '../sys/mount-info.ts';
import type { AuthMount } from './auth-mount.ts';
import { accessorOf } from './auth-mount.ts';
import { stableUuid } from './stable-uuid.ts';

/** An auth mount as `sys/auth` shows it. */
export function authMountOut(mount: AuthMount): MountOut {
  const { id, type, description, tuning, tokenType } = mount;
  const lockout = mount.lockout && { user_lockout_config: lockoutOut(mount) };
  const options = tuning.options ?? {};
  return infoOf({ id, type, accessor: accessorOf(mount), description, tuning, options, config: { token_type: tokenType, ...lockout } });
}

/** As `sys/auth/:path/tune` shows it. */
export function authTuneOut(mount: Pick<AuthMount, 'description' | 'tuning' | 'tokenType' | 'lockout'>): MountOut {
  const { description, tuning, tokenType } = mount;
  return { ...tuneInfo({ description, version: 1, tuning }), token_type: tokenType, ...lockoutOut(mount) };
}

function lockoutOut({ lockout }: Pick<AuthMount, 'lockout'>): MountOut {
  if (lockout === undefined) return {};
  return {
    user_lockout_counter_reset_duration: lockout.counterReset ?? 0,
    user_lockout_disable: lockout.disabled ?? false,
    user_lockout_duration: lockout.duration ?? 0,
    user_lockout_threshold: lockout.threshold ?? 0,
  };
}

/** What is told of it to who has not logged in. */
export function publicAuthOut({ type, description, tuning }: AuthMount): MountOut {
  return { description, options: tuning.options ?? {}, type };
}

/** Where tokens are made without a login: it is always there, and has no record. */
export const TOKEN_MOUNT = { path: 'token/', description: 'token based credentials', tokenType: 'default-service', tuning: {} } as const;

export async function tokenMountOut(keys: Keys): Promise<MountOut> {
  const id = (await stableUuid(keys, 'the mount of tokens')).replaceAll('-', '');
  const { deprecation_status: _, ...out } = infoOf({
    ...TOKEN_MOUNT,
    id,
    type: 'token',
    accessor: accessorOf({ id, type: 'token' }),
    options: null,
    config: { token_type: TOKEN_MOUNT.tokenType },
  });
  return out;
}
