import type { ReadTx, Write } from '@sealkv/core';
import { ApiError } from '../../api-error.ts';
import { authDataPrefix, putRecord, readRecord } from '../../records.ts';
import { lockoutKey } from '../lockout.ts';
import type { TokenParameters } from '../token-parameters.ts';
import type { PasswordHash } from './password-hash.ts';

/** A user as it is stored, under its name in lower case. */
export interface User {
  readonly password: PasswordHash;
  readonly parameters: TokenParameters;
}

export const usersPrefix = (mountId: string): string => `${authDataPrefix(mountId)}u/`;

const userKey = (mountId: string, name: string): string => usersPrefix(mountId) + name;

/** The one name that a user goes by, as captured from a path: of letters, digits, `_`, `-` and `.`, so there is nothing else to fold. */
export function userName({ username }: Readonly<Record<string, string>>): string {
  return username!.toLowerCase();
}

export async function loadUser(tx: ReadTx, mountId: string, name: string): Promise<User | undefined> {
  const bytes = await tx.get(userKey(mountId, name));
  return bytes && readRecord<User>(bytes).facts;
}

/** @throws ApiError 400 */
export async function mustLoadUser(tx: ReadTx, mountId: string, name: string): Promise<User> {
  const user = await loadUser(tx, mountId, name);
  if (user === undefined) throw new ApiError(400, 'username does not exist');
  return user;
}

export function putUser(mountId: string, name: string, user: User): Write {
  return putRecord(userKey(mountId, name), user);
}

/** Its failures go with it. */
export function deleteUser(mountId: string, name: string): Write[] {
  return [userKey(mountId, name), lockoutKey(mountId, name)].map((key) => ({ kind: 'delete', key }));
}
