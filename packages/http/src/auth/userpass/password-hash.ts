import { base64Url } from '../../keys.ts';
import type { Services } from '../../services.ts';

/**
 * A password as it is kept: PBKDF2 (HMAC-SHA-256), and an HMAC of what comes out with a key that is derived from the seal key.
 *
 * Cloudflare refuses more than 100,000 iterations of PBKDF2 in one call and compiles no WebAssembly at run time, so there is neither a slower PBKDF2
 * nor argon2 or bcrypt. Several calls in a row would be as slow to guess as one of their sum, and as slow for us: 600,000 iterations are some 200 ms of
 * an object's only thread for every login, and for every attempt of somebody who has no password at all. The HMAC buys more for less: whoever has
 * the storage but not the seal key can't test a single guess, however fast their machine is; and whoever has both can open the secrets without any
 * password.
 */
export interface PasswordHash {
  /** 16 random bytes as hexadecimal digits. */
  readonly salt: string;
  readonly iterations: number;
  readonly hash: string;
}

/** The most that production takes; local workerd and Node take any number. */
export const MAX_ITERATIONS = 100_000;

export async function hashPassword(services: Services, password: string): Promise<PasswordHash> {
  const salt = hex(services.randomBytes(16));
  return { salt, iterations: MAX_ITERATIONS, hash: await derive(services, password, salt, MAX_ITERATIONS) };
}

// What the password of a user who does not exist is compared with. Nothing hashes to it.
const NOBODY: PasswordHash = { salt: '00'.repeat(16), iterations: MAX_ITERATIONS, hash: '' };

/** Whether it is the password. For a user who does not exist it is not, and that takes as long. */
export async function isPassword(services: Services, password: string, { salt, iterations, hash }: PasswordHash = NOBODY): Promise<boolean> {
  // Keyed hashes: how far they agree tells nobody anything.
  return (await derive(services, password, salt, iterations)) === hash;
}

async function derive(services: Services, password: string, salt: string, iterations: number): Promise<string> {
  if (iterations > MAX_ITERATIONS) throw new RangeError(`PBKDF2 with ${iterations} iterations would be refused in production`);
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(password), 'PBKDF2', false, ['deriveBits']);
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes(salt), iterations };
  const derived = await crypto.subtle.deriveBits(parameters, key, 256);
  return services.keys.mac('login', `password ${salt} ${base64Url(new Uint8Array(derived))}`);
}

function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function bytes(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
