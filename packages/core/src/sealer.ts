import { SealError } from './errors.ts';

/**
 * Seals what the user wrote before it reaches the storage, and opens it afterwards; never inside a transaction.
 * An implementation must fail closed: bytes that don't open are a `SealError`, never a guess and never the plaintext of something else.
 */
export interface Sealer {
  seal(plaintext: Uint8Array, binding: SealBinding): Promise<Uint8Array>;
  /** @throws SealError `CANNOT_OPEN`, `UNKNOWN_FORMAT`, `KEY_UNAVAILABLE` */
  open(sealed: Uint8Array, binding: SealBinding): Promise<Uint8Array>;
}

/**
 * What sealed bytes are bound to: a record that was moved to another mount or swapped with another record does not open.
 * Never a path or a version number, so that a secret can be moved without its key.
 */
export interface SealBinding {
  readonly mountId: string;
  /** Random, minted with the sealed bytes and kept apart from them. */
  readonly recordId: string;
}

/** 32 random bytes, or an HKDF `CryptoKey` that may derive keys (`deviceKey` of `@sealkv/idb-adapter` makes one), or a function that gets one. */
export type SealKey = Uint8Array | CryptoKey;

const PLAIN = 0;
const AES_GCM = 1;
/** The key's term: which key of a ring sealed this. There is one so far; the field is what rotation needs. */
const TERM = 1;
const NONCE_BYTES = 12;
const HEADER_BYTES = 5;

/**
 * AES-256-GCM on WebCrypto with a random nonce. Every mount has a key of its own (HKDF-SHA-256, salt: the mount's id).
 * Sealed bytes: format (1), term (4, big-endian), nonce (12), ciphertext and tag; the associated data are format, term, mount id and record id.
 * At most 2^32 records may be sealed with one mount's key (NIST SP 800-38D).
 * @throws TypeError for a key that is neither 32 bytes nor an HKDF key
 */
export function aesGcmSealer(given: SealKey | (() => SealKey | Promise<SealKey>)): Sealer {
  if (typeof given !== 'function') assertUsable(given);
  // Bytes are imported with the first use, and a careful caller has wiped theirs by then.
  const key = given instanceof Uint8Array ? new Uint8Array(given) : given;
  // By mount; that of no mount is the root.
  const keys = new Map<string | undefined, Promise<CryptoKey>>();
  const cached = (mountId: string | undefined, make: () => Promise<CryptoKey>): Promise<CryptoKey> => {
    let made = keys.get(mountId);
    if (made === undefined) {
      made = make();
      keys.set(mountId, made);
      // A failure is not kept: the next call asks for the key again.
      made.catch(() => keys.delete(mountId));
    }
    return made;
  };
  const mountKey = (mountId: string): Promise<CryptoKey> =>
    cached(mountId, async () => deriveMountKey(await cached(undefined, () => importRoot(key)), mountId));

  return {
    async seal(plaintext, binding) {
      const aes = await mountKey(binding.mountId);
      const header = new Uint8Array(HEADER_BYTES + NONCE_BYTES);
      header[0] = AES_GCM;
      new DataView(header.buffer).setUint32(1, TERM);
      const iv = crypto.getRandomValues(header.subarray(HEADER_BYTES));
      const additionalData = associatedData(header, binding);
      const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, aes, plaintext as BufferSource);
      return concat(header, new Uint8Array(sealed));
    },
    async open(sealed, binding) {
      assertFormat(sealed, AES_GCM);
      const aes = await mountKey(binding.mountId);
      const iv = sealed.slice(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
      const additionalData = associatedData(sealed, binding);
      try {
        const text = sealed.slice(HEADER_BYTES + NONCE_BYTES);
        return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, aes, text));
      } catch (cause) {
        throw new SealError('CANNOT_OPEN', 'a sealed record does not open: altered, moved, or sealed with another key', { cause });
      }
    },
  };
}

/**
 * A key for HMAC-SHA-256, for one purpose, from the same root as the sealer's keys: what is found by a keyed hash needs no second secret.
 * @throws TypeError for a key that is neither 32 bytes nor an HKDF key; SealError `KEY_UNAVAILABLE`
 */
export async function deriveMacKey(key: SealKey | (() => SealKey | Promise<SealKey>), purpose: string): Promise<CryptoKey> {
  const root = await importRoot(key);
  const params = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(`sealkv mac: ${purpose}`) };
  return crypto.subtle.deriveKey(params, root, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign']);
}

/** Says by name what did not open. */
export async function openNamed<T>(what: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    if (!(error instanceof SealError) || error.code === 'KEY_UNAVAILABLE') throw error;
    throw new SealError(error.code, `${what} does not open: ${error.message}`, { cause: error });
  }
}

/** No sealing at all: what is written can be read by whoever can read the storage. For tests, and where that is a decision. */
export function plaintextSealer(): Sealer {
  return {
    seal: async (plaintext) => concat(new Uint8Array([PLAIN]), plaintext),
    open: async (sealed) => {
      assertFormat(sealed, PLAIN);
      return sealed.slice(1);
    },
  };
}

function assertFormat(sealed: Uint8Array, format: number): void {
  if (sealed[0] === format) return;
  const known = sealed[0] === PLAIN ? 'not sealed at all' : sealed[0] === AES_GCM ? 'sealed with AES-GCM' : 'of a format unknown here';
  throw new SealError('UNKNOWN_FORMAT', `a record is ${known}, which this sealer does not open`);
}

function assertUsable(key: unknown): asserts key is SealKey {
  const bytes = key instanceof Uint8Array && key.length === 32;
  const hkdf = typeof key === 'object' && key !== null && 'algorithm' in key && (key as CryptoKey).algorithm.name === 'HKDF';
  if (!bytes && !hkdf) throw new TypeError('the key must be 32 bytes (Uint8Array) or an HKDF CryptoKey');
}

async function importRoot(key: SealKey | (() => SealKey | Promise<SealKey>)): Promise<CryptoKey> {
  let given: unknown = key;
  if (typeof key === 'function') {
    try {
      given = await key();
    } catch (cause) {
      throw new SealError('KEY_UNAVAILABLE', 'the key could not be had', { cause });
    }
  }
  assertUsable(given);
  return given instanceof Uint8Array ? crypto.subtle.importKey('raw', given as BufferSource, 'HKDF', false, ['deriveKey']) : given;
}

function deriveMountKey(root: CryptoKey, mountId: string): Promise<CryptoKey> {
  const params = { name: 'HKDF', hash: 'SHA-256', salt: utf8(mountId), info: utf8('sealkv mount key') };
  return crypto.subtle.deriveKey(params, root, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

function associatedData(header: Uint8Array, { mountId, recordId }: SealBinding): Uint8Array<ArrayBuffer> {
  // Ids contain no line feed, so the parts can't run into one another.
  return concat(header.subarray(0, HEADER_BYTES), utf8(`${mountId}\n${recordId}`));
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
