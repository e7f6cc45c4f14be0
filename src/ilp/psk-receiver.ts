/**
 * A PSK 1.0 receiver that keeps no state (RFC-16 draft 3, lengths as in the reference code): whoever gets an address
 * segment and a shared secret can pay, and the receiver finds the secret again from the segment. Later segments, such as
 * a payment id, do not change it.
 */
import { equal, fromBase64, toBase64url, utf8 } from '../bytes/index.js'
import { hmacSha256, randomBytes } from '../crypto/index.js'
import { IlpError } from './errors.js'

const RECEIVER_ID_BYTES = 8
const TOKEN_BYTES = 16
const SHARED_SECRET_BYTES = 16
/** Base64url characters of the receiver id; with those of the token, a segment has 33. */
const RECEIVER_ID_CHARACTERS = 11
const SEGMENT_CHARACTERS = 33

export interface PskAccess {
  /** To append to the receiver's account: 33 characters, one segment. */
  readonly segment: string
  /** 16 bytes. */
  readonly sharedSecret: Uint8Array
}

/** 8 bytes that tell this receiver's segments from others'. */
export function pskReceiverId(receiverSecret: Uint8Array): Uint8Array {
  return hmacSha256(receiverSecret, utf8('ilp_psk_receiver_id')).subarray(0, RECEIVER_ID_BYTES)
}

/** Segment and secret for a new payer; `token` is 16 random bytes. @throws {IlpError} `ILP_PSK` for another length */
export function pskAccess(receiverSecret: Uint8Array, token: Uint8Array = randomBytes(TOKEN_BYTES)): PskAccess {
  if (token.length !== TOKEN_BYTES) throw new IlpError('ILP_PSK', `expected a token of ${TOKEN_BYTES} bytes`)
  return {
    segment: toBase64url(pskReceiverId(receiverSecret)) + toBase64url(token),
    sharedSecret: sharedSecretOf(receiverSecret, token),
  }
}

/** Whether a segment names this receiver, be the rest of it good or not. */
export function isPskSegmentOf(receiverSecret: Uint8Array, segment: string): boolean {
  return equal(utf8(segment.slice(0, RECEIVER_ID_CHARACTERS)), utf8(toBase64url(pskReceiverId(receiverSecret))))
}

/** The shared secret of a segment, or `undefined` when it is not one that {@link pskAccess} makes for this receiver. */
export function pskSharedSecret(receiverSecret: Uint8Array, segment: string): Uint8Array | undefined {
  if (segment.length !== SEGMENT_CHARACTERS || !isPskSegmentOf(receiverSecret, segment)) return undefined
  try {
    return sharedSecretOf(receiverSecret, fromBase64(segment.slice(RECEIVER_ID_CHARACTERS)))
  } catch {
    return undefined
  }
}

function sharedSecretOf(receiverSecret: Uint8Array, token: Uint8Array): Uint8Array {
  return hmacSha256(hmacSha256(receiverSecret, utf8('ilp_psk_generation')), token).subarray(0, SHARED_SECRET_BYTES)
}
