import { badRequest } from '../../api-error.ts';

export const passwordFields = {
  password: { type: 'string', about: 'The password.' },
  password_hash: { type: 'string', about: 'Not supported: a password that was hashed with bcrypt elsewhere.' },
} as const;

/**
 * The new password of a request; undefined if it names none.
 * @throws ApiError 400
 */
export function givenPassword({
  password = '',
  password_hash: hash = '',
}: {
  readonly password?: string | undefined;
  readonly password_hash?: string | undefined;
}): string | undefined {
  if (password !== '' && hash !== '') throw badRequest('only one of password or password_hash may be provided');
  // Cloudflare has no bcrypt, and compiles no WebAssembly that would have it.
  if (hash !== '') throw badRequest('password_hash is not supported, as bcrypt is not available here: give the password');
  return password === '' ? undefined : password;
}

export const passwordMissing = (): Error => badRequest('must provide either password or password_hash');
