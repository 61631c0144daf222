import type { SecretEngine } from '@sealkv/core';
import { typed } from '@sealkv/core/typed';
import * as v from 'valibot';
import { z } from 'zod';

declare const secrets: SecretEngine;

const Login = z.object({ user: z.string(), since: z.string().transform((text) => new Date(text)), port: z.number().default(1) });
const login = typed(secrets, 'app/login', Login);

// Written is what the schema takes, read what it makes of it.
void login.put({ user: 'ada', since: '2026-01-01' }, { cas: 0 });
void login.get({ version: 1 }).then((read) => read?.data?.since.getTime());
void login.get().then((read): 'live' | 'deleted' | 'destroyed' | undefined => read?.state);
void login.update((data) => ({ user: data?.user ?? 'ada', since: data?.since.toISOString() ?? '2026-01-01' }));
// @ts-expect-error -- a Date is what comes out, not what goes in
void login.put({ user: 'ada', since: new Date() });
// @ts-expect-error -- incomplete
void login.put({ user: 'ada' });
// @ts-expect-error -- not a member of the value
void login.get().then((read) => read?.data?.password);
// @ts-expect-error -- one secret takes no path
void login.put('ada', { user: 'ada', since: '2026-01-01' });

const users = typed(secrets, 'users/', v.object({ name: v.string() }));
void users.put('ada', { name: 'Ada' });
void users.get('ada').then((read): string | undefined => read?.data?.name);
// @ts-expect-error -- which one?
void users.put({ name: 'Ada' });

// A schema for what JSON would change can't be written with.
const dated = typed(secrets, 'dated', z.object({ on: z.date() }));
// @ts-expect-error -- JSON has no dates
void dated.put({ on: new Date() });
