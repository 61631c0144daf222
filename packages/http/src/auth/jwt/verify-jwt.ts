import { isSealKvError } from '@sealkv/core';
import { parseTree } from '@sealkv/core/json';
import type { JWK } from 'jose';
import { compactVerify, decodeProtectedHeader, errors, importJWK, importSPKI, importX509 } from 'jose';
import { badRequest } from '../../api-error.ts';
import type { Claims } from './claims.ts';

/** Signatures with a public key only: `none` is no signature, and an HMAC can be made by whoever can check it. (OpenBao sdk/helper/consts/jwt.go.) */
export const ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/** A public key or certificate in PEM, or a key of a key set. */
export type VerificationKey = string | JWK;

const MAX_TOKEN_LENGTH = 16_384;
const MAX_DEPTH = 20;
// Checking a signature takes a fraction of a millisecond; whoever sends a token does not get to ask for many.
const MAX_KEYS_TRIED = 20;

export interface JwtHeader {
  readonly algorithm: string;
  readonly keyId: string | undefined;
}

/**
 * What a token says of how it was signed.
 * @throws ApiError 400
 */
export function headerOf(token: string): JwtHeader {
  if (token.length > MAX_TOKEN_LENGTH) throw unverified(`it is longer than ${MAX_TOKEN_LENGTH} characters`);
  try {
    const { alg = '', kid } = decodeProtectedHeader(token);
    return { algorithm: alg, keyId: typeof kid === 'string' ? kid : undefined };
  } catch {
    throw unverified('it is not a compact JWS');
  }
}

/**
 * The claims of a token that one of the keys has signed, by one of the algorithms.
 * @throws ApiError 400
 */
export async function verifyJwt(token: string, keys: readonly VerificationKey[], algorithms: readonly string[]): Promise<Claims> {
  const { algorithm, keyId } = headerOf(token);
  if (!algorithms.includes(algorithm))
    throw badRequest('error validating token: invalid algorithm (alg) header parameter: token signed with unexpected algorithm');
  const candidates = keys.filter((key) => typeof key === 'string' || keyId === undefined || key.kid === undefined || key.kid === keyId);
  for (const key of candidates.slice(0, MAX_KEYS_TRIED)) {
    const payload = await payloadIfSigned(token, key, algorithm);
    if (payload !== undefined) return parseClaims(payload);
  }
  throw unverified('no known key has signed it');
}

/** Whether it can be a key of any of the algorithms. */
export async function isPublicKey(pem: string): Promise<boolean> {
  const imports = ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256'].map((algorithm) => importKey(pem, algorithm));
  return (await Promise.all(imports)).some((key) => key !== undefined);
}

async function payloadIfSigned(token: string, key: VerificationKey, algorithm: string): Promise<Uint8Array | undefined> {
  const imported = await importKey(key, algorithm);
  if (imported === undefined) return undefined;
  try {
    const { payload, protectedHeader } = await compactVerify(token, imported, { algorithms: [algorithm] });
    return protectedHeader.b64 === false ? undefined : payload;
  } catch (error) {
    // A key that is too short is none, which jose says by a TypeError.
    if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Undefined if it is no key of that algorithm. */
async function importKey(key: VerificationKey, algorithm: string): Promise<CryptoKey | undefined> {
  try {
    if (typeof key === 'string') return await (key.includes('BEGIN CERTIFICATE') ? importX509(key, algorithm) : importSPKI(key, algorithm));
    if (key.alg !== undefined && key.alg !== algorithm) return undefined;
    const imported = await importJWK(key, algorithm);
    return imported instanceof Uint8Array ? undefined : imported;
  } catch {
    return undefined;
  }
}

function parseClaims(payload: Uint8Array): Claims {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    const tree = parseTree(text, { maxBytes: Infinity, maxDepth: MAX_DEPTH });
    if (tree instanceof Map) return tree as Claims;
  } catch (error) {
    if (!isSealKvError(error) && !(error instanceof TypeError)) throw error;
  }
  throw badRequest('error validating token: its claims are not a JSON object');
}

function unverified(problem: string): Error {
  return badRequest(`error validating token: error verifying token signature: ${problem}`);
}
