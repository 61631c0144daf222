import type { Tree } from '@sealkv/core/json';
import { badRequest } from '../api-error.ts';
import type { AuthMount } from '../auth/auth-mount.ts';
import { authMountAt, putAuthMount } from '../auth/auth-mount.ts';
import { authTuneOut, TOKEN_MOUNT } from '../auth/auth-mount-out.ts';
import type { Lockout } from '../auth/lockout.ts';
import type { Values } from '../fields.ts';
import { decodeBool, decodeString, FieldProblem } from '../fields.ts';
import type { Reply } from '../reply.ts';
import { data } from '../reply.ts';
import type { Call, Handler, Route } from '../route.ts';
import { route } from '../route.ts';
import { parseDuration } from '../time.ts';
import { tokenTypeOf } from './auth.ts';
import { tuned, tuningFields } from './mount-tuning.ts';
import { mountPathOf } from './mounts.ts';

const fields = {
  ...tuningFields,
  description: { type: 'string', about: 'For people.' },
  options: { type: 'texts', about: 'Kept and shown, of no effect; an empty one is removed.' },
  token_type: { type: 'string', about: '`service` or `batch`, or `default-service`, `default-batch`: unless a user or role says otherwise.' },
  user_lockout_config: { type: 'map', about: '`lockout_threshold`, `lockout_duration`, `lockout_counter_reset_duration`, `lockout_disable`.' },
  plugin_version: { type: 'string', about: 'Not to be chosen.' },
} as const;

const operations: { readonly read: Handler<typeof fields, undefined>; readonly update: Handler<typeof fields, undefined> } = {
  async read({ store, params }) {
    const path = mountPathOf(params);
    const found = path === TOKEN_MOUNT.path ? TOKEN_MOUNT : await store.read((tx) => authMountAt(tx, path));
    if (found === undefined) throw badRequest(`cannot fetch sysview for path "auth/${path}"`);
    return data(authTuneOut(found));
  },

  update,
};

/** `sys/auth/:path/tune`: what an auth mount is known by, and what holds for all its logins. */
export const authTune: Route = route({
  pattern: 'auth/:path+/tune',
  about: 'What holds for the tokens of an auth mount, and when failures lock users and roles out.',
  injected: true,
  needsSudo: true,
  grows: ['update'],
  fields,
  operations,
});

/** `sys/mounts/auth/:path/tune`: the same; it is where the command line asks. */
export const authTuneAsMount: Route = route({
  pattern: 'mounts/auth/:path+/tune',
  about: 'The same as sys/auth/:path/tune.',
  injected: true,
  grows: ['update'],
  fields,
  operations,
});

async function update({ store, params, values }: Call<typeof fields>): Promise<Reply> {
  const path = mountPathOf(params);
  const [first] = Object.keys(values);
  if (path === TOKEN_MOUNT.path && values.token_type !== undefined)
    throw badRequest("'token_type' cannot be set for 'token' or 'ns_token' auth mounts");
  if (path === TOKEN_MOUNT.path && first !== undefined) throw badRequest(`cannot tune parameter ${first} of auth/${path}`);
  if (path === TOKEN_MOUNT.path) return undefined;
  if (values.plugin_version) throw badRequest('there is no other version of a plugin than the one that is built in');
  return store.write(async (tx) => {
    const before = await authMountAt(tx, path);
    if (before === undefined) throw badRequest(`tune of path "auth/${path}" failed: no mount entry found`);
    return { result: undefined, writes: [putAuthMount(changed(before, values))] };
  });
}

/** @throws ApiError 400 */
function changed(before: AuthMount, values: Values<typeof fields>): AuthMount {
  const options = new Map(Object.entries(before.tuning.options ?? {}));
  for (const [name, value] of values.options ?? []) {
    if (value === '') options.delete(name);
    else options.set(name, value);
  }
  const config = values.user_lockout_config;
  const isLockoutGiven = config instanceof Map && config.size > 0;
  if (isLockoutGiven && before.type === 'jwt') throw badRequest(`tuning of user lockout configuration for auth type "${before.type}" not allowed`);
  return {
    ...before,
    description: values.description ?? before.description,
    tokenType: values.token_type === undefined ? before.tokenType : tokenTypeOf(values.token_type),
    tuning: { ...tuned(before.tuning, values), options: options.size === 0 ? undefined : Object.fromEntries(options) },
    lockout: isLockoutGiven ? { ...before.lockout, ...lockoutOf(config) } : before.lockout,
  };
}

function lockoutOf(config: ReadonlyMap<string, Tree>): Partial<Lockout> {
  try {
    const text = (name: string): string => decodeString(config.get(name) ?? '""');
    const threshold = text('lockout_threshold');
    if (threshold !== '' && !/^\d{1,9}$/.test(threshold)) throw badRequest('unable to parse user lockout threshold: it must be a whole number');
    return {
      ...(threshold !== '' && { threshold: Number(threshold) }),
      ...secondsAs('duration', text('lockout_duration')),
      ...secondsAs('counterReset', text('lockout_counter_reset_duration')),
      ...(config.has('lockout_disable') && { disabled: decodeBool(config.get('lockout_disable')!) }),
    };
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
    throw badRequest('unable to convert given user lockout config information');
  }
}

function secondsAs(member: 'duration' | 'counterReset', text: string): Partial<Lockout> {
  if (text === '') return {};
  const seconds = text === 'system' ? 0 : parseDuration(text);
  if (seconds === undefined || seconds < 0) throw badRequest(`time: invalid duration ${JSON.stringify(text)}`);
  return { [member]: seconds };
}
