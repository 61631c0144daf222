import type { MountChange, MountEntry } from '@sealkv/core';
import { isSealKvError } from '@sealkv/core';
import { badRequest } from '../api-error.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { fixedMountOf } from './fixed-mounts.ts';
import { tuneInfo } from './mount-info.ts';
import { tuned, tuningFields } from './mount-tuning.ts';
import { mountPathOf } from './mounts.ts';

/** `sys/mounts/:path/tune`: what a mount is known by, and how KV v1 becomes KV v2. */
export const mountTune: Route = route({
  pattern: 'mounts/:path+/tune',
  about: 'What a mount is known by. Giving it the option `version` 2 makes KV v2 of KV v1, at once and for good.',
  injected: true,
  grows: ['update'],
  fields: {
    ...tuningFields,
    description: { type: 'string', about: 'For people.' },
    options: { type: 'texts', about: '`version`: `2` upgrades KV v1. Of other options an empty one is removed.' },
    token_type: { type: 'string', about: 'Not for mounts of secrets.' },
    user_lockout_config: { type: 'map', about: 'Not for mounts of secrets.' },
    plugin_version: { type: 'string', about: 'Not to be chosen.' },
  },
  operations: {
    async read({ mounts: table, params }) {
      const path = mountPathOf(params);
      const fixed = fixedMountOf(path);
      if (fixed !== undefined) return data(tuneInfo({ description: fixed.info.description, version: 1 }));
      const found = await table.find(path);
      if (found === undefined) throw badRequest(`cannot fetch sysview for path "${path}"`);
      return data(tuneInfo(found.bound!.entry));
    },

    async update({ mounts: table, params, values }) {
      const path = mountPathOf(params);
      if (fixedMountOf(path) !== undefined) {
        const [field] = Object.keys(values);
        if (field !== undefined) throw badRequest(`cannot tune parameter ${field} of ${path}`);
        return undefined;
      }
      if (values.user_lockout_config instanceof Map && values.user_lockout_config.size > 0)
        throw badRequest('tuning of user lockout configuration for auth type "kv" not allowed');
      if (values.plugin_version) throw badRequest('there is no other version of a plugin than the one that is built in');
      if (values.token_type !== undefined) throw badRequest("'token_type' can only be modified on auth mounts");

      const missing = (): Error => badRequest(`tune of path "${path}" failed: no mount entry found`);
      const found = await table.find(path);
      if (found === undefined) throw missing();
      try {
        const { before, after } = await table.tune(found.path, (mount) => changeOf(mount, values));
        if (before.version === after.version) return undefined;
        return data(null, { warnings: [upgradeWarning(before.version, after.version)] });
      } catch (error) {
        throw isSealKvError(error, 'MOUNT_NOT_FOUND') ? missing() : error;
      }
    },
  },
});

type Given = Parameters<typeof tuned>[1] & {
  readonly description?: string | undefined;
  readonly options?: ReadonlyMap<string, string> | undefined;
};

function changeOf({ version, tuning = {} }: MountEntry, given: Given): MountChange {
  const options = new Map(Object.entries(tuning.options ?? {}));
  for (const [name, value] of given.options ?? []) {
    if (value === '' && name !== 'version') options.delete(name);
    else options.set(name, value);
  }
  const asked = given.options?.has('version') ? versionOf(given.options.get('version')!, version) : undefined;
  return {
    description: given.description,
    tuning: { ...tuned(tuning, given), options: options.size === 0 ? undefined : Object.fromEntries(options) },
    version: asked === 2 ? 2 : undefined,
  };
}

function versionOf(text: string, now: 1 | 2): 1 | 2 {
  if (!/^(?:[+-]?\d+)?$/.test(text)) throw badRequest(`unable to parse options: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const version = Number(text);
  if (version !== 1 && version !== 2) throw badRequest(`invalid version provided: ${version}`);
  if (version < now) throw badRequest(`cannot downgrade mount from version ${now}`);
  return version;
}

// OpenBao's words. Here it is done when they are read: clients wait for nothing.
function upgradeWarning(from: number, to: number): string {
  return `Upgrading mount from version ${from} to version ${to}. This mount will be unavailable for a brief period and will resume service shortly.`;
}
