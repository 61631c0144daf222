import type { JsonObject, JsonValue, SecretEngine } from '@sealkv/core';
import { rawJson } from '@sealkv/core';

declare const secrets: SecretEngine;

// What JSON keeps compiles.

interface Login {
  readonly user: string;
  readonly pin: number;
  readonly hosts: readonly string[];
  readonly note?: string;
  readonly inner: { readonly deep: readonly (readonly [number, boolean | null])[] };
}
type LoginAlias = { user: string; roles: ('admin' | 'reader')[]; last?: { at: string } };
type Shape = { kind: 'circle'; radius: number } | { kind: 'square'; side: number; name?: string };
interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}

declare const login: Login;
declare const alias: LoginAlias;
declare const shape: Shape;
declare const tree: Tree;
declare const anyObject: JsonObject;
declare const objectOrNull: JsonObject | null;
declare const loginOrNull: Login | null;
declare const record: Record<string, string>;
declare const values: Readonly<Record<string, JsonValue>>;

void secrets.put('a', { user: 'ada', pin: 1815, tags: ['x', 1, null, true], inner: { a: {} } });
void secrets.put('a', {});
void secrets.put('a', null);
void secrets.put('a', login);
void secrets.put('a', alias);
void secrets.put('a', shape);
void secrets.put('a', tree);
void secrets.put('a', anyObject);
void secrets.put('a', objectOrNull);
void secrets.put('a', loginOrNull);
void secrets.put('a', record);
void secrets.put('a', values);
void secrets.put('a', { ...login, note: 'more' });
void secrets.put('a', { login, alias, list: [login, login], nothing: null } as const);
void secrets.put('a', { text: '{"an":"ordinary member"}' });
void secrets.put('a', rawJson('{"n":12345678901234567890}'));
void secrets.put<Login>('a', login);
void secrets.patch('a', { user: null, inner: { deep: [] } });
void secrets.patch('a', alias);

// What JSON would change or drop does not.

class Account {
  name = 'ada';
  greet(): string {
    return this.name;
  }
}

// @ts-expect-error a Date would come back as a string
void secrets.put('a', { at: new Date() });
// @ts-expect-error a Map would come back as {}
void secrets.put('a', { map: new Map([['a', 1]]) });
// @ts-expect-error a Set would come back as {}
void secrets.put('a', { set: new Set([1]) });
// @ts-expect-error bytes would come back as an object
void secrets.put('a', { bytes: new Uint8Array(2) });
// @ts-expect-error a bigint can not be written
void secrets.put('a', { n: 1n });
// @ts-expect-error undefined would be dropped
void secrets.put('a', { a: undefined });
// @ts-expect-error undefined in a list would become null
void secrets.put('a', { list: [1, undefined] });
// @ts-expect-error a function would be dropped
void secrets.put('a', { f: () => 1 });
// @ts-expect-error a method would be dropped
void secrets.put('a', { f() {} });
// @ts-expect-error a symbol would be dropped
void secrets.put('a', { s: Symbol('s') });
// @ts-expect-error an instance of a class with a method would lose it
void secrets.put('a', { account: new Account() });
// @ts-expect-error also at the top
void secrets.put('a', new Account());
// @ts-expect-error also at the top
void secrets.put('a', new Date());
// @ts-expect-error a promise that was not awaited
void secrets.put('a', Promise.resolve({ a: 1 }));
// @ts-expect-error deep inside too
void secrets.put('a', { a: [{ b: { c: [new Date()] } }] });
// @ts-expect-error of a union every member counts
void secrets.put('a', { a: null as string | Date | null });

// A secret's value is an object or null.

// @ts-expect-error
void secrets.put('a', 'text');
// @ts-expect-error
void secrets.put('a', 1);
// @ts-expect-error
void secrets.put('a', true);
// @ts-expect-error
void secrets.put('a', undefined);
// @ts-expect-error
void secrets.put('a');
// @ts-expect-error
void secrets.put('a', () => ({}));
// @ts-expect-error a list is no object
void secrets.put('a', [1, 2]);

// Check-and-set takes a version, or a version with its incarnation, such as a secret as read.

async function checkAndSet(): Promise<void> {
  const read = await secrets.get('a');
  if (read !== undefined) await secrets.put('a', {}, { cas: read });
  await secrets.put('a', {}, { cas: await secrets.put('a', {}) });
  await secrets.put('a', {}, { cas: 0 });
  await secrets.put('a', {}, { cas: undefined, signal: undefined });
  // @ts-expect-error a version alone is given as a number
  await secrets.put('a', {}, { cas: { version: 1 } });
  // @ts-expect-error
  await secrets.put('a', {}, { cas: '1' });
  // @ts-expect-error `get` may answer undefined
  await secrets.put('a', {}, { cas: { ...read } });
}

// The same in atomic() and update().

void secrets.atomic((tx) => {
  tx.put('a', login);
  tx.put('a', { at: [1] });
  // @ts-expect-error a Date would come back as a string
  tx.put('a', { at: new Date() });
});
void secrets.update('a', (data) => ({ ...data, n: 1 }));
void secrets.update('a', () => login);
void secrets.update('a', async () => ({ n: 1 }));
void secrets.update('a', (data) => data ?? null);
void secrets.update('a', () => rawJson('{}'));
void secrets.update('a', () => null);
// @ts-expect-error a Date would come back as a string
void secrets.update('a', () => ({ at: new Date() }));
// @ts-expect-error undefined is no value
void secrets.update('a', () => undefined);
// @ts-expect-error undefined is no value
void secrets.update('a', (data) => data);

export type { checkAndSet };
