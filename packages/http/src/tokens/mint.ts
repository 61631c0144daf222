import { base64Url } from '../keys.ts';
import type { Services } from '../services.ts';

/** A token that is not stored yet. */
export interface Minted {
  /** The token itself: told once, to whom it is for, and not kept. */
  readonly id: string;
  readonly hash: string;
  readonly accessor: string;
}

/** 256 random bits as a token. Made before the transaction that stores it, since hashing needs WebCrypto. */
export async function mintToken(services: Services, ownId?: string): Promise<Minted> {
  const { namespaceId } = services;
  // The namespace's id leads the Worker to the right object, and means nothing else.
  const id = ownId ?? `s.${base64Url(services.randomBytes(32))}${namespaceId === undefined ? '' : `.${namespaceId}`}`;
  return { id, hash: await services.keys.mac('token', id), accessor: accessorOf(services.randomBytes(24)) };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits only, one for each byte: accessors are arguments of commands, where a dash would make an option of them. That some come up a little more often leaves 141 bits. */
function accessorOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}
